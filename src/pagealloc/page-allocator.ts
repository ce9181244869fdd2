/**
 * From a request to a page, and from a free to a list: the order in which the parts are asked.
 * Sources: page-allocator §5 (zonelist, watermarks, fast and slow path), §4.4 (frees), §3.10; the place of
 * the flip: freetype-series §4.1.
 *
 * The way of one request: fast path → zone by zone (watermark, pcp list, buddy lists, flip) → again
 * without ALLOC_NOFRAGMENT → slow path with the MIN mark → failure with a reason.
 *
 * Not modelled: reclaim. What it freed in the recording stands in the trace as frees; a request that
 * would reclaim gets what §5.5 gives after reclaim: highatomic blocks, and the pages of the pcp lists.
 * Direct compaction has its place in `slowPath`; until it is there its wish is counted.
 */

import {
  ALLOC_CMA,
  ALLOC_HIGHATOMIC,
  ALLOC_KSWAPD,
  ALLOC_MIN_RESERVE,
  ALLOC_NOBLOCK,
  ALLOC_NOFRAGMENT,
  ALLOC_NON_BLOCK,
  ALLOC_OOM,
  ALLOC_WMARK_HIGH,
  ALLOC_WMARK_LOW,
  ALLOC_WMARK_MASK,
  ALLOC_WMARK_MIN,
} from '../kernel/alloc-flags.js';
import { InvariantError } from '../kernel/errors.js';
import {
  GFP_DIRECT_RECLAIM_BIT,
  GFP_HIGH_BIT,
  GFP_KSWAPD_RECLAIM_BIT,
  GFP_NOMEMALLOC_BIT,
  GFP_NORETRY_BIT,
  GFP_RETRY_MAYFAIL_BIT,
  GFP_THISNODE_BIT,
  gfpHighestZone,
} from '../kernel/gfp.js';
import {
  FREETYPE_UNMAPPED_UNMOVABLE,
  MIGRATE_HIGHATOMIC,
  MIGRATE_ISOLATE,
  MIGRATE_MOVABLE,
} from '../kernel/migratetypes.js';
import { PAGE_ALLOC_COSTLY_ORDER } from '../kernel/orders.js';
import { type Machine, ZONE_NORMAL } from '../machine/machine.js';
import { type CoreObserver, FAILED_NO_BLOCK, FAILED_WATERMARK } from './core.js';
import { AllocatorCounters } from './counters.js';
import { buddyListCount, FreeLists, NONE } from './free-lists.js';
import { Highatomic } from './highatomic.js';
import { INFO_ALLOCATED, PageFrames, useOf } from './page-frames.js';
import { isPcpOrder, PcpLists, pcpListCount } from './pcp-lists.js';
import { Rmqueue } from './rmqueue.js';
import { Watermarks } from './watermarks.js';

/** What huge-page faults ask for first: this node's memory, compacted at most (§5.5). */
const COMPACT_ONLY = GFP_THISNODE_BIT | GFP_NORETRY_BIT;

/** Called after a zone's lists gave nothing, before the next zone is tried; no lock is held (freetype-series §4.1). */
export type LastResort = (zone: number, order: number, freetype: number, flags: number) => number;

export class PageAllocator {
  readonly machine: Machine;
  readonly counters = new AllocatorCounters();
  readonly frames: PageFrames;
  readonly lists: FreeLists;
  readonly watermarks: Watermarks;
  readonly rmqueue: Rmqueue;
  readonly pcp: PcpLists;
  readonly highatomic: Highatomic;
  private readonly observer: CoreObserver;
  /** Zone positions from high to low that a request of each highest zone index may use (§5.1). */
  private readonly zonelists: readonly (readonly number[])[];
  lastResort: LastResort | null = null;
  /** Unmapped requests of any order go to pageblock-order compaction: v4 of the series (freetype-series §5.1). */
  compactsUnmapped = false;
  /** Drains by reclaim come from a recording: the slow path drains nothing by itself. */
  drainsAreRecorded = false;
  /** kswapd runs when the trace says so; else as soon as it is woken. */
  private readonly kswapdIsRecorded: boolean;
  /** Whether the last failing walk over the zones met one with free pages enough for its watermark. */
  private sawOpenZone = false;
  /** 6.12 reserves the block of any page of a slow-path request, 7.3 only of one from the buddy lists (§3.8). */
  private readonly reservesFromPcp: boolean;

  constructor(machine: Machine, observer: CoreObserver, kswapdIsRecorded = false) {
    this.machine = machine;
    this.observer = observer;
    this.kswapdIsRecorded = kswapdIsRecorded;
    const buddyLists = buddyListCount(machine);
    this.frames = new PageFrames(machine.endPfn, buddyLists + pcpListCount(machine));
    this.lists = new FreeLists(machine, this.frames, this.counters);
    this.watermarks = new Watermarks(machine, this.lists);
    this.rmqueue = new Rmqueue(this.lists, this.watermarks, observer);
    this.pcp = new PcpLists(machine, this.lists, this.rmqueue, this.watermarks, buddyLists);
    this.highatomic = new Highatomic(this.lists);
    this.reservesFromPcp = !machine.rules.highatomicOnFastPath;
    this.zonelists = [0, 1, 2, 3].map((highest) =>
      machine.zones
        .map((zone, position) => ({ zone, position }))
        .filter(({ zone }) => zone.index <= highest && zone.managed > 0)
        .map(({ position }) => position)
        .reverse(),
    );
  }

  /** __alloc_pages(): a pfn, or a negative FAILED_ reason. `freetype` is what the core made of the request. */
  alloc(order: number, freetype: number, gfp: number, cpu: number, migratetype: number): number {
    this.lists.cpu = cpu;
    const highestZone = gfpHighestZone(gfp);
    const zonelist = this.zonelists[highestZone];
    const common = this.commonFlags(gfp, freetype);
    let node = this.getPage(
      zonelist,
      highestZone,
      order,
      freetype,
      this.fastFlags(common, gfp, order, zonelist),
      cpu,
    );
    if (node === NONE) node = this.slowPath(zonelist, highestZone, order, freetype, common, gfp, cpu);
    if (node === NONE) return this.sawOpenZone ? FAILED_NO_BLOCK : FAILED_WATERMARK;
    this.frames.markAllocated(node, order, useOf(migratetype, gfp));
    return this.frames.pfnOf(node);
  }

  /** free_frozen_pages() (§4.4): to the pcp list of the block's type now, or straight to the buddy lists. */
  free(pfn: number, order: number, cpu: number): void {
    this.lists.cpu = cpu;
    const zone = this.lists.zoneOf(pfn);
    const node = this.frames.nodeAt(pfn, order);
    const info = this.frames.info[node];
    // A second free would tie a list into a knot that no walk comes out of.
    if (info !== 0 && info < INFO_ALLOCATED)
      throw new InvariantError(`page ${pfn} is freed while it is free`);
    this.frames.clearAllocated(node, order);
    if (isPcpOrder(order)) {
      const freetype = this.lists.freetypeOfBlock(this.frames.blockOf(node));
      if (freetype !== MIGRATE_ISOLATE) {
        this.pcp.put(zone, cpu, node, order, freetype);
        return;
      }
    }
    this.freeToBuddy(zone, node, order, false);
  }

  /** free_one_page(): past the pcp lists (§2.8). */
  freeToBuddy(zone: number, node: number, order: number, toTail: boolean): void {
    this.counters.zoneLockTakes++;
    this.lists.freeBlock(zone, node, order, toTail);
  }

  /** One CPU's vmstat worker in one zone: folds the counter, lowers pcp->high (§4.8). */
  decay(zone: number, cpu: number): void {
    this.lists.cpu = cpu;
    this.lists.foldCounter(zone, cpu);
    this.pcp.decay(zone, cpu);
  }

  /** kswapd balances: RECLAIM_ACTIVE until it ends (§5.6). What it reclaims stands in the trace. */
  kswapdBegins(): void {
    this.lists.setStatThresholds(true);
    this.watermarks.beginReclaim();
  }

  /** kswapd sleeps until it is woken. */
  kswapdSleeps(): void {
    this.lists.setStatThresholds(false);
  }

  /** The boosts that the balance found at its start are gone; what was added meanwhile stays (§5.6). */
  kswapdEnds(): void {
    this.watermarks.endReclaim();
  }

  /** drain_all_pages(): CPUs ascending, zones ascending (§4.8). */
  drainAll(): void {
    for (let cpu = 0; cpu < this.machine.cpus; cpu++) this.drainCpu(cpu);
  }

  /** drain_pages() of one CPU, all zones. */
  drainCpu(cpu: number): void {
    this.lists.cpu = cpu;
    for (let zone = 0; zone < this.machine.zones.length; zone++) this.pcp.drain(zone, cpu);
  }

  private commonFlags(gfp: number, freetype: number): number {
    let flags = 0;
    if (freetype === MIGRATE_MOVABLE) flags |= ALLOC_CMA;
    if ((gfp & GFP_KSWAPD_RECLAIM_BIT) !== 0) flags |= ALLOC_KSWAPD;
    // The caller's gfp decides once and for all paths whether a flip may block (freetype-series §4.5).
    if ((gfp & GFP_DIRECT_RECLAIM_BIT) === 0) flags |= ALLOC_NOBLOCK;
    return flags;
  }

  private fastFlags(common: number, gfp: number, order: number, zonelist: readonly number[]): number {
    let flags = common | ALLOC_WMARK_LOW;
    // Only machines whose requests start in zone Normal try to keep fragments apart (§5.4).
    if (zonelist.length > 0 && this.machine.zones[zonelist[0]].index === ZONE_NORMAL)
      flags |= ALLOC_NOFRAGMENT;
    if (this.machine.rules.highatomicOnFastPath && isHighatomic(gfp, order)) flags |= ALLOC_HIGHATOMIC;
    return flags;
  }

  private slowFlags(common: number, gfp: number, order: number): number {
    let flags = common | ALLOC_WMARK_MIN;
    if ((gfp & GFP_HIGH_BIT) !== 0) flags |= ALLOC_MIN_RESERVE;
    if ((gfp & (GFP_DIRECT_RECLAIM_BIT | GFP_NOMEMALLOC_BIT)) === 0) flags |= ALLOC_NON_BLOCK;
    if (isHighatomic(gfp, order)) flags |= ALLOC_HIGHATOMIC;
    return flags;
  }

  /** The outline of §5.5, as far as it touches lists. */
  private slowPath(
    zonelist: readonly number[],
    highestZone: number,
    order: number,
    freetype: number,
    common: number,
    gfp: number,
    cpu: number,
  ): number {
    const flags = this.slowFlags(common, gfp, order);
    let node = this.getPage(zonelist, highestZone, order, freetype, flags, cpu);
    if (node !== NONE || (gfp & GFP_DIRECT_RECLAIM_BIT) === 0) return node;
    // v4 promotes unmapped requests of any order to pageblock-order compaction (freetype-series §5.1).
    const isPromoted = this.compactsUnmapped && freetype === FREETYPE_UNMAPPED_UNMOVABLE;
    if (order > 0 || isPromoted) this.counters.compactionWanted++;
    // Huge-page faults compact and give up: no reclaim, hence no drain either.
    if ((gfp & COMPACT_ONLY) === COMPACT_ONLY) return NONE;
    this.unreserve(zonelist, freetype, false);
    if (!this.drainsAreRecorded) this.drainAll();
    this.lists.cpu = cpu;
    node = this.getPage(zonelist, highestZone, order, freetype, flags, cpu);
    if (node !== NONE || (gfp & GFP_NORETRY_BIT) !== 0) return node;
    const isCostly = order > PAGE_ALLOC_COSTLY_ORDER;
    if (isCostly && (gfp & GFP_RETRY_MAYFAIL_BIT) === 0) return NONE;
    if (!this.unreserve(zonelist, freetype, true)) return NONE;
    return this.getPage(zonelist, highestZone, order, freetype, flags, cpu);
  }

  /** The first zone that gives a highatomic block back ends the search (§3.8). */
  private unreserve(zonelist: readonly number[], freetype: number, force: boolean): boolean {
    for (const zone of zonelist) if (this.highatomic.unreserve(zone, freetype, force)) return true;
    return false;
  }

  /** get_page_from_freelist() (§5.3). */
  private getPage(
    zonelist: readonly number[],
    highestZone: number,
    order: number,
    freetype: number,
    flags: number,
    cpu: number,
  ): number {
    this.sawOpenZone = false;
    for (let i = 0; i < zonelist.length; i++) {
      const zone = zonelist[i];
      if (!this.passesWatermark(zone, order, highestZone, flags)) {
        // Enough is free, but no page of the order: that is fragmentation, not the watermark (§5.5).
        if (this.watermarks.hasEnough(zone, order, highestZone, flags)) this.sawOpenZone = true;
        continue;
      }
      this.sawOpenZone = true;
      const node = this.rmqueueZone(zone, order, freetype, flags, cpu);
      if (node !== NONE) return node;
      if (i + 1 < zonelist.length)
        this.observer.fallthrough(this.machine.zones[zone].startPfn, order, 'nextZone');
    }
    if ((flags & ALLOC_NOFRAGMENT) === 0) return NONE;
    return this.getPage(zonelist, highestZone, order, freetype, flags & ~ALLOC_NOFRAGMENT, cpu);
  }

  private passesWatermark(zone: number, order: number, highestZone: number, flags: number): boolean {
    const watermarks = this.watermarks;
    if (watermarks.belowHigh[zone] === 0) {
      if (watermarks.isOkFast(zone, order, highestZone, flags, ALLOC_WMARK_HIGH)) return true;
      watermarks.belowHigh[zone] = 1;
    }
    return watermarks.isOkFast(zone, order, highestZone, flags);
  }

  /** rmqueue(): pcp list first, then the buddy lists, then the last resort. */
  private rmqueueZone(zone: number, order: number, freetype: number, flags: number, cpu: number): number {
    let node = isPcpOrder(order) ? this.pcp.take(zone, cpu, order, freetype, flags) : NONE;
    if (node === NONE) node = this.rmqueueBuddy(zone, order, freetype, flags);
    else if (this.reservesFromPcp && (flags & ALLOC_HIGHATOMIC) !== 0)
      this.highatomic.reserve(zone, node, order);
    if (node === NONE && this.lastResort !== null) {
      node = this.lastResort(zone, order, freetype, flags);
      // A page table may have been asked for in between: that request left its own CPU and its own outcome.
      this.lists.cpu = cpu;
      this.sawOpenZone = true;
    }
    if ((flags & ALLOC_KSWAPD) !== 0 && this.watermarks.boosted[zone] === 1) {
      // kswapd is woken for order 0 (§5.6).
      this.watermarks.boosted[zone] = 0;
      if (!this.kswapdIsRecorded) {
        this.kswapdBegins();
        this.kswapdEnds();
        this.kswapdSleeps();
      }
    }
    return node;
  }

  /** rmqueue_buddy() (§3.10). */
  private rmqueueBuddy(zone: number, order: number, freetype: number, flags: number): number {
    const mayUseReserve = freetype !== FREETYPE_UNMAPPED_UNMOVABLE;
    this.rmqueue.begin();
    let node = NONE;
    if ((flags & ALLOC_HIGHATOMIC) !== 0 && mayUseReserve)
      node = this.lists.takeSmallest(zone, order, MIGRATE_HIGHATOMIC);
    if (node === NONE) node = this.rmqueue.take(zone, order, freetype, flags);
    if (node === NONE && (flags & (ALLOC_OOM | ALLOC_NON_BLOCK)) !== 0 && mayUseReserve) {
      node = this.lists.takeSmallest(zone, order, MIGRATE_HIGHATOMIC);
    }
    if (node !== NONE && (flags & ALLOC_HIGHATOMIC) !== 0 && (flags & ALLOC_WMARK_MASK) === ALLOC_WMARK_MIN) {
      this.highatomic.reserve(zone, node, order);
    }
    return node;
  }
}

/** The condition of ALLOC_HIGHATOMIC (§5.4). */
function isHighatomic(gfp: number, order: number): boolean {
  return order > 0 && (gfp & (GFP_HIGH_BIT | GFP_DIRECT_RECLAIM_BIT | GFP_NOMEMALLOC_BIT)) === GFP_HIGH_BIT;
}
