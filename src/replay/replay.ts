/**
 * Feeds the events of a trace to one core: which of them are requests, what class they carry, what page of
 * the simulation stands for a page of the trace (DESIGN §4).
 *
 * The loop touches no object per event. One request object and one free context are filled again and
 * again; cores must not keep them.
 */

import type { DirectMap } from '../directmap/direct-map.js';
import { NR_CLASSES, PLAIN, UNMAPPED } from '../kernel/classes.js';
import { GFP_KERNEL, gfpMigratetype } from '../kernel/gfp.js';
import { MAX_PAGE_ORDER } from '../kernel/orders.js';
import type { Machine } from '../machine/machine.js';
import { Accounting } from '../metrics/accounting.js';
import type { AllocRequest, Core, CoreMeasures, FreeContext } from '../pagealloc/core.js';
import type { MemoryView } from '../pagealloc/memory-view.js';
import { type EventColumns, isInInterrupt, UNKNOWN_CPU } from '../trace/columns.js';
import { KIND } from '../trace/events.js';
import { isAfterBalance } from '../trace/kswapd-balance.js';
import type { LineCursor } from '../trace/line-values.js';
import { MarkTable } from '../trace/mark-table.js';
import { pfnOfStructPage } from '../trace/struct-page.js';
import type { EventRecorder } from './event-recorder.js';
import { FREED, LIVE, LivePages, LOST, UNSEEN } from './live-pages.js';
import { PageTableSource } from './page-table-source.js';
import type { ReplayPlan } from './plan.js';

const NS_PER_SECOND = 1e9;
/** The file column has 16 bits. */
const MAX_FILES = 2 ** 16;
/** Of a file with markers: before snapshot 1, up to snapshot 2, and after it. */
const BEFORE = 0;
const INSIDE = 1;
const AFTER = 2;

/** A request that a marker of a freetype capture announced and that its mm_page_alloc line has yet to show. */
interface AnnouncedRequest {
  order: number;
  migratetype: number;
  gfp: number;
  pageClass: number;
  cpu: number;
}

const NOT_BALANCING = Number.NaN;

export class Replay {
  readonly accounting = new Accounting();
  readonly markTable: MarkTable;
  readonly core: Core;
  private readonly plan: ReplayPlan;
  private readonly directMap: DirectMap;
  private readonly machine: Machine;
  private readonly recorder: EventRecorder | null;
  private readonly measures: CoreMeasures | null;
  private readonly memory: MemoryView | null;
  private readonly live = new LivePages();
  private readonly labels: LineCursor | null;
  private readonly splitTables: LineCursor | null;
  private readonly balanceEnds: LineCursor;
  private readonly isRecordedPlacement: boolean;
  private readonly announced = new Map<number, AnnouncedRequest>();
  private readonly request: AllocRequest = {
    order: 0,
    migratetype: 0,
    gfp: 0,
    pageClass: PLAIN,
    cpu: 0,
    inInterrupt: false,
    isMarked: false,
  };
  private readonly context: FreeContext = { pageClass: PLAIN, cpu: 0, inInterrupt: false };
  private readonly lastTick: Float64Array;
  /** By file: whether its events count now. */
  private readonly windows: Uint8Array;
  private done = false;
  private timeNs = 0;
  /** pid of kswapd while it balances the node. */
  private balancing = NOT_BALANCING;
  /** Page that compaction takes back: the free line that follows is no free (page-allocator §9.2 item 4). */
  private keptByCompaction = -1;

  constructor(
    core: Core,
    directMap: DirectMap,
    machine: Machine,
    plan: ReplayPlan,
    recorder: EventRecorder | null,
  ) {
    this.core = core;
    this.directMap = directMap;
    this.machine = machine;
    this.plan = plan;
    this.recorder = recorder;
    this.measures = core.measures?.() ?? null;
    this.isRecordedPlacement = plan.placement === 'recorded';
    // The core under test makes its own page tables, so those of the recorded kernel's splits are left out;
    // with recorded placement they stay, and the splits of the model take none.
    this.balanceEnds = plan.balanceEnds.cursor();
    this.splitTables = this.isRecordedPlacement ? null : (plan.splitTables?.cursor() ?? null);
    this.labels = plan.labels?.cursor() ?? null;
    this.markTable = new MarkTable(plan.marks, { comms: plan.comms, gfpBits: (gfp) => plan.gfpBits[gfp] });
    this.windows = new Uint8Array(MAX_FILES).fill(INSIDE);
    for (const file of plan.filesWithSnapshots) this.windows[file] = BEFORE;
    this.lastTick = new Float64Array(machine.cpus).fill(-1);
    if (!this.isRecordedPlacement) {
      const source = new PageTableSource(core, this.accounting, recorder, () => this.request.cpu);
      directMap.pageTableSource = () => source.take();
      directMap.pageTableReturn = () => source.giveBack();
    }
    this.memory = this.measures?.memory ?? null;
    if (this.memory !== null) this.accounting.free2MMin = this.memory.free2M();
  }

  /** True when the rest of the trace does not matter any more. */
  get isDone(): boolean {
    return this.done;
  }

  feed(columns: EventColumns): void {
    const { length, kind, line, timeNs, file } = columns;
    const { untilLine, untilNs } = this.plan;
    const { windows } = this;
    for (let i = 0; i < length && !this.done; i++) {
      if (line[i] >= untilLine || timeNs[i] > untilNs) {
        this.done = true;
        return;
      }
      if (windows[file[i]] !== INSIDE) {
        if (kind[i] === KIND.snapshot && columns.a[i] === 1) windows[file[i]] = INSIDE;
        continue;
      }
      this.event(columns, i, kind[i]);
    }
  }

  finish(): void {
    this.core.validate();
  }

  private event(columns: EventColumns, i: number, kind: number): void {
    this.apply(columns, i, kind);
    if (this.balancing === columns.pid[i] && this.balanceEnds.at(columns.file[i], columns.line[i]) !== 0)
      this.endBalance();
  }

  private apply(columns: EventColumns, i: number, kind: number): void {
    // Not in advance(): what a drain or a decay sets off is due to its own line, too.
    this.recorder?.at(columns.file[i], columns.line[i], columns.timeNs[i], columns.cpu[i]);
    switch (kind) {
      case KIND.alloc:
        this.advance(columns, i);
        this.alloc(columns, i);
        break;
      case KIND.free:
        this.advance(columns, i);
        this.free(columns, i, columns.order[i]);
        break;
      case KIND.freeBatched:
        this.batched(columns, i);
        break;
      case KIND.decayPcpHigh:
        this.decay(columns, i);
        break;
      case KIND.kswapdWake:
      case KIND.kswapdSleep:
      case KIND.isolationSuitableReset:
      case KIND.compactionSuitable:
        this.kswapd(columns, i);
        break;
      case KIND.compactionFree:
        this.keptByCompaction = pfnOfStructPage(columns.pfn[i], this.plan.vmemmap);
        break;
      case KIND.requestAlloc:
        this.announce(columns, i);
        break;
      case KIND.resultNone:
        this.refusedAtOnce(columns, i);
        break;
      case KIND.requestDrainAll:
        this.core.drain?.(-1);
        break;
      case KIND.requestDrainLocal:
        this.core.drain?.(this.cpuOf(columns, i));
        break;
      case KIND.snapshot:
        if (columns.a[i] === 2) this.windows[columns.file[i]] = AFTER;
        break;
    }
  }

  private alloc(columns: EventColumns, i: number): void {
    const line = columns.line[i];
    const file = columns.file[i];
    if (this.splitTables !== null && this.splitTables.at(file, line) !== 0) {
      this.accounting.skipped.recordedPageTables++;
      return;
    }
    this.fillRequest(columns, i);
    const pfn = columns.pfn[i];
    if (pfn < 0) {
      this.accounting.failedInRecording++;
      const simulated = this.ask(-1);
      // The recorded task got nothing and will free nothing: what the core found goes back at once.
      if (simulated >= 0) this.undo(simulated);
      return;
    }
    this.giveBackLost(pfn, this.request.order);
    const simulated = this.ask(pfn);
    this.bind(pfn, this.request.order, simulated, this.request.pageClass);
  }

  /** What the event asks for: the announced request of a freetype capture, else the line, its label, its mark. */
  private fillRequest(columns: EventColumns, i: number): void {
    const request = this.request;
    const pid = columns.pid[i];
    request.inInterrupt = isInInterrupt(columns.context[i]);
    request.cpu = this.cpuOf(columns, i);
    request.order = Math.min(columns.order[i], MAX_PAGE_ORDER);
    if (this.announced.size > 0) {
      const announced = this.announced.get(pid);
      if (announced !== undefined && announced.order === request.order && !request.inInterrupt) {
        this.announced.delete(pid);
        request.migratetype = announced.migratetype;
        request.gfp = announced.gfp;
        request.pageClass = announced.pageClass;
        request.isMarked = false;
        return;
      }
    }
    const gfp = columns.gfp[i];
    request.gfp = gfp === 0 ? GFP_KERNEL : this.plan.gfpBits[gfp];
    const migratetype = columns.migratetype[i];
    request.migratetype =
      migratetype >= 0 && migratetype < 3 ? migratetype : Math.min(gfpMigratetype(request.gfp), 2);
    request.pageClass = columns.pageClass[i];
    request.isMarked = false;
    if (request.pageClass !== PLAIN) return;
    request.pageClass = this.labels === null ? PLAIN : this.labels.at(columns.file[i], columns.line[i]);
    if (request.pageClass === PLAIN) {
      request.pageClass = this.markTable.take(columns.comm[i], gfp, request.order, request.migratetype, pid);
    }
    request.isMarked = request.pageClass !== PLAIN;
  }

  /** Puts the filled request to the core and counts the answer. `recordedPfn` is where the kernel placed it. */
  private ask(recordedPfn: number): number {
    const { request, accounting } = this;
    const { order, pageClass } = request;
    const pages = 1 << order;
    accounting.requests++;
    accounting.classRequests[pageClass]++;
    const simulated =
      this.isRecordedPlacement && recordedPfn >= 0 && this.core.allocAt !== undefined
        ? this.core.allocAt(recordedPfn, request)
        : this.core.alloc(request);
    this.noteFree2M();
    if (simulated < 0) {
      accounting.failed++;
      accounting.failedByReason[-simulated]++;
      accounting.failedByOrder[order]++;
      accounting.classFailed[pageClass]++;
      this.strandedAtFailure(pageClass);
      this.recorder?.failure(order, simulated);
      return simulated;
    }
    accounting.served++;
    accounting.pagesServed += pages;
    accounting.livePages += pages;
    if (accounting.livePages > accounting.peakPages) accounting.peakPages = accounting.livePages;
    accounting.classServed[pageClass]++;
    accounting.classPages[pageClass] += pages;
    const classLive = accounting.classLivePages[pageClass] + pages;
    accounting.classLivePages[pageClass] = classLive;
    if (classLive > accounting.classPeakPages[pageClass]) accounting.classPeakPages[pageClass] = classLive;
    return simulated;
  }

  /** A live page that is handed out again: its free was lost. The old page goes back before the request. */
  private giveBackLost(pfn: number, order: number): void {
    const { live } = this;
    for (let k = 0; k < 1 << order; k++) {
      const entry = live.entryOf(pfn + k);
      if (live.state[entry] >= LIVE) this.giveBackPage(entry);
    }
  }

  /** Remembers which simulated page stands for each page of the trace. */
  private bind(pfn: number, order: number, simulated: number, pageClass: number): void {
    const { live } = this;
    for (let k = 0; k < 1 << order; k++) {
      const entry = live.entryOf(pfn + k);
      if (simulated < 0) {
        live.state[entry] = LOST;
        continue;
      }
      live.state[entry] = LIVE + pageClass;
      live.simulated[entry] = simulated + k;
    }
  }

  private free(columns: EventColumns, i: number, order: number): void {
    const pfn = columns.pfn[i];
    if (pfn === this.keptByCompaction) {
      this.keptByCompaction = -1;
      this.accounting.skipped.freesAfterCompactionFree++;
      return;
    }
    if (pfn < 0) return;
    this.context.cpu = this.cpuOf(columns, i);
    this.context.inInterrupt = isInInterrupt(columns.context[i]);
    this.request.cpu = this.context.cpu;
    this.freeBlock(pfn, Math.max(order, 0));
  }

  /** A repeat of a free that was told already, unless the page is still live (trace-formats §5.2 item 3). */
  private batched(columns: EventColumns, i: number): void {
    const pfn = columns.pfn[i];
    if (pfn < 0) return;
    if (this.live.state[this.live.entryOf(pfn)] < LIVE) {
      this.accounting.skipped.batchRepeats++;
      return;
    }
    this.free(columns, i, 0);
  }

  private freeBlock(pfn: number, order: number): void {
    const { live } = this;
    const first = live.entryOf(pfn);
    const state = live.state[first];
    if (state >= LIVE && this.isOneBlock(pfn, first, order)) {
      const simulated = live.simulated[first];
      if (order === 0) live.state[first] = FREED;
      else for (let k = 0; k < 1 << order; k++) live.state[live.entryOf(pfn + k)] = FREED;
      this.giveBack(simulated, order, state - LIVE);
      return;
    }
    if (state === UNSEEN && this.isStartBlock(pfn, order)) {
      for (let k = 0; k < 1 << order; k++) live.state[live.entryOf(pfn + k)] = FREED;
      this.freeFromStart(pfn, order);
      return;
    }
    for (let k = 0; k < 1 << order; k++) this.freeOnePage(pfn + k);
  }

  /** A free that is neither one block of ours nor one of the start: page by page, each as what it is. */
  private freeOnePage(pfn: number): void {
    const { live, accounting } = this;
    const entry = live.entryOf(pfn);
    const state = live.state[entry];
    if (state >= LIVE) {
      live.state[entry] = FREED;
      this.giveBack(live.simulated[entry], 0, state - LIVE);
    } else if (state === LOST) {
      live.state[entry] = FREED;
      accounting.skipped.freesOfFailedRequests++;
    } else if (state === UNSEEN && this.plan.startLive.isLive(pfn)) {
      live.state[entry] = FREED;
      this.freeFromStart(pfn, 0);
    } else {
      live.state[entry] = FREED;
      accounting.skipped.freesOfUnseenPages++;
    }
  }

  /** All pages live, of one class, and neighbours in the simulation as well. */
  private isOneBlock(pfn: number, first: number, order: number): boolean {
    if (order === 0) return true;
    const { live } = this;
    const simulated = live.simulated[first];
    if (simulated % (1 << order) !== 0) return false;
    for (let k = 1; k < 1 << order; k++) {
      const entry = live.entryOf(pfn + k);
      if (live.state[entry] !== live.state[first] || live.simulated[entry] !== simulated + k) return false;
    }
    return true;
  }

  private isStartBlock(pfn: number, order: number): boolean {
    if (pfn % (1 << order) !== 0) return false;
    for (let k = 0; k < 1 << order; k++) {
      if (this.live.state[this.live.entryOf(pfn + k)] !== UNSEEN || !this.plan.startLive.isLive(pfn + k))
        return false;
    }
    return true;
  }

  /** A page that was in use when the trace began stands for itself. */
  private freeFromStart(pfn: number, order: number): void {
    this.context.pageClass = this.directMap.isPresent(pfn) ? PLAIN : UNMAPPED;
    this.accounting.freedPages += 1 << order;
    this.core.free(pfn, order, this.context);
  }

  private giveBack(simulated: number, order: number, pageClass: number): void {
    const { accounting, context } = this;
    const pages = 1 << order;
    accounting.freedPages += pages;
    accounting.livePages -= pages;
    accounting.classLivePages[pageClass] -= pages;
    context.pageClass = pageClass;
    this.core.free(simulated, order, context);
  }

  /** Gives back what the request that was just served got. */
  private undo(simulated: number): void {
    this.context.cpu = this.request.cpu;
    this.context.inInterrupt = this.request.inInterrupt;
    this.giveBack(simulated, this.request.order, this.request.pageClass);
    // The recorded task never had these pages: they are no service that a core could be credited with.
    this.accounting.pagesServed -= 1 << this.request.order;
    this.accounting.classPages[this.request.pageClass] -= 1 << this.request.order;
  }

  private giveBackPage(entry: number): void {
    const pageClass = this.live.state[entry] - LIVE;
    this.live.state[entry] = FREED;
    this.context.cpu = this.request.cpu;
    this.accounting.skipped.allocationsOverLivePages++;
    this.giveBack(this.live.simulated[entry], 0, pageClass);
  }

  private kswapd(columns: EventColumns, i: number): void {
    const isWake = columns.kind[i] === KIND.kswapdWake;
    if (this.balancing === columns.pid[i] && isAfterBalance(columns, i)) {
      this.endBalance();
    }
    if (columns.kind[i] === KIND.kswapdSleep) this.core.kswapdSleeps?.();
    if (!isWake) return;
    this.core.kswapdBegins?.();
    this.balancing = columns.pid[i];
  }

  private endBalance(): void {
    this.core.kswapdEnds?.();
    this.balancing = NOT_BALANCING;
  }

  private announce(columns: EventColumns, i: number): void {
    this.announced.set(columns.pid[i], {
      order: columns.order[i],
      migratetype: columns.migratetype[i],
      gfp: columns.b[i],
      pageClass: columns.pageClass[i],
      cpu: this.cpuOf(columns, i),
    });
  }

  /** `res … none` without a line of mm_page_alloc before it: the kernel refused before it looked at any zone. */
  private refusedAtOnce(columns: EventColumns, i: number): void {
    const announced = this.announced.get(columns.pid[i]);
    if (announced === undefined) return;
    this.announced.delete(columns.pid[i]);
    this.advance(columns, i);
    const { order, migratetype, gfp, pageClass, cpu } = announced;
    Object.assign(this.request, {
      order,
      migratetype,
      gfp,
      pageClass,
      cpu,
      inInterrupt: false,
      isMarked: false,
    });
    this.accounting.failedInRecording++;
    const simulated = this.ask(-1);
    if (simulated >= 0) this.undo(simulated);
  }

  private decay(columns: EventColumns, i: number): void {
    const zone = this.plan.zoneOfAddress.get(columns.a[i]);
    if (zone !== undefined) this.core.tick?.(this.cpuOf(columns, i), zone);
  }

  /** Time moves on: windows grow, and without recorded decays each active CPU ticks once a second. */
  private advance(columns: EventColumns, i: number): void {
    const timeNs = columns.timeNs[i];
    const counts = this.directMap.counts;
    if (counts.windowPages > 0 && timeNs > this.timeNs)
      counts.windowPageNs += counts.windowPages * (timeNs - this.timeNs);
    this.timeNs = timeNs;
    if (this.plan.hasDecays || !this.plan.timeIsNs) return;
    const cpu = this.cpuOf(columns, i);
    const second = Math.floor(timeNs / NS_PER_SECOND);
    if (second <= this.lastTick[cpu]) return;
    const isFirst = this.lastTick[cpu] < 0;
    this.lastTick[cpu] = second;
    if (isFirst) return;
    for (let zone = 0; zone < this.machine.zones.length; zone++) this.core.tick?.(cpu, zone);
  }

  /** CPUs of the trace beyond the machine's share its CPUs, as tasks would. */
  private cpuOf(columns: EventColumns, i: number): number {
    const cpu = columns.cpu[i];
    if (cpu === UNKNOWN_CPU) return 0;
    return cpu < this.machine.cpus ? cpu : cpu % this.machine.cpus;
  }

  private noteFree2M(): void {
    if (this.memory === null) return;
    const free2M = this.memory.free2M();
    if (free2M < this.accounting.free2MMin) this.accounting.free2MMin = free2M;
  }

  private strandedAtFailure(pageClass: number): void {
    const pool = this.measures?.pool ?? null;
    if (pool === null) return;
    const stranded = pool.uselessFor(pageClass);
    if (stranded > this.accounting.strandedAtFailures) this.accounting.strandedAtFailures = stranded;
  }
}

/** Classes that a request of this trace can carry, for the check that a core serves any of them. */
export function classesSeen(accounting: Accounting): number[] {
  const seen: number[] = [];
  for (let pageClass = 1; pageClass < NR_CLASSES; pageClass++)
    if (accounting.classRequests[pageClass] > 0) seen.push(pageClass);
  return seen;
}
