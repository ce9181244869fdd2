/**
 * The per-CPU lists in front of the buddy lists: one set a CPU and zone, with refill sizes, high marks,
 * drains and decay. Source: page-allocator §4; the bank of unmapped lists: freetype-series §3.2.
 */

import { ALLOC_HIGHATOMIC } from '../kernel/alloc-flags.js';
import { InvariantError } from '../kernel/errors.js';
import { FREETYPE_UNMAPPED_UNMOVABLE, MIGRATE_MOVABLE, MIGRATE_PCPTYPES } from '../kernel/migratetypes.js';
import type { KernelRules } from '../kernel/rules.js';
import type { Machine } from '../machine/machine.js';
import type { AllocatorCounters } from './counters.js';
import { type FreeLists, NONE } from './free-lists.js';
import { INFO_PCP, type PageFrames } from './page-frames.js';
import type { Rmqueue } from './rmqueue.js';
import type { Watermarks } from './watermarks.js';

/** Lists of a kernel without the series (§0.3), and with it. Baseline cores leave the last five empty. */
export const NR_PCP_LISTS = 14;
export const NR_PCP_LISTS_FREETYPE = 19;
const FIRST_THP_LIST = 12;
const FIRST_UNMAPPED_LIST = 14;
/** CONFIG_PCP_BATCH_SCALE_MAX. */
export const BATCH_SCALE_MAX = 5;
const PREV_FREE_HIGH_ORDER = 1;
const FREE_HIGH_BATCH = 2;

/** Lists that all CPUs and zones of a machine need. */
export function pcpListCount(machine: Machine): number {
  return machine.cpus * machine.zones.length * NR_PCP_LISTS_FREETYPE;
}

/** pcp_allowed_order(): orders 0 to 3, and that of huge pages. */
export function isPcpOrder(order: number): boolean {
  return order <= 3 || order === 9;
}

/** order_to_pindex() (§4.1, freetype-series §3.2). */
export function pindexOf(order: number, freetype: number): number {
  if (freetype === FREETYPE_UNMAPPED_UNMOVABLE) return FIRST_UNMAPPED_LIST + (order === 9 ? 4 : order);
  if (order === 9) return FIRST_THP_LIST + (freetype === MIGRATE_MOVABLE ? 1 : 0);
  return 3 * order + freetype;
}

/** One of the lists that the series adds for unmapped pages. */
export function isUnmappedPindex(pindex: number): boolean {
  return pindex >= FIRST_UNMAPPED_LIST;
}

/** pindex_to_order(). */
export function orderOfPindex(pindex: number): number {
  if (pindex >= FIRST_UNMAPPED_LIST)
    return pindex === FIRST_UNMAPPED_LIST + 4 ? 9 : pindex - FIRST_UNMAPPED_LIST;
  return pindex >= FIRST_THP_LIST ? 9 : Math.floor(pindex / 3);
}

function clamp(value: number, low: number, high: number): number {
  if (value >= high) return high;
  return Math.max(value, low);
}

export class PcpLists {
  private readonly lists: FreeLists;
  private readonly frames: PageFrames;
  private readonly rmqueue: Rmqueue;
  private readonly watermarks: Watermarks;
  private readonly counters: AllocatorCounters;
  private readonly rules: KernelRules;
  private readonly zoneCount: number;
  /** Node of list 0 of the first CPU's first zone. */
  private readonly listBase: number;

  /** Told before a drain, with bulkFree's arguments; it may take entries off. For validation. */
  beforeDrain: ((slot: number, pages: number, pindex: number) => void) | null = null;

  // One entry a CPU and zone: slot = cpu * zones + zone. Counts are pages, not entries.
  readonly count: Int32Array;
  readonly high: Int32Array;
  readonly highMin: Int32Array;
  readonly highMax: Int32Array;
  readonly batch: Int32Array;
  readonly allocFactor: Uint8Array;
  readonly freeCount: Int32Array;
  readonly flags: Uint8Array;

  constructor(
    machine: Machine,
    lists: FreeLists,
    rmqueue: Rmqueue,
    watermarks: Watermarks,
    listBase: number,
  ) {
    const slots = machine.cpus * machine.zones.length;
    this.lists = lists;
    this.frames = lists.frames;
    this.rmqueue = rmqueue;
    this.watermarks = watermarks;
    this.counters = lists.counters;
    this.rules = machine.rules;
    this.zoneCount = machine.zones.length;
    this.listBase = listBase;
    this.count = new Int32Array(slots);
    this.high = new Int32Array(slots);
    this.highMin = new Int32Array(slots);
    this.highMax = new Int32Array(slots);
    this.batch = new Int32Array(slots);
    this.allocFactor = new Uint8Array(slots);
    this.freeCount = new Int32Array(slots);
    this.flags = new Uint8Array(slots);
    for (let slot = 0; slot < slots; slot++) {
      const { batch, highMin, highMax } = machine.zones[slot % machine.zones.length].pcp;
      this.batch[slot] = batch;
      this.highMin[slot] = highMin;
      this.highMax[slot] = highMax;
      if (machine.freeHighBatch) this.flags[slot] = FREE_HIGH_BATCH;
    }
  }

  /** The lists were changed from outside: counts them again. What steers refills and drains stays. */
  recount(): void {
    for (let slot = 0; slot < this.count.length; slot++) {
      this.count[slot] = 0;
      for (let pindex = 0; pindex < NR_PCP_LISTS_FREETYPE; pindex++) {
        const list = this.list(slot, pindex);
        for (let node = this.frames.next[list]; node !== list; node = this.frames.next[node])
          this.count[slot] += 1 << orderOfPindex(pindex);
      }
    }
  }

  slotOf(cpu: number, zone: number): number {
    return cpu * this.zoneCount + zone;
  }

  /** List head node of one list. */
  list(slot: number, pindex: number): number {
    return this.listBase + slot * NR_PCP_LISTS_FREETYPE + pindex;
  }

  /** rmqueue_pcplist() (§4.2). A node, or NONE when the list stayed empty. */
  take(zone: number, cpu: number, order: number, freetype: number, flags: number): number {
    const slot = this.slotOf(cpu, zone);
    this.freeCount[slot] >>= 1;
    return this.takeFromList(zone, slot, order, freetype, flags);
  }

  /** __rmqueue_pcplist(), which bulk allocation calls without the halving of free_count (§4.7). */
  takeFromList(zone: number, slot: number, order: number, freetype: number, flags: number): number {
    const frames = this.frames;
    const list = this.list(slot, pindexOf(order, freetype));
    let node = frames.next[list];
    if (node === list) {
      // Changes high and alloc_factor even if nothing comes of it (freetype-observed §7.1).
      const wanted = this.refillSize(slot, zone, order);
      if (this.rules.highatomicOnFastPath && (flags & ALLOC_HIGHATOMIC) !== 0) return NONE;
      const got = this.refill(zone, list, order, wanted, freetype, flags);
      this.count[slot] += got << order;
      if (freetype === FREETYPE_UNMAPPED_UNMOVABLE) this.lists.countUnmapped(got << order);
      node = frames.next[list];
      if (node === list) return NONE;
    }
    frames.unlink(node);
    frames.info[node] = 0;
    this.count[slot] -= 1 << order;
    if (freetype === FREETYPE_UNMAPPED_UNMOVABLE) this.lists.countUnmapped(-(1 << order));
    return node;
  }

  /** rmqueue_bulk(): pages enter at the tail, in the order of their removal (§3.10). */
  private refill(
    zone: number,
    list: number,
    order: number,
    wanted: number,
    freetype: number,
    flags: number,
  ): number {
    this.rmqueue.begin();
    let got = 0;
    for (; got < wanted; got++) {
      const node = this.rmqueue.take(zone, order, freetype, flags);
      if (node === NONE) break;
      this.frames.info[node] = INFO_PCP | order;
      this.frames.linkTail(list, node);
    }
    if (got > 0) this.counters.pcpRefills++;
    return got;
  }

  /** nr_pcp_alloc() (§4.3). */
  private refillSize(slot: number, zone: number, order: number): number {
    const base = this.batch[slot];
    let high = clamp(this.high[slot], this.highMin[slot], this.highMax[slot]);
    this.high[slot] = high;
    if (high < base) return 1;
    let batch = order === 0 ? base << this.allocFactor[slot] : base;
    if (this.highMin[slot] !== this.highMax[slot] && this.watermarks.belowHigh[zone] === 0) {
      high = Math.min(high + batch, this.highMax[slot]);
      this.high[slot] = high;
    }
    if (order === 0) {
      const most = Math.max(high - this.count[slot] - base, base);
      if (batch <= most && this.allocFactor[slot] < BATCH_SCALE_MAX) this.allocFactor[slot]++;
      batch = Math.min(batch, most);
    }
    return batch > 1 ? Math.max(batch >> order, 2) : batch;
  }

  /** free_frozen_page_commit() (§4.5). */
  put(zone: number, cpu: number, node: number, order: number, blockFreetype: number): void {
    const slot = this.slotOf(cpu, zone);
    const freetype =
      blockFreetype >= MIGRATE_PCPTYPES && blockFreetype !== FREETYPE_UNMAPPED_UNMOVABLE
        ? MIGRATE_MOVABLE
        : blockFreetype;
    const pindex = pindexOf(order, freetype);
    const batch = this.batch[slot];
    this.allocFactor[slot] >>= 1;
    this.frames.info[node] = INFO_PCP | order;
    this.frames.linkHead(this.list(slot, pindex), node);
    this.count[slot] += 1 << order;
    if (pindex >= FIRST_UNMAPPED_LIST) this.lists.countUnmapped(1 << order);
    let freeHigh = false;
    if (order >= 1 && order <= 3) {
      const flags = this.flags[slot];
      const limit = this.rules.freeHighAddsHighMin ? batch + (this.highMin[slot] >> 1) : batch;
      freeHigh =
        this.freeCount[slot] >= limit &&
        (flags & PREV_FREE_HIGH_ORDER) !== 0 &&
        ((flags & FREE_HIGH_BATCH) === 0 || this.count[slot] >= batch);
      this.flags[slot] = flags | PREV_FREE_HIGH_ORDER;
    } else {
      this.flags[slot] &= ~PREV_FREE_HIGH_ORDER;
    }
    if (this.freeCount[slot] < batch << BATCH_SCALE_MAX) this.freeCount[slot] += 1 << order;
    const high = this.highMark(slot, zone, freeHigh);
    if (this.count[slot] < high) return;
    this.drainOnFree(slot, zone, pindex, high, freeHigh);
  }

  private drainOnFree(slot: number, zone: number, pindex: number, high: number, freeHigh: boolean): void {
    const batch = this.batch[slot];
    let pages = this.freeSize(slot, high, freeHigh);
    if (this.rules.drainInPortions) {
      for (; pages > 0 && this.count[slot] > 0; pages -= batch)
        this.bulkFree(slot, zone, Math.min(pages, batch), pindex);
    } else {
      this.bulkFree(slot, zone, pages, pindex);
    }
    if (this.watermarks.belowHigh[zone] === 1 && this.watermarks.isAboveHigh(zone))
      this.watermarks.belowHigh[zone] = 0;
  }

  /** nr_pcp_high() (§4.6). */
  private highMark(slot: number, zone: number, freeHigh: boolean): number {
    const highMin = this.highMin[slot];
    const highMax = this.highMax[slot];
    const batch = this.batch[slot];
    let high = clamp(this.high[slot], highMin, highMax);
    this.high[slot] = high;
    if (high === 0) return 0;
    if (freeHigh) {
      this.high[slot] = Math.max(high - (batch << BATCH_SCALE_MAX), highMin);
      return 0;
    }
    if (this.watermarks.reclaimActive[zone] === 1) {
      this.high[slot] = Math.max(high - Math.max(this.freeCount[slot], batch), highMin);
      return Math.min(batch << 2, this.high[slot]);
    }
    if (highMin === highMax) return high;
    if (this.watermarks.belowHigh[zone] === 1) {
      this.high[slot] = Math.max(high - Math.max(this.freeCount[slot], batch), highMin);
      high = Math.max(this.count[slot], highMin);
    } else if (this.count[slot] >= high) {
      const need = this.freeCount[slot] + batch;
      if (this.high[slot] < need) this.high[slot] = clamp(need, highMin, highMax);
    }
    return high;
  }

  /** nr_pcp_free() (§4.6). */
  private freeSize(slot: number, high: number, freeHigh: boolean): number {
    const batch = this.batch[slot];
    if (freeHigh) return Math.min(this.count[slot], batch << BATCH_SCALE_MAX);
    if (high < batch) return 1;
    return clamp(this.freeCount[slot], batch, high - batch);
  }

  /** free_pcppages_bulk(): empties lists from their tails, beginning with one, then the next (§4.8). Returns entries. */
  bulkFree(slot: number, zone: number, pages: number, pindex: number): number {
    const frames = this.frames;
    this.counters.zoneLockTakes++;
    this.counters.pcpDrains++;
    this.beforeDrain?.(slot, pages, pindex);
    let left = Math.min(pages, this.count[slot]);
    let index = pindex - 1;
    let entries = 0;
    while (left > 0) {
      let list: number;
      let looked = 0;
      do {
        if (looked++ === NR_PCP_LISTS_FREETYPE)
          throw new InvariantError('pcp->count says pages that no pcp list has (page-allocator §1.4)');
        index = index >= NR_PCP_LISTS_FREETYPE - 1 ? 0 : index + 1;
        list = this.list(slot, index);
      } while (frames.next[list] === list);
      const order = orderOfPindex(index);
      do {
        const node = frames.prev[list];
        frames.unlink(node);
        frames.info[node] = 0;
        entries++;
        left -= 1 << order;
        this.count[slot] -= 1 << order;
        if (index >= FIRST_UNMAPPED_LIST) this.lists.countUnmapped(-(1 << order));
        this.lists.freeOnePage(zone, node, order, this.lists.freetypeOfBlock(frames.blockOf(node)), false);
      } while (left > 0 && frames.next[list] !== list);
    }
    return entries;
  }

  /** What bulkFree would take with these arguments, in its order. */
  *drainOrder(slot: number, pages: number, pindex: number): Generator<{ node: number; order: number }> {
    const { next, prev } = this.frames;
    let left = Math.min(pages, this.count[slot]);
    for (let step = 0; step < NR_PCP_LISTS_FREETYPE && left > 0; step++) {
      const index = (pindex + step) % NR_PCP_LISTS_FREETYPE;
      const order = orderOfPindex(index);
      const list = this.list(slot, index);
      if (next[list] === list) continue;
      for (let node = prev[list]; node !== list && left > 0; node = prev[node]) {
        left -= 1 << order;
        yield { node, order };
      }
    }
  }

  /** decay_pcp_high(): once a second from the vmstat worker (§4.8). */
  decay(zone: number, cpu: number): void {
    const slot = this.slotOf(cpu, zone);
    const batch = this.batch[slot];
    for (let rest = this.beginDecay(zone, cpu); rest > 0; rest -= batch) {
      this.bulkFree(slot, zone, Math.min(rest, batch), 0);
    }
  }

  /** Lowers high, and says how many pages are to go: counted once, before the first portion (§4.8). */
  beginDecay(zone: number, cpu: number): number {
    const slot = this.slotOf(cpu, zone);
    if (this.high[slot] > this.highMin[slot]) {
      this.high[slot] = Math.max(
        this.count[slot] - (this.batch[slot] << BATCH_SCALE_MAX),
        this.high[slot] - (this.high[slot] >> 3),
        this.highMin[slot],
      );
    }
    return this.count[slot] - this.high[slot];
  }

  /** drain_pages_zone() (§4.8). */
  drain(zone: number, cpu: number): void {
    const slot = this.slotOf(cpu, zone);
    while (this.count[slot] > 0)
      this.bulkFree(slot, zone, Math.min(this.count[slot], this.batch[slot] << BATCH_SCALE_MAX), 0);
  }

  /** An entry was unlinked by its node: finds the list's CPU by walking to the list head, and corrects its count. */
  forget(zone: number, neighbour: number, order: number): void {
    const frames = this.frames;
    let node = frames.next[neighbour];
    while (node >= frames.listHeads) node = frames.next[node];
    const slot = Math.floor((node - this.listBase) / NR_PCP_LISTS_FREETYPE);
    if (slot % this.zoneCount !== zone)
      throw new InvariantError('a pcp page lies in another zone than its list (page-allocator §1.1)');
    this.count[slot] -= 1 << order;
  }

  /** An entry of this slot was unlinked by its node. */
  forgetAt(slot: number, order: number): void {
    this.count[slot] -= 1 << order;
  }

  /** Pages on all lists. */
  pages(): number {
    return this.count.reduce((sum, pages) => sum + pages, 0);
  }

  pfns(slot: number, pindex: number): number[] {
    const list = this.list(slot, pindex);
    const result: number[] = [];
    for (let node = this.frames.next[list]; node !== list; node = this.frames.next[node])
      result.push(this.frames.pfnOf(node));
    return result;
  }
}
