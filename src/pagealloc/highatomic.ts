/**
 * Pageblocks kept back for atomic requests of high order. Source: page-allocator §3.8; unmapped blocks are
 * never reserved: freetype-series §3.5.
 */

import { MIGRATE_HIGHATOMIC, MIGRATE_PCPTYPES } from '../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, PAGEBLOCK_ORDER, PAGEBLOCK_PAGES } from '../kernel/orders.js';
import { type FreeLists, NONE } from './free-lists.js';

export class Highatomic {
  private readonly lists: FreeLists;
  /** nr_reserved_highatomic by zone, in pages. */
  readonly reserved: Float64Array;

  constructor(lists: FreeLists) {
    this.lists = lists;
    this.reserved = new Float64Array(lists.zones.length);
  }

  /** reserve_highatomic_pageblock(): the block of a page that an atomic request just got. */
  reserve(zone: number, node: number, order: number): void {
    const lists = this.lists;
    const onePercent = Math.floor(lists.zones[zone].managed / 100);
    if (onePercent < PAGEBLOCK_PAGES) return;
    const most = Math.ceil(onePercent / PAGEBLOCK_PAGES) * PAGEBLOCK_PAGES;
    if (this.reserved[zone] >= most) return;
    lists.counters.zoneLockTakes++;
    const block = lists.frames.blockOf(node);
    const freetype = lists.freetypeOfBlock(block);
    if (freetype < 0 || freetype >= MIGRATE_PCPTYPES) return;
    if (order < PAGEBLOCK_ORDER) {
      const { startPfn, endPfn } = lists.zones[zone];
      if (block * PAGEBLOCK_PAGES < startPfn || (block + 1) * PAGEBLOCK_PAGES > endPfn) return;
      lists.moveBlock(zone, block, freetype, MIGRATE_HIGHATOMIC);
      lists.setBlockType(block, MIGRATE_HIGHATOMIC);
      this.reserved[zone] += PAGEBLOCK_PAGES;
      return;
    }
    const blocks = 1 << (order - PAGEBLOCK_ORDER);
    for (let each = block; each < block + blocks; each++) lists.setBlockType(each, MIGRATE_HIGHATOMIC);
    this.reserved[zone] += 2 ** order;
  }

  /**
   * unreserve_highatomic_pageblock(): gives the block of the first free page back to `startType`.
   * Without force one block stays. Returns whether pages moved.
   */
  unreserve(zone: number, startType: number, force: boolean): boolean {
    const lists = this.lists;
    if (startType >= MIGRATE_PCPTYPES) return false;
    if (!force && this.reserved[zone] <= PAGEBLOCK_PAGES) return false;
    for (let order = 0; order <= MAX_PAGE_ORDER; order++) {
      const node = lists.head(zone, order, MIGRATE_HIGHATOMIC);
      if (node === NONE) continue;
      const size = Math.max(PAGEBLOCK_PAGES, 2 ** order);
      this.reserved[zone] -= Math.min(size, this.reserved[zone]);
      const block = lists.frames.blockOf(node);
      if (order < PAGEBLOCK_ORDER) {
        lists.moveBlock(zone, block, MIGRATE_HIGHATOMIC, startType);
        lists.setBlockType(block, startType);
      } else {
        lists.move(zone, order, MIGRATE_HIGHATOMIC, startType, node);
        const blocks = 1 << (order - PAGEBLOCK_ORDER);
        for (let each = block; each < block + blocks; each++) lists.setBlockType(each, startType);
      }
      return true;
    }
    return false;
  }
}
