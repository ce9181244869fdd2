/**
 * Frees that took the zone lock later than their line says. The lines of bypassing frees stand before the
 * lock is taken, so within some microseconds another CPU can take a block first, whose line, written inside
 * the lock, comes after (page-allocator §9.4, §9.5 R6). Told by the page that the kernel took: it was the
 * choice before the free, and is not after it.
 */

import { MAX_PAGE_ORDER, PAGEBLOCK_ORDER, pageblockOf } from '../../kernel/orders.js';
import { NONE } from '../../pagealloc/free-lists.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { INFO_FREE } from '../../pagealloc/page-frames.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { type CpuOrder, NO_NEIGHBOUR } from './cpu-order.js';

export class LateFrees {
  private readonly allocator: PageAllocator;
  private readonly events: EventColumns;
  private readonly cpuOrder: CpuOrder;

  constructor(allocator: PageAllocator, events: EventColumns, cpuOrder: CpuOrder) {
    this.allocator = allocator;
    this.events = events;
    this.cpuOrder = cpuOrder;
  }

  /** The taking by another CPU that came before the free at `i`, or NO_NEIGHBOUR. */
  overtakenBy(i: number, pfn: number, order: number): number {
    const taking = this.nextTaking(i);
    if (taking === NO_NEIGHBOUR) return NO_NEIGHBOUR;
    const { lists } = this.allocator;
    const { pfn: pfns, order: orders, migratetype } = this.events;
    const zone = lists.zoneOf(pfn);
    const type = migratetype[taking];
    if (type < 0 || lists.zoneOf(pfns[taking]) !== zone) return NO_NEIGHBOUR;
    if (lists.freetypeOfBlock(pageblockOf(pfn)) !== type) return NO_NEIGHBOUR;
    const choice = this.choice(zone, orders[taking], type);
    if (choice < 0 || choice !== pfns[taking]) return NO_NEIGHBOUR;
    const served = this.servedOrder(zone, orders[taking], type);
    const merged = this.merged(pfn, order);
    // A block that is too small, or larger than the one that serves, or behind it, leaves the choice as it is.
    if (merged.order < orders[taking] || merged.order > served) return NO_NEIGHBOUR;
    return merged.order === served && merged.isTail ? NO_NEIGHBOUR : taking;
  }

  /** The first taking after `i` while the CPU of `i` is silent: only then are both in doubt. */
  private nextTaking(i: number): number {
    const { kind, length } = this.events;
    const own = this.cpuOrder.next[i];
    const end = own === NO_NEIGHBOUR ? length : own;
    for (let next = i + 1; next < end; next++) {
      if (kind[next] === KIND.zoneLocked) return next;
      if (kind[next] === KIND.pcpuDrain || kind[next] === KIND.extfrag) return NO_NEIGHBOUR;
    }
    return NO_NEIGHBOUR;
  }

  private choice(zone: number, order: number, freetype: number): number {
    const served = this.servedOrder(zone, order, freetype);
    if (served < 0) return -1;
    return this.allocator.frames.pfnOf(this.allocator.lists.head(zone, served, freetype));
  }

  private servedOrder(zone: number, order: number, freetype: number): number {
    for (let o = Math.max(order, 0); o <= MAX_PAGE_ORDER; o++)
      if (!this.allocator.lists.isEmpty(zone, o, freetype)) return o;
    return NONE;
  }

  /** The order that the freed block would have on its list, and at which end of it (§2.2, §2.3). */
  private merged(pfn: number, order: number): { order: number; isTail: boolean } {
    let merged = order;
    let start = pfn;
    for (; merged < PAGEBLOCK_ORDER; merged++) {
      const buddy = buddyOf(start, merged);
      if (!this.isFree(buddy, merged)) break;
      start = Math.min(start, buddy);
    }
    if (merged >= PAGEBLOCK_ORDER) return { order: merged, isTail: false };
    const parent = Math.min(start, buddyOf(start, merged));
    return { order: merged, isTail: this.isFree(buddyOf(parent, merged + 1), merged + 1) };
  }

  private isFree(pfn: number, order: number): boolean {
    const { frames } = this.allocator;
    const block = pageblockOf(pfn);
    if (order < PAGEBLOCK_ORDER && frames.slabIfBroken(block) === 0) return false;
    return frames.info[frames.nodeAt(pfn, order)] === (INFO_FREE | order);
  }
}

function buddyOf(pfn: number, order: number): number {
  return Math.floor(pfn / 2 ** order) % 2 === 0 ? pfn + 2 ** order : pfn - 2 ** order;
}
