/**
 * Rotations of free lists by compaction, which no kernel event tells (page-allocator §7.3, §9.5 R16).
 * Predicted from what stands in the trace before the next taking, as far as that goes; the rest is read off
 * the page that the kernel took, and counted apart.
 */

import { MIGRATE_MOVABLE } from '../../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, pageblockOf } from '../../kernel/orders.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { INFO_FREE } from '../../pagealloc/page-frames.js';

export class Rotations {
  /** Told by a probe, or by the search that compaction then reports (R16 b). */
  predicted = 0;
  /** Read off the page that the kernel took next (R16 a). */
  inferred = 0;
  private readonly compactedZones = new Set<number>();
  private readonly allocator: PageAllocator;

  constructor(allocator: PageAllocator) {
    this.allocator = allocator;
  }

  /** R16 (a), own lists: the smallest order that can serve must have the page at its head. */
  inferForOwn(zone: number, order: number, freetype: number, pfn: number): void {
    const { lists } = this.allocator;
    for (let o = order; o <= MAX_PAGE_ORDER; o++) {
      if (lists.isEmpty(zone, o, freetype)) continue;
      this.infer(zone, o, freetype, pfn);
      return;
    }
  }

  /** Compaction of the zone has begun, for the first time or again. */
  zoneCompacts(zone: number): void {
    this.compactedZones.add(zone);
  }

  /**
   * R16 (a), a steal or the claim of whole blocks: the raided list must have the page at its head. Only movable
   * lists are rotated, and only by compaction of their zone (§7.3): any other page than the head is a miss.
   */
  infer(zone: number, order: number, freetype: number, pfn: number): void {
    if (this.mayInfer(zone, freetype) && this.makeHead(zone, order, freetype, pfn)) this.inferred++;
  }

  private mayInfer(zone: number, freetype: number): boolean {
    return freetype === MIGRATE_MOVABLE && this.compactedZones.has(zone);
  }

  /** R16 (a), a claim below a pageblock: the head of the raided list lies in the block that was claimed. */
  inferForClaim(zone: number, order: number, freetype: number, pfn: number): void {
    if (!this.mayInfer(zone, freetype)) return;
    const { lists, frames } = this.allocator;
    const block = pageblockOf(pfn);
    const list = lists.list(zone, order, freetype);
    for (let node = frames.next[list]; node !== list; node = frames.next[node]) {
      if (frames.blockOf(node) !== block) continue;
      this.infer(zone, order, freetype, frames.pfnOf(node));
      return;
    }
  }

  /** move_freelist_tail(): the list up to and including the page goes behind its end. */
  moveFront(pfn: number): void {
    const { lists, frames } = this.allocator;
    for (let order = 0; order <= MAX_PAGE_ORDER; order++) {
      if (pfn % 2 ** order !== 0) return;
      const node = this.entryAt(pfn, order);
      if (node < 0) continue;
      const zone = lists.zoneOf(pfn);
      const list = lists.list(zone, order, lists.freetypeOfBlock(pageblockOf(pfn)));
      const successor = frames.next[node];
      if (successor !== list && this.rotate(list, successor)) this.predicted++;
      return;
    }
  }

  /** move_freelist_head(): everything in front of the page goes behind the end of its list. */
  makeHeadForSearch(zone: number, order: number, freetype: number, pfn: number): void {
    if (this.makeHead(zone, order, freetype, pfn)) this.predicted++;
  }

  /** False when the page is no entry of that list, or its head already. */
  private makeHead(zone: number, order: number, freetype: number, pfn: number): boolean {
    const { lists } = this.allocator;
    const list = lists.list(zone, order, freetype);
    if (lists.isEmpty(zone, order, freetype) || pfn % 2 ** order !== 0) return false;
    const node = this.entryAt(pfn, order);
    if (node < 0 || lists.freetypeOfBlock(pageblockOf(pfn)) !== freetype) return false;
    return this.rotate(list, node);
  }

  /** The node of a free page of exactly this order, or -1. */
  private entryAt(pfn: number, order: number): number {
    const { frames } = this.allocator;
    const block = pageblockOf(pfn);
    const slab = frames.slabIfBroken(block);
    if (order < 9 && slab === 0) return -1;
    const node = order < 9 ? slab + (pfn - block * 512) : frames.blockBase + block;
    return frames.info[node] === (INFO_FREE | order) ? node : -1;
  }

  private rotate(list: number, head: number): boolean {
    const { next, prev } = this.allocator.frames;
    const first = next[list];
    if (first === head) return false;
    const last = prev[list];
    const lastOfFront = prev[head];
    next[last] = first;
    prev[first] = last;
    next[list] = head;
    prev[head] = list;
    next[lastOfFront] = list;
    prev[list] = lastOfFront;
    return true;
  }
}
