/**
 * A capture as the simulated replays need it: where frees went, which page tables are no requests, and the
 * parts that both ways of going through it are made of.
 */

import { NR_FREETYPE_IDXS } from '../../kernel/migratetypes.js';
import { NR_PAGE_ORDERS } from '../../kernel/orders.js';
import type { Snapshot } from '../../machine/snapshot.js';
import { type CoreObserver, NO_OBSERVER } from '../../pagealloc/core.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { KIND } from '../../trace/events.js';
import { LabelCollector } from '../../trace/labels.js';
import { FlipComparison } from '../flips.js';
import type { LoadedCapture } from '../load-capture.js';
import type { Bypasses } from '../recorded/bypass.js';
import { findBypasses } from '../recorded/bypasses.js';
import { CompactionScans } from '../recorded/compaction-scans.js';
import { Rotations } from '../recorded/rotations.js';
import { RecordedReplay } from '../recorded.js';
import { SilentOperations } from '../silent-operations.js';
import { inSlices } from '../slices.js';
import type { SimulatedResult } from '../validation.js';
import { Background, type SilentChanges } from './background.js';
import {
  commonPrefix,
  listen,
  type Operations,
  recordedOperationAt,
  recordedOperations,
} from './buddy-operations.js';
import { type Destinations, freeDestinations } from './free-destinations.js';
import { FreeRunningReplay } from './free-running.js';
import type { Interleaving } from './interleaving.js';
import { KernelLists } from './kernel-lists.js';
import { movedRequests } from './list-cpus.js';
import { ModelCompaction } from './model-compaction.js';
import { OneStepReplay } from './one-step.js';
import { type OperationTimes, operationTimes } from './operation-times.js';
import { PageBindings } from './page-bindings.js';
import { Requests } from './requests.js';
import { type SimulatedCore, simulatedCore } from './simulated-core.js';
import { soundEvents } from './sound-events.js';
import { TaskOrder } from './task-order.js';

export class SimulatedCapture {
  private readonly loaded: LoadedCapture;
  private readonly destinations: Destinations;
  private readonly zoneOfAddress: ReadonlyMap<number, number>;
  private readonly splitTables: ReadonlySet<number>;
  private readonly times: OperationTimes;
  private readonly moved: ReadonlyMap<number, number>;
  /** Events after which the model's lists contradicted themselves. */
  contradictions = 0;
  private extfragRecorded = 0;
  private interleavings: ReadonlyMap<number, Interleaving> = new Map();

  constructor(given: LoadedCapture) {
    const { before, machine } = given;
    const events = soundEvents(given.events, machine, before.vmemmap);
    const loaded = { ...given, events };
    this.loaded = loaded;
    this.destinations = freeDestinations(events, before.vmemmap, bypassesOf(loaded));
    this.zoneOfAddress = new Map(
      before.zones.map(({ zone, address }) => [
        address,
        machine.zones.findIndex(({ index }) => index === zone),
      ]),
    );
    this.splitTables = before.freetypes ? splitTableLines(loaded) : new Set();
    this.times = operationTimes(events);
    this.moved = movedRequests(events, new TaskOrder(events), before);
  }

  /** Up to an event, exclusive. */
  async oneStep(
    end: number,
  ): Promise<{ core: SimulatedCore; oneStep: OneStepReplay; flips: FlipComparison }> {
    const { before, machine, events, gfpBits } = this.loaded;
    const flips = new FlipComparison(events);
    const core = simulatedCore(machine, before, { ...NO_OBSERVER, flip: flips.flip });
    const recorded = new RecordedReplay(machine, before, events, gfpBits);
    const tasks = new TaskOrder(events);
    const { destinations, zoneOfAddress, times } = this;
    const kernel = new KernelLists(recorded, before, events, destinations, zoneOfAddress, tasks.nextOwn);
    const silent = new SilentOperations(core.allocator, events, before.vmemmap, gfpBits);
    const requests = this.requests(core);
    const background = this.background(core, this.withScans(core, silent, silent), null, tasks);
    const oneStep = new OneStepReplay({ core, kernel, requests, background, tasks, times }, events);
    oneStep.onEvent = (i) => {
      flips.at = i;
    };
    oneStep.onFailure = () => flips.failed();
    await inSlices(0, end, (from, to) => oneStep.run(from, to));
    this.extfragRecorded = recorded.extfragRecorded;
    this.interleavings = oneStep.interleavings;
    this.contradictions += oneStep.lostStates;
    return { core, oneStep, flips };
  }

  /** After oneStep(), from which it has the order in which tasks took their pages (R13). */
  async freeRunning(): Promise<SimulatedResult['freeRunning']> {
    const { events } = this.loaded;
    const recorded = recordedOperations(events);
    const run = await this.freeRun(this.interleavings, recorded);
    const inLineOrder = await this.freeRun(new Map(), recorded);
    const { sameBuddyEvents, predicted } = run;
    return {
      buddyEvents: recorded.length,
      sameBuddyEvents,
      buddyinfoError: run.buddyinfoError,
      pagetypeinfoError: run.pagetypeinfoError,
      extfrag: { recorded: this.extfragRecorded, predicted },
      firstDifference:
        sameBuddyEvents < recorded.length ? events.line[recordedOperationAt(events, sameBuddyEvents)] : null,
      inLineOrder: {
        sameBuddyEvents: inLineOrder.sameBuddyEvents,
        buddyinfoError: inLineOrder.buddyinfoError,
        predicted: inLineOrder.predicted,
      },
    };
  }

  private async freeRun(interleavings: ReadonlyMap<number, Interleaving>, recorded: Operations) {
    const { before, after, machine, events, gfpBits } = this.loaded;
    let predicted = 0;
    const observer: CoreObserver = {
      ...NO_OBSERVER,
      fallback: () => {
        predicted++;
      },
    };
    const core = simulatedCore(machine, before, observer);
    const bindings = new PageBindings();
    const compaction = new ModelCompaction(core.allocator, events, before.vmemmap, gfpBits, bindings);
    const tasks = new TaskOrder(events);
    const changes = this.withScans(core, compaction, compaction.captures);
    const background = this.background(core, changes, bindings, tasks);
    const requests = this.requests(core);
    const parts = { core, requests, background, bindings, tasks, times: this.times, interleavings };
    const replay = new FreeRunningReplay(parts, events);
    const operations = listen(core.allocator);
    await inSlices(0, events.length, (from, to) => replay.run(from, to));
    this.contradictions += replay.brokenInvariants;
    return {
      sameBuddyEvents: commonPrefix(recorded, operations),
      predicted,
      ...blockErrors(core.allocator, after),
    };
  }

  private requests(core: SimulatedCore): Requests {
    const { events, gfpBits } = this.loaded;
    return new Requests(core.allocator, events, gfpBits, this.splitTables, this.moved);
  }

  /** Compaction's searches rotate the model's lists as they rotated the kernel's, as far as events tell (R16 b). */
  private withScans(core: SimulatedCore, changes: SilentChanges, silent: SilentOperations): SilentChanges {
    const { allocator } = core;
    const { events, before } = this.loaded;
    const scans = new CompactionScans(allocator, events, before.vmemmap, new Rotations(allocator), silent);
    return {
      event: (i, kind) => {
        allocator.lists.cpu = events.cpu[i];
        scans.event(i, kind);
        changes.event(i, kind);
      },
      captureOf: (pid) => changes.captureOf(pid),
    };
  }

  private background(
    core: SimulatedCore,
    silentChanges: SilentChanges,
    bindings: PageBindings | null,
    tasks: TaskOrder,
  ): Background {
    return new Background(core.allocator, this.loaded.events, {
      vmemmap: this.loaded.before.vmemmap,
      destinations: this.destinations,
      zoneOfAddress: this.zoneOfAddress,
      silentChanges,
      bindings,
      nextOwn: tasks.nextOwn,
    });
  }
}

/** Frees past the pcp lists that only rules tell: all of them, where the trace has no probes. */
function bypassesOf({ machine, before, events, gfpBits }: LoadedCapture): Bypasses {
  return findBypasses(events, {
    endPfn: machine.endPfn,
    vmemmap: before.vmemmap,
    zoneOf: (pfn) => machine.zones.findLastIndex(({ startPfn }) => pfn >= startPfn),
    gfpBits,
    freesInChunks: machine.rules.freesInChunks,
  });
}

/** Lines of the page tables that splits of the recorded kernel's direct map took. */
function splitTableLines({ before, events, gfps }: LoadedCapture): ReadonlySet<number> {
  const labels = new LabelCollector({ gfps, vmemmap: before.vmemmap, pageOffset: before.pageOffset });
  labels.add(events);
  const tables = labels.finish().splitTables.cursor();
  const lines = new Set<number>();
  for (let i = 0; i < events.length; i++)
    if (events.kind[i] === KIND.alloc && tables.at(events.file[i], events.line[i]) !== 0)
      lines.add(events.line[i]);
  return lines;
}

/** Largest difference of block counts: over zones and orders, and over types as well. */
function blockErrors({ machine, lists }: PageAllocator, snapshot: Snapshot) {
  const recorded = new Map<string, number>();
  for (const { zone, order, freetype, pfns } of snapshot.freeLists)
    recorded.set(`${zone}/${order}/${freetype}`, pfns.length);
  let buddyinfoError = 0;
  let pagetypeinfoError = 0;
  machine.zones.forEach(({ index }, zone) => {
    for (let order = 0; order < NR_PAGE_ORDERS; order++) {
      let sum = 0;
      for (let freetype = 0; freetype < NR_FREETYPE_IDXS; freetype++) {
        const difference =
          lists.length[lists.list(zone, order, freetype)] -
          (recorded.get(`${index}/${order}/${freetype}`) ?? 0);
        pagetypeinfoError = Math.max(pagetypeinfoError, Math.abs(difference));
        sum += difference;
      }
      buddyinfoError = Math.max(buddyinfoError, Math.abs(sum));
    }
  });
  return { buddyinfoError, pagetypeinfoError };
}
