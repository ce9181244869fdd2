/**
 * Watermark checks, and the zone's flags that depend on them. Sources: page-allocator §3.6 (boost), §5.2
 * (checks), §5.3 (ZONE_BELOW_HIGH).
 */

import {
  ALLOC_CMA,
  ALLOC_HIGHATOMIC,
  ALLOC_MIN_RESERVE,
  ALLOC_NON_BLOCK,
  ALLOC_OOM,
  ALLOC_RESERVES,
  ALLOC_WMARK_HIGH,
  ALLOC_WMARK_MASK,
  ALLOC_WMARK_MIN,
} from '../kernel/alloc-flags.js';
import {
  FREETYPE_UNMAPPED_UNMOVABLE,
  MIGRATE_CMA,
  MIGRATE_HIGHATOMIC,
  MIGRATE_PCPTYPES,
} from '../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, PAGEBLOCK_PAGES } from '../kernel/orders.js';
import type { Machine } from '../machine/machine.js';
import type { FreeLists } from './free-lists.js';

export class Watermarks {
  private readonly lists: FreeLists;
  private readonly boostFactor: number;
  /** Bare marks by zone * 3 + (MIN, LOW, HIGH). */
  private readonly marks: Float64Array;
  private readonly reserves: Float64Array;
  /** A high-order check looks at unmapped lists, too; a development state of the series did not (freetype-series §6.2 B4). */
  seesUnmappedLists = true;
  /** watermark_boost by zone; every reading of a mark adds it. */
  readonly boost: Float64Array;
  /** ZONE_BELOW_HIGH, BOOSTED_WATERMARK and RECLAIM_ACTIVE by zone: 0 or 1. */
  readonly belowHigh: Uint8Array;
  readonly boosted: Uint8Array;
  readonly reclaimActive: Uint8Array;
  /** Boosts that the running balance of kswapd found, by zone. */
  private readonly boostAtReclaim: Float64Array;

  constructor(machine: Machine, lists: FreeLists) {
    const zones = machine.zones;
    this.lists = lists;
    this.boostFactor = machine.watermarkBoostFactor;
    this.marks = new Float64Array(zones.length * 3);
    this.reserves = new Float64Array(zones.length * 5);
    this.boost = Float64Array.from(zones, (zone) => zone.boost);
    this.belowHigh = new Uint8Array(zones.length);
    this.boosted = new Uint8Array(zones.length);
    this.reclaimActive = new Uint8Array(zones.length);
    this.boostAtReclaim = new Float64Array(zones.length);
    zones.forEach((zone, i) => {
      this.marks.set([zone.watermark.min, zone.watermark.low, zone.watermark.high], i * 3);
      this.reserves.set(zone.lowmemReserve.slice(0, 5), i * 5);
    });
  }

  /** A mark with the boost added, as min_wmark_pages() and its like read it. */
  mark(zone: number, which: number): number {
    return this.marks[zone * 3 + which] + this.boost[zone];
  }

  /** zone_watermark_ok() against the pages that the counter shows. */
  isOk(zone: number, order: number, mark: number, highestZone: number, flags: number): boolean {
    return this.isOkWith(zone, order, mark, highestZone, flags, this.lists.nrFreePages[zone]);
  }

  /** zone_watermark_fast(): for the mark that the flags name, or for another with the same flags (§5.3). */
  isOkFast(
    zone: number,
    order: number,
    highestZone: number,
    flags: number,
    which: number = flags & ALLOC_WMARK_MASK,
  ): boolean {
    const mark = this.mark(zone, which);
    const free = this.lists.nrFreePages[zone];
    if (order === 0) {
      const usable = free - Math.min(free, this.unusable(zone, 0, flags));
      if (usable > mark + this.reserves[zone * 5 + highestZone]) return true;
    }
    if (this.isOkWith(zone, order, mark, highestZone, flags, free)) return true;
    const mayIgnoreBoost =
      order === 0 &&
      (flags & ALLOC_MIN_RESERVE) !== 0 &&
      this.boost[zone] > 0 &&
      (flags & ALLOC_WMARK_MASK) === ALLOC_WMARK_MIN;
    return mayIgnoreBoost && this.isOkWith(zone, 0, this.marks[zone * 3], highestZone, flags, free);
  }

  /** The order-0 check above the high watermark that ends ZONE_BELOW_HIGH in the free path (page-allocator §4.5). */
  isAboveHigh(zone: number): boolean {
    return this.isOk(zone, 0, this.mark(zone, ALLOC_WMARK_HIGH), 3, 0);
  }

  /** kswapd's balance begins and ends (§5.6): which boosts it takes back is settled at the start. */
  beginReclaim(): void {
    this.boostAtReclaim.set(this.boost);
    for (let zone = 0; zone < this.reclaimActive.length; zone++)
      this.reclaimActive[zone] = this.lists.zones[zone].managed > 0 ? 1 : 0;
  }

  endReclaim(): void {
    this.reclaimActive.fill(0);
    for (let zone = 0; zone < this.boost.length; zone++)
      this.boost[zone] -= Math.min(this.boost[zone], this.boostAtReclaim[zone]);
    this.boostAtReclaim.fill(0);
  }

  /** boost_watermark(): a claim below a pageblock is being tried. False where the zone takes no boost (page-allocator §3.6). */
  raiseBoost(zone: number): boolean {
    if (this.boostFactor === 0 || this.lists.zones[zone].managed < 4 * PAGEBLOCK_PAGES) return false;
    const high = this.marks[zone * 3 + ALLOC_WMARK_HIGH];
    // mult_frac(high, factor, 10000): the parts are divided one by one.
    const most =
      Math.floor(high / 10000) * this.boostFactor + Math.floor(((high % 10000) * this.boostFactor) / 10000);
    if (most === 0) return false;
    this.boost[zone] = Math.min(this.boost[zone] + PAGEBLOCK_PAGES, Math.max(PAGEBLOCK_PAGES, most));
    return true;
  }

  private unusable(zone: number, order: number, flags: number): number {
    let pages = 2 ** order - 1;
    if ((flags & ALLOC_RESERVES) === 0) pages += this.lists.nrFreeHighatomic[zone];
    if ((flags & ALLOC_CMA) === 0) pages += this.lists.nrFreeCma[zone];
    return pages;
  }

  /** Free pages enough for the mark that the flags name; whether they form a page of the order is not asked. */
  hasEnough(zone: number, order: number, highestZone: number, flags: number): boolean {
    const mark = this.mark(zone, flags & ALLOC_WMARK_MASK);
    return this.hasEnoughOf(zone, order, mark, highestZone, flags, this.lists.nrFreePages[zone]);
  }

  private isOkWith(
    zone: number,
    order: number,
    mark: number,
    highestZone: number,
    flags: number,
    counted: number,
  ): boolean {
    if (!this.hasEnoughOf(zone, order, mark, highestZone, flags, counted)) return false;
    if (order === 0) return true;
    for (let o = order; o <= MAX_PAGE_ORDER; o++) if (this.hasSuitablePage(zone, o, flags)) return true;
    return false;
  }

  private hasEnoughOf(
    zone: number,
    order: number,
    mark: number,
    highestZone: number,
    flags: number,
    counted: number,
  ): boolean {
    const free = counted - this.unusable(zone, order, flags);
    let min = mark;
    if ((flags & ALLOC_RESERVES) !== 0) {
      if ((flags & ALLOC_MIN_RESERVE) !== 0) {
        min -= Math.floor(min / 2);
        if ((flags & ALLOC_NON_BLOCK) !== 0) min -= Math.floor(min / 4);
      }
      if ((flags & ALLOC_OOM) !== 0) min -= Math.floor(min / 2);
    }
    return free > min + this.reserves[zone * 5 + highestZone];
  }

  /** Any list below MIGRATE_PCPTYPES will do, mapped or not, whatever the request wants (freetype-series §5.3). */
  private hasSuitablePage(zone: number, order: number, flags: number): boolean {
    const lists = this.lists;
    for (let type = 0; type < MIGRATE_PCPTYPES; type++) if (!lists.isEmpty(zone, order, type)) return true;
    if (this.seesUnmappedLists && !lists.isEmpty(zone, order, FREETYPE_UNMAPPED_UNMOVABLE)) return true;
    if ((flags & ALLOC_CMA) !== 0 && !lists.isEmpty(zone, order, MIGRATE_CMA)) return true;
    return (flags & (ALLOC_HIGHATOMIC | ALLOC_OOM)) !== 0 && !lists.isEmpty(zone, order, MIGRATE_HIGHATOMIC);
  }
}
