/**
 * Pages that a task has taken by now though its line is still to come (page-allocator §9.5 R13, R14). Two
 * moments show them: a refill, which means that the pcp list was empty (R15), and a drain, which did not
 * find them. Until then the order of lines is as good as any.
 */

import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { useOf } from '../../pagealloc/page-frames.js';
import { isPcpOrder } from '../../pagealloc/pcp-lists.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import type { Requests } from './requests.js';
import { NO_EVENT, type TaskOrder } from './task-order.js';

export class EarlyTakings {
  /** Told of each page that a request took before its line. */
  onTaken: (pfn: number, order: number) => void = () => {};
  /** Pages that left without any line. */
  silent = 0;
  private readonly allocator: PageAllocator;
  private readonly events: EventColumns;
  private readonly tasks: TaskOrder;
  private readonly requests: Requests;
  /** The model's page by index of the line that will tell of it. */
  private readonly pages = new Map<number, number>();

  constructor(allocator: PageAllocator, events: EventColumns, tasks: TaskOrder, requests: Requests) {
    this.allocator = allocator;
    this.events = events;
    this.tasks = tasks;
    this.requests = requests;
  }

  /** The page that the request of this line took before; undefined when it did not. Given out once. */
  pageOf(i: number): number | undefined {
    const page = this.pages.get(i);
    if (page !== undefined) this.pages.delete(i);
    return page;
  }

  /** A refill shows that this list was empty by now. */
  listIsEmpty(slot: number, list: number, order: number, now: number): void {
    const { frames } = this.allocator;
    for (let node = frames.next[list]; node !== list; ) {
      const next = frames.next[node];
      this.leaveIfGone(slot, node, order, now, true);
      node = next;
    }
  }

  /**
   * A decay finds fewer pages than the model has (its probe tells pcp->count): tasks have taken some from the
   * heads of their lists. Where the model is corrected it must be the very page of the line to come.
   */
  beforeDecay(zone: number, cpu: number, recordedCount: number, now: number, isCorrected: boolean): void {
    const { frames, lists, pcp } = this.allocator;
    const slot = pcp.slotOf(cpu, zone);
    if (pcp.count[slot] <= recordedCount) return;
    for (const next of this.tasks.underWay()) {
      const pfn = this.events.pfn[next];
      const order = this.events.order[next];
      if (pfn < 0 || this.pages.has(next) || this.events.cpu[next] !== cpu) continue;
      if (lists.zoneOf(pfn) !== zone || !isPcpOrder(order)) continue;
      if (this.tasks.nextOf(pfn) !== next || !this.tasks.mayBeTaken(next, now)) continue;
      const list = this.requests.listFor(pfn, this.requests.peek(next));
      const node = frames.next[list];
      if (node === list || (isCorrected && frames.pfnOf(node) !== pfn)) continue;
      this.leave(slot, node, order, next);
      if (pcp.count[slot] <= recordedCount) return;
    }
  }

  /** The request of this line takes its page now, behind so many entries; false when its list is shorter. */
  takeBehind(allocation: number, skip: number): boolean {
    if (this.pages.has(allocation)) return true;
    const { frames, lists, pcp } = this.allocator;
    const pfn = this.events.pfn[allocation];
    const request = this.requests.peek(allocation);
    const list = this.requests.listFor(pfn, request);
    let node = frames.next[list];
    for (let step = 0; step < skip && node !== list; step++) node = frames.next[node];
    if (node === list) return false;
    this.leave(pcp.slotOf(request.cpu, lists.zoneOf(pfn)), node, request.order, allocation);
    return true;
  }

  /** A drain of so many pages is about to begin, with this list: pages that are gone are not found by it. */
  beforeDrain(slot: number, pages: number, pindex: number, now: number): void {
    let found = true;
    while (found) {
      found = false;
      for (const { node, order } of this.allocator.pcp.drainOrder(slot, pages, pindex)) {
        found = this.leaveIfGone(slot, node, order, now, false);
        if (found) break;
      }
    }
  }

  private leaveIfGone(slot: number, node: number, order: number, now: number, silently: boolean): boolean {
    const { frames, pcp } = this.allocator;
    const page = frames.pfnOf(node);
    const next = this.tasks.nextOf(page);
    if (next === NO_EVENT) return false;
    const isFree = this.events.kind[next] === KIND.free;
    if (isFree ? !silently || !this.tasks.isHeldSince(next, now) : !this.tasks.mayBeTaken(next, now))
      return false;
    if (!isFree && (this.pages.has(next) || this.requests.peek(next).order !== order)) return false;
    if (isFree) {
      frames.unlink(node);
      frames.info[node] = 0;
      pcp.count[slot] -= 1 << order;
      this.silent++;
    } else {
      this.leave(slot, node, order, next);
    }
    return true;
  }

  /** The request whose line is at `next` has taken this entry. */
  private leave(slot: number, node: number, order: number, next: number): void {
    const { frames, pcp } = this.allocator;
    this.pages.set(next, frames.pfnOf(node));
    this.onTaken(frames.pfnOf(node), order);
    frames.unlink(node);
    frames.info[node] = 0;
    pcp.count[slot] -= 1 << order;
    pcp.freeCount[slot] >>= 1;
    const { migratetype, gfp } = this.requests.peek(next);
    frames.markAllocated(node, order, useOf(migratetype, gfp));
  }
}
