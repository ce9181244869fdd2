/**
 * Simulated replay that is never corrected: the requests in, the model's pages out, to the end. Its pages
 * are bound to the recording's, as in a replay of a plain trace; how far apart both have come is read off at
 * the end.
 */

import { InvariantError } from '../../kernel/errors.js';
import type { AllocRequest } from '../../pagealloc/core.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import type { Background } from './background.js';
import { EarlyTakings } from './early-takings.js';
import type { Interleaving } from './interleaving.js';
import type { OperationTimes } from './operation-times.js';
import type { PageBindings } from './page-bindings.js';
import type { Requests } from './requests.js';
import type { SimulatedCore } from './simulated-core.js';
import { NO_EVENT, type TaskOrder } from './task-order.js';

export class FreeRunningReplay {
  /** Index of the event that is being replayed. */
  at = 0;
  /** Events after which the model's lists contradicted themselves: 0 unless mm-sim is wrong. */
  brokenInvariants = 0;
  private readonly core: SimulatedCore;
  private readonly events: EventColumns;
  private readonly requests: Requests;
  private readonly bindings: PageBindings;
  private readonly background: Background;
  private readonly times: OperationTimes;
  private readonly tasks: TaskOrder;
  private readonly early: EarlyTakings;
  private readonly interleavings: ReadonlyMap<number, Interleaving>;
  /** The model's page of a request that has done its list operation, by index of its line. */
  private readonly served = new Map<number, number>();

  constructor(
    parts: {
      readonly core: SimulatedCore;
      readonly requests: Requests;
      readonly background: Background;
      readonly bindings: PageBindings;
      readonly tasks: TaskOrder;
      readonly times: OperationTimes;
      /** Empty: requests take their pages in the order of their lines. */
      readonly interleavings: ReadonlyMap<number, Interleaving>;
    },
    events: EventColumns,
  ) {
    const { core, requests, background, bindings, tasks } = parts;
    this.core = core;
    this.requests = requests;
    this.background = background;
    this.bindings = bindings;
    this.events = events;
    this.interleavings = parts.interleavings;
    this.times = parts.times;
    this.tasks = tasks;
    this.early = new EarlyTakings(core.allocator, events, this.tasks, requests);
    this.early.onTaken = (pfn, order) => bindings.hold(pfn, order);
    background.beforeDecay = (zone, cpu, count) => this.early.beforeDecay(zone, cpu, count, this.at, false);
    core.allocator.pcp.beforeDrain = (slot, pages, pindex) =>
      this.early.beforeDrain(slot, pages, pindex, this.at);
  }

  run(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      this.at = i;
      this.tasks.pass(i);
      try {
        this.step(i);
      } catch (error) {
        if (!(error instanceof InvariantError)) throw error;
        this.brokenInvariants++;
      }
    }
    if (to === this.events.length) this.background.finish();
  }

  private step(i: number): void {
    const { events, requests } = this;
    const begun = this.times.allocOf[i];
    if (begun !== NO_EVENT && !requests.isNested(begun)) {
      const model = this.early.pageOf(begun) ?? this.core.alloc(requests.of(begun));
      this.served.set(begun, model);
      if (model >= 0) this.bindings.hold(model, events.order[begun]);
    }
    switch (events.kind[i]) {
      case KIND.alloc:
        this.alloc(i);
        break;
      case KIND.bulkPage:
        // Its path for a single page has a mm_page_alloc line of its own (captures README §2).
        if (!requests.wasJustTold(i))
          this.bind(i, this.early.pageOf(i) ?? this.core.alloc(requests.ofBulkPage(i)));
        break;
      case KIND.requestAlloc:
        requests.announce(i);
        this.background.event(i);
        break;
      case KIND.resultNone: {
        const refused = requests.unused(i);
        if (refused !== undefined) this.tryAndUndo(refused);
        this.background.event(i);
        break;
      }
      default:
        this.background.event(i);
    }
  }

  private alloc(i: number): void {
    const { events, requests, core } = this;
    if (events.pfn[i] < 0) {
      this.tryAndUndo(requests.of(i));
      return;
    }
    if (requests.isNested(i)) {
      this.bind(i, core.nestedTables.shift() ?? -1);
      return;
    }
    const served = this.served.get(i);
    this.served.delete(i);
    if (served === undefined) this.applyInterleaving(i);
    this.bind(i, served ?? this.early.pageOf(i) ?? this.captured(i) ?? core.alloc(requests.of(i)));
  }

  /** Tasks took pages in another order than their lines have (R13): the model's in that order, from its own list. */
  private applyInterleaving(i: number): void {
    const interleaving = this.interleavings.get(i);
    if (interleaving === undefined) return;
    for (const { allocation, skip } of interleaving.takenBefore)
      if (!this.served.has(allocation)) this.early.takeBehind(allocation, skip);
    if (interleaving.skip > 0) this.early.takeBehind(i, interleaving.skip);
  }

  private captured(i: number): number | undefined {
    const { pid, order } = this.events;
    const pfn = this.background.takeCaptured(pid[i], order[i]);
    return pfn < 0 ? undefined : pfn;
  }

  /** Failed in the recording: what the model finds goes back at once. */
  private tryAndUndo(request: AllocRequest): void {
    const found = this.core.alloc(request);
    if (found >= 0) this.core.allocator.free(found, request.order, request.cpu);
  }

  private bind(i: number, model: number): void {
    const { pfn, order, kind } = this.events;
    if (model >= 0) this.bindings.bind(pfn[i], kind[i] === KIND.bulkPage ? 0 : order[i], model);
  }
}
