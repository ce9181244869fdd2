/**
 * Simulated replay, one step at a time: from the first snapshot, pcp lists included, the model serves each
 * request by its own rules, and its page is compared with the kernel's (page-allocator §9.5 R13 to R15, §12.3).
 *
 * atHead     the model's page
 * reordered  the model's page at its list operation, but told late or early, as the interleaving of tasks shows
 * missed     everything else. The model then gets the lists that the kernel had (kernel-lists.ts) and goes on
 */

import { InvariantError } from '../../kernel/errors.js';
import type { AllocRequest } from '../../pagealloc/core.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { INFO_FREE, INFO_KIND_MASK, INFO_PCP, useOf } from '../../pagealloc/page-frames.js';
import { isPcpOrder, NR_PCP_LISTS_FREETYPE } from '../../pagealloc/pcp-lists.js';
import { takeExact } from '../../pagealloc/take-exact.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import type { Miss } from '../recorded.js';
import type { Background } from './background.js';
import { EarlyTakings } from './early-takings.js';
import { OrderExplainer } from './explain-order.js';
import type { Interleaving, TakenBefore } from './interleaving.js';
import type { KernelLists } from './kernel-lists.js';
import type { OperationTimes } from './operation-times.js';
import type { Requests } from './requests.js';
import type { SimulatedCore } from './simulated-core.js';
import { contextKey, NO_EVENT, type TaskOrder } from './task-order.js';

type Verdict = 'atHead' | 'reordered' | 'missed';

export class OneStepReplay {
  allocations = 0;
  atHead = 0;
  reordered = 0;
  /** Times that the model got the kernel's lists. */
  putRight = 0;
  /** What is neither: also where the model's lists broke before it could answer. */
  get missed(): number {
    return this.allocations - this.atHead - this.reordered;
  }

  /** Pages that left a pcp list without a line of their own (R14). */
  get silent(): number {
    return this.silentPages + this.early.silent;
  }
  private silentPages = 0;
  /** Requests that failed in the recording, and those of them that the model would have served. */
  failedInRecording = 0;
  servedInModel = 0;
  /** Broken invariants of the model's lists: it had lost the kernel's state, and got it back. */
  lostStates = 0;
  firstMiss: Miss | null = null;
  /** Index of the event that is being replayed. */
  at = 0;
  /** Told at each event, and of each request that the model answers with none. */
  onEvent: (i: number) => void = () => {};
  onFailure: () => void = () => {};
  private readonly core: SimulatedCore;
  private readonly model: PageAllocator;
  private readonly kernel: KernelLists;
  private readonly events: EventColumns;
  private readonly requests: Requests;
  private readonly times: OperationTimes;
  private readonly tasks: TaskOrder;
  private readonly explainer: OrderExplainer;
  private readonly background: Background;
  /** What was found at the list operation of a request whose line is still to come. */
  private readonly verdicts = new Map<number, Verdict>();
  private readonly early: EarlyTakings;
  private mustAdopt = false;
  /** Lines to come whose request has taken its page, as those of others have shown. */
  private readonly knownTaken = new Set<number>();
  /** What was found out of requests whose page was not at the head of its list, by index of their line. */
  readonly interleavings = new Map<number, Interleaving>();

  constructor(
    parts: {
      readonly core: SimulatedCore;
      readonly kernel: KernelLists;
      readonly requests: Requests;
      readonly background: Background;
      readonly tasks: TaskOrder;
      readonly times: OperationTimes;
    },
    events: EventColumns,
  ) {
    const { core, requests, background } = parts;
    this.core = core;
    this.model = core.allocator;
    this.kernel = parts.kernel;
    this.events = events;
    this.requests = requests;
    this.background = background;
    this.times = parts.times;
    this.tasks = parts.tasks;
    this.explainer = new OrderExplainer(events, this.tasks);
    this.early = new EarlyTakings(core.allocator, events, this.tasks, requests);
    background.beforeDecay = (zone, cpu, count) => this.early.beforeDecay(zone, cpu, count, this.at, true);
    core.allocator.pcp.beforeDrain = (slot, pages, pindex) =>
      this.early.beforeDrain(slot, pages, pindex, this.at);
    background.entered = (pfn, at) => this.explainer.entered(pfn, at);
    background.silent = () => this.silentPages++;
  }

  run(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      this.at = i;
      this.onEvent(i);
      this.tasks.pass(i);
      try {
        this.step(i);
      } catch (error) {
        if (!(error instanceof InvariantError)) throw error;
        this.lostStates++;
        this.mustAdopt = true;
      }
      this.kernel.step(i);
      if (this.mustAdopt) {
        this.kernel.putRight(this.model);
        this.putRight++;
        this.mustAdopt = false;
      }
    }
    if (to === this.events.length) this.background.finish();
  }

  private step(i: number): void {
    const { events, times } = this;
    const begun = times.allocOf[i];
    if (begun !== NO_EVENT && !this.requests.isNested(begun)) this.verdicts.set(begun, this.serve(begun, i));
    switch (events.kind[i]) {
      case KIND.alloc:
        this.alloc(i);
        break;
      case KIND.bulkPage:
        this.bulk(i);
        break;
      case KIND.requestAlloc:
        this.requests.announce(i);
        this.background.event(i);
        break;
      case KIND.resultNone: {
        // Refused at once: no mm_page_alloc line tells of it (captures FREETYPE.md).
        const refused = this.requests.unused(i);
        if (refused !== undefined) this.failed(refused);
        this.background.event(i);
        break;
      }
      default:
        this.background.event(i);
    }
  }

  private alloc(i: number): void {
    const { pfn, line } = this.events;
    if (pfn[i] < 0) {
      this.failed(this.requests.of(i));
      return;
    }
    this.allocations++;
    if (this.requests.isNested(i)) {
      const table = this.core.nestedTables.shift();
      if (table === pfn[i]) this.atHead++;
      else {
        this.mustAdopt = true;
        this.noteMiss(i, `model: page table ${table}; kernel: pfn 0x${pfn[i].toString(16)}, line ${line[i]}`);
      }
      return;
    }
    const verdict = this.verdicts.get(i) ?? this.serve(i, i);
    this.verdicts.delete(i);
    if (verdict === 'missed') {
      this.mustAdopt = true;
    } else if (verdict === 'atHead' && (this.isInterleaved(i) || this.requests.hasMoved(i))) this.reordered++;
    else this[verdict]++;
    this.explainer.forget(pfn[i]);
  }

  /** Lets the model serve the request whose line is at `i`, now, at event `now`. */
  private serve(i: number, now: number): Verdict {
    const { events, model } = this;
    const pfn = events.pfn[i];
    const early = this.early.pageOf(i);
    const request = this.requests.of(i);
    if (early === pfn) return 'reordered';
    const captured = this.background.takeCaptured(events.pid[i], request.order);
    if (captured === pfn) return 'atHead';
    if (isPcpOrder(request.order)) {
      // It went to the buddy lists: its pcp list was empty (R15).
      if (now !== i)
        this.early.listIsEmpty(
          this.slotFor(pfn, request),
          this.requests.listFor(pfn, request),
          request.order,
          now,
        );
      else if (this.isExplainedDeeper(pfn, request, i)) {
        this.unlinkFromPcp(pfn, request);
        return 'reordered';
      }
    }
    const chosen = this.core.alloc(request);
    if (chosen === pfn) return 'atHead';
    if (chosen >= 0) {
      this.takeBack(chosen, request);
      if (this.isExplainedDeeper(pfn, request, i)) {
        this.unlinkFromPcp(pfn, request);
        return 'reordered';
      }
    }
    const answer = chosen < 0 ? `no page (${chosen})` : `pfn 0x${chosen.toString(16)}`;
    this.noteMiss(i, `model: ${answer}; kernel: pfn 0x${pfn.toString(16)}`);
    takeExact(model, pfn, request.order, useOf(request.migratetype, request.gfp), request.cpu);
    return 'missed';
  }

  private slotFor(pfn: number, { cpu }: AllocRequest): number {
    return this.model.pcp.slotOf(cpu, this.model.lists.zoneOf(pfn));
  }

  /** The page stands behind others on its list, and the trace shows for each of them why (R13). */
  private isExplainedDeeper(pfn: number, request: AllocRequest, at: number): boolean {
    const { frames } = this.model;
    if (!isPcpOrder(request.order)) return false;
    const wanted = frames.nodeAt(pfn, request.order);
    if (frames.info[wanted] !== (INFO_PCP | request.order)) return false;
    const list = this.requests.listFor(pfn, request);
    if (frames.next[list] === wanted) return false;
    const takenBefore: TakenBefore[] = [];
    let skip = 0;
    for (let node = frames.next[list]; node !== wanted; node = frames.next[node]) {
      if (node === list) return false;
      const above = frames.pfnOf(node);
      const next = this.tasks.nextOf(above);
      const reason = this.knownTaken.has(next) ? 'taken' : this.explainer.reasonFor(above, pfn, at);
      if (reason === null) return false;
      if (reason === 'taken') takenBefore.push({ allocation: next, skip });
      else skip++;
    }
    for (const { allocation } of takenBefore) this.knownTaken.add(allocation);
    this.interleavings.set(at, { takenBefore, skip });
    return true;
  }

  /** R13: unlinks the page where it is; the list then is what the kernel has. */
  private unlinkFromPcp(pfn: number, request: AllocRequest): void {
    const { frames, lists, pcp } = this.model;
    const node = frames.nodeAt(pfn, request.order);
    const slot = pcp.slotOf(request.cpu, lists.zoneOf(pfn));
    frames.unlink(node);
    pcp.freeCount[slot] >>= 1;
    pcp.count[slot] -= 1 << request.order;
    frames.info[node] = 0;
    frames.markAllocated(node, request.order, useOf(request.migratetype, request.gfp));
  }

  /** The model's wrong page goes back to where it was: the head of the list it came from. */
  private takeBack(pfn: number, request: AllocRequest): void {
    const { frames, lists, pcp } = this.model;
    const node = frames.nodeAt(pfn, request.order);
    const zone = lists.zoneOf(pfn);
    frames.clearAllocated(node, request.order);
    lists.cpu = request.cpu;
    if (!isPcpOrder(request.order)) {
      lists.freeBlock(zone, node, request.order, false);
      return;
    }
    frames.info[node] = INFO_PCP | request.order;
    frames.linkHead(this.requests.listFor(pfn, request), node);
    pcp.count[pcp.slotOf(request.cpu, zone)] += 1 << request.order;
  }

  /** Others did something between the list operation and the line. */
  private isInterleaved(i: number): boolean {
    const { events } = this;
    const start = this.times.startOf[i];
    if (start === NO_EVENT) return false;
    const own = contextKey(events, i);
    for (let j = start + 1; j < i; j++) if (contextKey(events, j) !== own) return true;
    return false;
  }

  /** The kernel had no page; what the model finds is taken back. */
  private failed(request: AllocRequest): void {
    this.failedInRecording++;
    const found = this.core.alloc(request);
    if (found < 0) {
      this.onFailure();
      return;
    }
    this.servedInModel++;
    this.model.free(found, request.order, request.cpu);
    this.mustAdopt = true;
  }

  private bulk(i: number): void {
    const { pfn, cpu } = this.events;
    const { frames, lists, pcp } = this.model;
    // Its path for a single page has a mm_page_alloc line of its own (captures README §2).
    if (this.requests.wasJustTold(i)) return;
    if (this.early.pageOf(i) !== undefined) return;
    const node = frames.nodeAt(pfn[i], 0);
    this.silentPages++;
    if (frames.info[node] === INFO_PCP) {
      frames.unlink(node);
      frames.info[node] = 0;
      pcp.forgetAt(pcp.slotOf(cpu[i], lists.zoneOf(pfn[i])), 0);
    } else if ((frames.info[node] & INFO_KIND_MASK) === INFO_FREE || frames.info[node] === 0) {
      takeExact(this.model, pfn[i], 0, 0, cpu[i]);
    }
  }

  private noteMiss(at: number, reason: string): void {
    this.firstMiss ??= { at, reason };
  }

  /** Pcp lists that are equal to a snapshot's, of all that either has. Key: zone index / cpu / pindex. */
  comparePcpLists(recorded: ReadonlyMap<string, ArrayLike<number>>): { lists: number; equal: number } {
    const { pcp, machine } = this.model;
    let lists = 0;
    let equal = 0;
    for (let cpu = 0; cpu < machine.cpus; cpu++) {
      machine.zones.forEach(({ index }, zone) => {
        for (let pindex = 0; pindex < NR_PCP_LISTS_FREETYPE; pindex++) {
          const kernel = recorded.get(`${index}/${cpu}/${pindex}`);
          const model = pcp.pfns(pcp.slotOf(cpu, zone), pindex);
          if ((kernel === undefined || kernel.length === 0) && model.length === 0) continue;
          lists++;
          if (kernel?.length === model.length && model.every((pfn, k) => pfn === kernel[k])) equal++;
        }
      });
    }
    return { lists, equal };
  }
}
