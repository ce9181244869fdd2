/** One zone and the operations of page-allocator §2 to §4 on it, in the words of the vectors. */

import type { KernelRules } from '../../src/kernel/rules.js';
import { NO_OBSERVER } from '../../src/pagealloc/core.js';
import { FALLBACK_CLAIM, FALLBACK_STEAL } from '../../src/pagealloc/counters.js';
import { NONE } from '../../src/pagealloc/free-lists.js';
import { loadSnapshot } from '../../src/pagealloc/load-state.js';
import { PageAllocator } from '../../src/pagealloc/page-allocator.js';
import {
  expectState,
  freetypeOf,
  hex,
  machineOf,
  snapshotOf,
  typeLetter,
  type ZoneSetting,
} from './zone-fixture.js';

const ORDERS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

export class VectorZone {
  readonly allocator: PageAllocator;
  /** Every mm_page_alloc_extfrag, as the vectors write it. */
  readonly events: string[] = [];
  /** Fallbacks counted so far, by order of the page found: the observer is not told the order. */
  private readonly counted = ORDERS.map(() => 0);

  constructor(setting: ZoneSetting, rules: KernelRules) {
    const machine = machineOf([setting], { rules });
    this.allocator = new PageAllocator(machine, {
      ...NO_OBSERVER,
      fallback: (pfn, order, _reason, from, to) => this.events.push(this.extfrag(pfn, order, from, to)),
    });
    loadSnapshot(this.allocator, snapshotOf([setting]));
  }

  /** free_one_page(): past the pcp lists. */
  free(pfn: number, order: number, toTail = false): void {
    this.allocator.freeToBuddy(0, this.allocator.frames.nodeAt(pfn, order), order, toTail);
  }

  /** A free of whatever was allocated, as §4.4 decides. */
  freePages(pfn: number, order: number): void {
    this.allocator.free(pfn, order, 0);
  }

  smallest(order: number, type: string): string {
    return this.pfn(this.allocator.lists.takeSmallest(0, order, freetypeOf(type)));
  }

  /** __rmqueue() under a fresh hold of the zone lock. */
  rmqueue(order: number, type: string, flags = 0): string {
    return this.rmqueueBulk(order, 1, type, flags);
  }

  /** rmqueue_bulk() without the pcp list: the pfns in the order of their removal. */
  rmqueueBulk(order: number, count: number, type: string, flags = 0): string {
    const { rmqueue } = this.allocator;
    rmqueue.begin();
    const pfns = Array.from({ length: count }, () =>
      this.pfn(rmqueue.take(0, order, freetypeOf(type), flags)),
    );
    return pfns.join(' ');
  }

  /** Allocations through the pcp list: what each gave. */
  pcpAlloc(order: number, count: number, type: string): string[] {
    return Array.from({ length: count }, () =>
      this.pfn(this.allocator.pcp.take(0, 0, order, freetypeOf(type), 0)),
    );
  }

  reserve(pfn: number, order: number): void {
    this.allocator.highatomic.reserve(0, this.allocator.frames.nodeAt(pfn, order), order);
  }

  unreserve(type: string, force: boolean): boolean {
    return this.allocator.highatomic.unreserve(0, freetypeOf(type), force);
  }

  /**
   * __isolate_free_page() of §2.11 without its watermark test. It belongs to compaction, which pagealloc has not
   * got: here it only shows that moveBlock() does what §2.11 asks of it.
   */
  isolateFreePage(pfn: number, order: number): void {
    const { lists, frames } = this.allocator;
    const node = frames.nodeAt(pfn, order);
    const block = frames.blockOf(node);
    const freetype = lists.freetypeOfBlock(block);
    lists.del(0, order, freetype, node);
    lists.account(0, -(2 ** order), freetype);
    if (order < 8 || freetype >= 3) return;
    lists.moveBlock(0, block, freetype, freetypeOf('M'));
    lists.setBlockType(block, freetypeOf('M'));
  }

  expectState(text: string): void {
    const { allocator } = this;
    const numbers = {
      watermark_boost: allocator.watermarks.boost[0],
      nr_reserved: allocator.highatomic.reserved[0],
      nr_free_highatomic: allocator.lists.nrFreeHighatomic[0],
      count: allocator.pcp.count[0],
      high: allocator.pcp.high[0],
      alloc_factor: allocator.pcp.allocFactor[0],
      free_count: allocator.pcp.freeCount[0],
    };
    expectState(allocator, 0, text, numbers, ['watermark_boost']);
  }

  private pfn(node: number): string {
    return node === NONE ? 'none' : hex(this.allocator.frames.pfnOf(node));
  }

  private extfrag(pfn: number, order: number, from: number, to: number): string {
    const { counters, lists } = this.allocator;
    const now = ORDERS.map(
      (found) =>
        counters.fallbackCount(FALLBACK_CLAIM, to, from, found) +
        counters.fallbackCount(FALLBACK_STEAL, to, from, found),
    );
    const found = now.findIndex((count, each) => count > this.counted[each]);
    this.counted.splice(0, ORDERS.length, ...now);
    // change_ownership of the event: the block has the start type afterwards.
    const change = lists.freetypeOfBlock(Math.floor(pfn / 512)) === to ? 1 : 0;
    return `extfrag ${hex(pfn)} alloc o${order} ${typeLetter(to)}, fallback o${found} ${typeLetter(from)}, change=${change}`;
  }
}
