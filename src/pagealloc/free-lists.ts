/**
 * The buddy lists of every zone: one list for each order and freetype, with the kernel's rules for heads
 * and tails. Sources: page-allocator §2 (freeing), §3.1, §3.2 (taking), freetype-series §3.1, §3.3.
 *
 * Order of entries is the product: never touch a list but through the operations here.
 */

import { InvariantError } from '../kernel/errors.js';
import {
  FREETYPE_UNMAPPED_UNMOVABLE,
  MIGRATE_CMA,
  MIGRATE_HIGHATOMIC,
  MIGRATE_ISOLATE,
  MIGRATE_MOVABLE,
  MIGRATE_PCPTYPES,
  MIGRATE_TYPES,
  MIGRATE_UNMOVABLE,
  NR_FREETYPE_IDXS,
} from '../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, NR_PAGE_ORDERS, PAGEBLOCK_ORDER, PAGEBLOCK_PAGES } from '../kernel/orders.js';
import type { Machine, Zone } from '../machine/machine.js';
import { pressureStatThreshold, statThreshold } from '../machine/sizing.js';
import type { AllocatorCounters } from './counters.js';
import {
  BLOCK_ISOLATE,
  BLOCK_TYPE_MASK,
  BLOCK_UNMAPPED,
  INFO_FREE,
  INFO_KIND_MASK,
  INFO_ORDER_MASK,
  type PageFrames,
} from './page-frames.js';

/** No page, no list. */
export const NONE = -1;
const LISTS_PER_ZONE = NR_PAGE_ORDERS * NR_FREETYPE_IDXS;

/**
 * A task in direct compaction that waits for a block: the first free of its own that completes one hands it
 * over before it reaches a list (page-allocator §2.6).
 */
export interface CompactionCapture {
  readonly zone: number;
  readonly order: number;
  /** What the request wants: a migratetype, or FREETYPE_UNMAPPED_UNMOVABLE. */
  readonly freetype: number;
  /** Node of the block that was handed over; NONE before. */
  node: number;
}

/** Lists that all zones of a machine need. */
export function buddyListCount(machine: Machine): number {
  return machine.zones.length * LISTS_PER_ZONE;
}

/** Freetype index by a pageblock's bits; NONE where the pair has no list (freetype-series §2.2). */
const FREETYPE_OF_BITS = Int8Array.from({ length: 64 }, (_, bits) => {
  const type =
    (bits & BLOCK_ISOLATE) !== 0 ? MIGRATE_ISOLATE : Math.min(bits & BLOCK_TYPE_MASK, MIGRATE_TYPES - 1);
  if ((bits & BLOCK_UNMAPPED) === 0) return type;
  return type === MIGRATE_UNMOVABLE ? FREETYPE_UNMAPPED_UNMOVABLE : NONE;
});

/** Migratetype of a freetype index. */
export function migratetypeOf(freetype: number): number {
  return freetype === FREETYPE_UNMAPPED_UNMOVABLE ? MIGRATE_UNMOVABLE : freetype;
}

export class FreeLists {
  readonly zones: readonly Zone[];
  readonly frames: PageFrames;
  readonly counters: AllocatorCounters;
  /** Entries of every list. */
  readonly length: Int32Array;
  /** NR_FREE_PAGES as watermark checks read it, by zone: the part that is folded in (page-allocator §1.7). */
  readonly nrFreePages: Float64Array;
  /** What each CPU has not folded in yet: cpu * zones + zone. */
  readonly nrFreePagesDiff: Int32Array;
  /** A CPU folds its part when it exceeds this (§1.7). */
  readonly statThreshold: Int32Array;
  private readonly cpus: number;
  readonly nrFreeHighatomic: Float64Array;
  readonly nrFreeCma: Float64Array;
  /** Free unmapped pages, on buddy and on pcp lists, now and at most: mapped requests cannot use them. */
  unmappedPages = 0;
  unmappedPagesMost = 0;
  /** Whole 2M blocks on the lists. */
  whole2MBlocks = 0;
  /** CPU on whose behalf the lists change now. */
  cpu = 0;
  /** The running task compacts and waits for a block; null for all others. */
  capture: CompactionCapture | null = null;

  constructor(machine: Machine, frames: PageFrames, counters: AllocatorCounters) {
    this.zones = machine.zones;
    this.frames = frames;
    this.counters = counters;
    this.length = new Int32Array(buddyListCount(machine));
    this.nrFreePages = new Float64Array(machine.zones.length);
    this.nrFreePagesDiff = new Int32Array(machine.zones.length * machine.cpus);
    this.statThreshold = Int32Array.from(machine.zones, (zone) => zone.statThreshold);
    this.cpus = machine.cpus;
    this.nrFreeHighatomic = new Float64Array(machine.zones.length);
    this.nrFreeCma = new Float64Array(machine.zones.length);
  }

  /** The counters of another allocator's lists; the lists themselves are in the frames. */
  copyCountsFrom(other: FreeLists): void {
    this.length.set(other.length);
    this.nrFreePages.set(other.nrFreePages);
    this.nrFreePagesDiff.set(other.nrFreePagesDiff);
    this.nrFreeHighatomic.set(other.nrFreeHighatomic);
    this.nrFreeCma.set(other.nrFreeCma);
    this.unmappedPages = other.unmappedPages;
    this.whole2MBlocks = other.whole2MBlocks;
  }

  list(zone: number, order: number, freetype: number): number {
    return (zone * NR_PAGE_ORDERS + order) * NR_FREETYPE_IDXS + freetype;
  }

  isEmpty(zone: number, order: number, freetype: number): boolean {
    const list = this.list(zone, order, freetype);
    return this.frames.next[list] === list;
  }

  /** First entry, or NONE. */
  head(zone: number, order: number, freetype: number): number {
    const list = this.list(zone, order, freetype);
    const node = this.frames.next[list];
    return node === list ? NONE : node;
  }

  /** Position in `zones` of the zone that holds the page. */
  zoneOf(pfn: number): number {
    for (let zone = this.zones.length - 1; zone > 0; zone--)
      if (pfn >= this.zones[zone].startPfn) return zone;
    return 0;
  }

  freetypeOfBlock(block: number): number {
    return FREETYPE_OF_BITS[this.frames.blockBits[block] & 0x3f];
  }

  /** set_pageblock_migratetype(): changes the type, ends isolation, leaves the unmapped flag (freetype-series §2.4). */
  setBlockType(block: number, migratetype: number): void {
    this.frames.blockBits[block] =
      (this.frames.blockBits[block] & ~(BLOCK_TYPE_MASK | BLOCK_ISOLATE)) | migratetype;
  }

  setBlockUnmapped(block: number, unmapped: boolean): void {
    const bits = this.frames.blockBits[block];
    this.frames.blockBits[block] = unmapped ? bits | BLOCK_UNMAPPED : bits & ~BLOCK_UNMAPPED;
  }

  add(zone: number, order: number, freetype: number, node: number, tail: boolean): void {
    const list = this.list(zone, order, freetype);
    this.frames.info[node] = INFO_FREE | order;
    this.length[list]++;
    this.counters.listSteps++;
    if (order >= PAGEBLOCK_ORDER) this.whole2MBlocks += order === PAGEBLOCK_ORDER ? 1 : 2;
    if (tail) this.frames.linkTail(list, node);
    else this.frames.linkHead(list, node);
  }

  del(zone: number, order: number, freetype: number, node: number): void {
    this.frames.unlink(node);
    this.frames.info[node] = 0;
    this.length[this.list(zone, order, freetype)]--;
    this.counters.listSteps++;
    if (order >= PAGEBLOCK_ORDER) this.whole2MBlocks -= order === PAGEBLOCK_ORDER ? 1 : 2;
  }

  /** move_to_free_list(): always to the tail (page-allocator §2.1). */
  move(zone: number, order: number, from: number, to: number, node: number): void {
    this.del(zone, order, from, node);
    this.add(zone, order, to, node, true);
    const pages = 1 << order;
    this.account(zone, -pages, from);
    this.account(zone, pages, to);
  }

  /** Changes NR_FREE_PAGES and its companions by a number of pages of one freetype (page-allocator §2.1). */
  account(zone: number, pages: number, freetype: number): void {
    if (freetype >= MIGRATE_PCPTYPES) {
      if (freetype === MIGRATE_ISOLATE) return;
      if (freetype === MIGRATE_HIGHATOMIC) this.nrFreeHighatomic[zone] += pages;
      else if (freetype === MIGRATE_CMA) this.nrFreeCma[zone] += pages;
      else if (freetype === FREETYPE_UNMAPPED_UNMOVABLE) this.countUnmapped(pages);
    }
    // Each CPU keeps small changes to itself: a watermark check near the mark sees the difference (§1.7).
    const slot = this.cpu * this.zones.length + zone;
    const diff = this.nrFreePagesDiff[slot] + pages;
    const threshold = this.statThreshold[zone];
    if (diff > threshold || diff < -threshold) {
      this.nrFreePages[zone] += diff;
      this.nrFreePagesDiff[slot] = 0;
    } else {
      this.nrFreePagesDiff[slot] = diff;
    }
  }

  /** Unmapped pages became free (or, negative, were taken). */
  countUnmapped(pages: number): void {
    this.unmappedPages += pages;
    if (this.unmappedPages > this.unmappedPagesMost) this.unmappedPagesMost = this.unmappedPages;
  }

  /** Folds one CPU's part of the counter in, as the vmstat worker does (page-allocator §4.8). */
  foldCounter(zone: number, cpu: number): void {
    const slot = cpu * this.zones.length + zone;
    this.nrFreePages[zone] += this.nrFreePagesDiff[slot];
    this.nrFreePagesDiff[slot] = 0;
  }

  /** set_pgdat_percpu_threshold(): when kswapd wakes, and when it goes to sleep. */
  setStatThresholds(kswapdIsAwake: boolean): void {
    this.zones.forEach(({ hasDriftMark, managed, watermark }, zone) => {
      if (!hasDriftMark) return;
      this.statThreshold[zone] = kswapdIsAwake
        ? pressureStatThreshold(watermark.min, watermark.low, this.cpus)
        : statThreshold(managed, this.cpus);
    });
  }

  /** free_one_page(): the block's own type decides the list; order 10 goes in two halves (page-allocator §2.4, §2.5). */
  freeBlock(zone: number, node: number, order: number, toTail: boolean): void {
    if (order < MAX_PAGE_ORDER) {
      this.freeOnePage(zone, node, order, this.freetypeOfBlock(this.frames.blockOf(node)), toTail);
      return;
    }
    const block = this.frames.blockOf(node);
    this.freeOnePage(zone, node, 9, this.freetypeOfBlock(block), toTail);
    this.freeOnePage(zone, node + 1, 9, this.freetypeOfBlock(block + 1), toTail);
  }

  /** __free_one_page() (page-allocator §2.2, §2.3; merging by flags: freetype-series §3.3). */
  freeOnePage(zone: number, node: number, order: number, freetype: number, toTail: boolean): void {
    const frames = this.frames;
    const info = frames.info;
    if (freetype < 0)
      throw new InvariantError('a free page would have a freetype without a list (freetype-series §7.2)');
    this.account(zone, 1 << order, freetype);
    while (order < PAGEBLOCK_ORDER) {
      if (this.capture !== null && this.isCaptured(this.capture, zone, node, order, freetype)) return;
      const buddy = node ^ (1 << order);
      if (info[buddy] !== (INFO_FREE | order)) {
        this.add(zone, order, freetype, node, toTail || this.mergesNext(node & ~(1 << order), order));
        return;
      }
      this.del(zone, order, freetype, buddy);
      node &= buddy;
      order++;
      if (order === PAGEBLOCK_ORDER) node = frames.releaseSlab(node);
    }
    if (order === PAGEBLOCK_ORDER) {
      if (this.capture !== null && this.isCaptured(this.capture, zone, node, order, freetype)) return;
      const block = node - frames.blockBase;
      const buddyBlock = block ^ 1;
      const buddy = frames.blockBase + buddyBlock;
      if (info[buddy] === (INFO_FREE | 9)) {
        const buddyFreetype = this.freetypeOfBlock(buddyBlock);
        if (buddyFreetype === freetype || (buddyFreetype < MIGRATE_PCPTYPES && freetype < MIGRATE_PCPTYPES)) {
          this.del(zone, 9, buddyFreetype, buddy);
          // The block that was already free takes the type of the one being freed (§2.2).
          if (buddyFreetype !== freetype) this.setBlockType(buddyBlock, migratetypeOf(freetype));
          node = frames.blockBase + (block & ~1);
          order = MAX_PAGE_ORDER;
        }
      }
    }
    this.add(zone, order, freetype, node, toTail);
  }

  /** compaction_capture(): tested before each step of merging, so a larger block than wanted is never taken (§2.6). */
  private isCaptured(
    capture: CompactionCapture,
    zone: number,
    node: number,
    order: number,
    freetype: number,
  ): boolean {
    if (capture.node !== NONE || capture.zone !== zone || capture.order !== order) return false;
    if (freetype === MIGRATE_CMA || freetype === MIGRATE_ISOLATE) return false;
    // The flags must be equal: an unmapped request never captures a mapped page (freetype-observed §7.9).
    const isUnmapped = freetype === FREETYPE_UNMAPPED_UNMOVABLE;
    if (isUnmapped !== (capture.freetype === FREETYPE_UNMAPPED_UNMOVABLE)) return false;
    if (order < PAGEBLOCK_ORDER && freetype === MIGRATE_MOVABLE && capture.freetype !== MIGRATE_MOVABLE)
      return false;
    capture.node = node;
    this.account(zone, -(1 << order), freetype);
    return true;
  }

  /** buddy_merge_likely(): would the next free merge twice? `parent` is the page of order + 1 (page-allocator §2.3). */
  private mergesNext(parent: number, order: number): boolean {
    const frames = this.frames;
    if (order < 8) return frames.info[parent ^ (2 << order)] === (INFO_FREE | (order + 1));
    return frames.info[frames.blockBase + (frames.blockOf(parent) ^ 1)] === (INFO_FREE | 9);
  }

  /**
   * expand(): keeps the lowest part, upper halves go to the heads of their lists, largest first
   * (page-allocator §3.2). Returns the node that stands for the kept part: below order 9 a slab node.
   */
  expand(zone: number, node: number, low: number, high: number, freetype: number): number {
    const frames = this.frames;
    while (high > low) {
      high--;
      if (high >= PAGEBLOCK_ORDER) {
        this.add(zone, high, freetype, node + 1, false);
        continue;
      }
      if (high === 8) node = frames.slabOf(node - frames.blockBase);
      this.add(zone, high, freetype, node + (1 << high), false);
    }
    return node;
  }

  /** __rmqueue_smallest(): NONE when no list of the type has anything (page-allocator §3.1). */
  takeSmallest(zone: number, order: number, freetype: number): number {
    const next = this.frames.next;
    let list = this.list(zone, order, freetype);
    for (let o = order; o <= MAX_PAGE_ORDER; o++, list += NR_FREETYPE_IDXS) {
      const node = next[list];
      if (node === list) continue;
      this.del(zone, o, freetype, node);
      this.account(zone, -(1 << order), freetype);
      return this.expand(zone, node, order, o, freetype);
    }
    return NONE;
  }

  /** move_freepages_block() (page-allocator §3.5): free pages of the block to the tails of another type, in pfn order. */
  moveBlock(zone: number, block: number, from: number, to: number): void {
    const frames = this.frames;
    if (frames.isWhollyFree(block)) {
      const node = frames.blockBase + block;
      // A half of an order-10 page is never moved alone: its type is that of the whole (I1 of §1.3).
      if (frames.info[node] === (INFO_FREE | 9)) this.move(zone, 9, from, to, node);
      return;
    }
    const slab = frames.slabIfBroken(block);
    if (slab === 0) return;
    for (let page = 0; page < PAGEBLOCK_PAGES; ) {
      const info = frames.info[slab + page];
      const order = info & INFO_ORDER_MASK;
      if ((info & INFO_KIND_MASK) === INFO_FREE) this.move(zone, order, from, to, slab + page);
      page += info === 0 ? 1 : 1 << order;
    }
  }

  /** Pages on the lists of one zone, all types (nr_free summed up). */
  nrFree(zone: number, order: number): number {
    let sum = 0;
    for (let freetype = 0; freetype < NR_FREETYPE_IDXS; freetype++)
      sum += this.length[this.list(zone, order, freetype)];
    return sum;
  }

  /** pfns of a list, head first. For snapshots, tests and explanations. */
  pfns(zone: number, order: number, freetype: number): number[] {
    const list = this.list(zone, order, freetype);
    const result: number[] = [];
    for (let node = this.frames.next[list]; node !== list; node = this.frames.next[node])
      result.push(this.frames.pfnOf(node));
    return result;
  }
}
