/**
 * Sets the model's lists right where an event contradicts them, so that one wrong guess costs one miss and
 * not all that follow: a page that left silently, a block that changed its type silently (page-allocator
 * §9.5 R9, R14), a taking that the kernel did in another way. Whatever the events say, the lists keep the
 * invariants of §1.3 afterwards.
 */

import { FREETYPE_UNMAPPED_UNMOVABLE, MIGRATE_ISOLATE } from '../../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, PAGEBLOCK_ORDER, PAGEBLOCK_PAGES, pageblockOf } from '../../kernel/orders.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import {
  INFO_FREE,
  INFO_KIND_MASK,
  INFO_ORDER_MASK,
  INFO_PCP,
  USE_UNMOVABLE,
} from '../../pagealloc/page-frames.js';
import { takeExact } from '../../pagealloc/take-exact.js';

/** How a block left the buddy lists (page-allocator §3.3). */
export type Way = 'none' | 'claim' | 'steal';

export interface Taking {
  readonly pfn: number;
  readonly order: number;
  /** Start type; for unmapped blocks their freetype. */
  readonly freetype: number;
  readonly way: Way;
  /** Of the fallback: the raided type, and the order of the page found there. */
  readonly from: number;
  readonly found: number;
}

export class Corrections {
  /** Blocks that were free in the model when an event showed them in use. */
  vacated = 0;
  /** Pageblocks whose type an event contradicted. */
  retyped = 0;
  private readonly allocator: PageAllocator;

  constructor(allocator: PageAllocator) {
    this.allocator = allocator;
  }

  /** An aligned block of this machine: damaged lines name others. */
  isBlock(pfn: number, order: number): boolean {
    if (!(order >= 0 && order <= MAX_PAGE_ORDER && pfn >= 0)) return false;
    return pfn % 2 ** order === 0 && pfn + 2 ** order <= this.allocator.machine.endPfn;
  }

  /** Counters are kept for the CPUs of the machine; a damaged line can name another. */
  cpuOf(cpu: number): number {
    return cpu < this.allocator.machine.cpus ? cpu : 0;
  }

  /** The pages are in use: whatever part of them the model has on its lists leaves them. */
  vacate(pfn: number, order: number): void {
    if (!this.holdsFreePage(pfn, order)) return;
    this.vacated++;
    this.takeOff(pfn, order);
  }

  /** R9: the block has another type than the model thinks. */
  retype(block: number, to: number): void {
    if (this.allocator.lists.freetypeOfBlock(block) !== to && this.move(block, to)) this.retyped++;
  }

  /**
   * move_freepages_block() and the new type: the block's free pages go to the tails of its lists, also when
   * it has that type already. False when the block can have no other.
   */
  move(block: number, to: number): boolean {
    const { lists, frames } = this.allocator;
    const from = lists.freetypeOfBlock(block);
    if (from < 0 || from === FREETYPE_UNMAPPED_UNMOVABLE || to < 0 || to > MIGRATE_ISOLATE) return false;
    const zone = lists.zoneOf(block * PAGEBLOCK_PAGES);
    const pair = frames.blockBase + (block & ~1);
    if (frames.info[pair] === (INFO_FREE | MAX_PAGE_ORDER)) {
      // One page of order 10: both of its blocks have one type (§1.3 I1).
      lists.move(zone, MAX_PAGE_ORDER, from, to, pair);
      lists.setBlockType(block ^ 1, to);
    } else {
      lists.moveBlock(zone, block, from, to);
    }
    lists.setBlockType(block, to);
    return true;
  }

  /** Undoes a taking of the model: pieces, types and the place at the head of its list. */
  undo(zone: number, node: number, taking: Taking): void {
    const { lists, frames } = this.allocator;
    const { order, freetype, way, from, found } = taking;
    if (way === 'claim' && found < PAGEBLOCK_ORDER) {
      const block = frames.blockOf(node);
      lists.freeBlock(zone, node, order, false);
      lists.moveBlock(zone, block, freetype, from);
      lists.setBlockType(block, from);
      return;
    }
    const pieces = way === 'steal' ? from : freetype;
    const whole = this.merge(zone, node, order, found, pieces);
    if (way === 'claim') {
      const block = frames.blockOf(whole);
      for (let each = block; each < block + 2 ** (found - PAGEBLOCK_ORDER); each++)
        lists.setBlockType(each, from);
    }
    const back = way === 'none' ? freetype : from;
    lists.add(zone, found, back, whole, false);
    lists.account(zone, 2 ** order, back);
  }

  /** Does what the kernel did, wherever the model has the pages. */
  adopt(zone: number, taking: Taking): void {
    const { lists, frames } = this.allocator;
    const { pfn, order, freetype, way, from, found } = taking;
    if (way === 'none' || found < order || !this.isBlock(pfn, found)) {
      this.takeOff(pfn, order);
      return;
    }
    if (way === 'claim' && found < PAGEBLOCK_ORDER) {
      this.retype(pageblockOf(pfn), freetype);
      this.takeOff(pfn, order);
      return;
    }
    this.takeOff(pfn, found);
    const block = pageblockOf(pfn);
    const type = way === 'claim' ? freetype : from;
    const blocks = Math.max(1, 2 ** (found - PAGEBLOCK_ORDER));
    for (let each = block; each < block + blocks; each++) this.retype(each, type);
    // A block that could not take the type keeps its own: the pieces go where it says.
    const listed = lists.freetypeOfBlock(block);
    if (listed < 0 || (found === MAX_PAGE_ORDER && lists.freetypeOfBlock(block + 1) !== listed)) return;
    lists.expand(zone, frames.nodeAt(pfn, found), order, found, listed);
    lists.account(zone, 2 ** found - 2 ** order, listed);
  }

  /** Takes the pages off the lists, and forgets who holds them. */
  private takeOff(pfn: number, order: number): void {
    const { frames, lists } = this.allocator;
    takeExact(this.allocator, pfn, order, USE_UNMOVABLE, lists.cpu);
    frames.clearAllocated(frames.nodeAt(pfn, order), order);
  }

  /** The halves that expand() has put at the heads of their lists join the block again, unlisted. */
  private merge(zone: number, node: number, low: number, high: number, freetype: number): number {
    const { lists, frames } = this.allocator;
    let whole = node;
    for (let order = low; order < high; order++) {
      if (order >= PAGEBLOCK_ORDER) {
        lists.del(zone, order, freetype, whole + 1);
        continue;
      }
      lists.del(zone, order, freetype, whole + (1 << order));
      if (order === PAGEBLOCK_ORDER - 1) whole = frames.releaseSlab(whole);
    }
    return whole;
  }

  /** Some of the pages are on a list: of the buddy, or of a CPU where the model keeps those. */
  private holdsFreePage(pfn: number, order: number): boolean {
    for (let block = pageblockOf(pfn); block * PAGEBLOCK_PAGES < pfn + 2 ** order; block++)
      if (this.holdsListedPage(block, pfn, order)) return true;
    return false;
  }

  private holdsListedPage(block: number, pfn: number, order: number): boolean {
    const { frames } = this.allocator;
    if (frames.isWhollyFree(block) || isListed(frames.info[frames.blockBase + block])) return true;
    const slab = frames.slabIfBroken(block);
    if (slab === 0) return false;
    const first = Math.max(pfn - block * PAGEBLOCK_PAGES, 0);
    const end = Math.min(first + 2 ** order, PAGEBLOCK_PAGES);
    for (let above = order + 1; above < PAGEBLOCK_ORDER; above++) {
      const info = frames.info[slab + (first & -(1 << above))];
      if (isListed(info) && (info & INFO_ORDER_MASK) >= above) return true;
    }
    for (let page = first; page < end; page++) if (isListed(frames.info[slab + page])) return true;
    return false;
  }
}

function isListed(info: number): boolean {
  const kind = info & INFO_KIND_MASK;
  return kind === INFO_FREE || kind === INFO_PCP;
}
