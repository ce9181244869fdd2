/**
 * Start states without a snapshot: what is free right after boot, in the order in which it enters the lists
 * (page-allocator §1.6), and the types of pageblocks (§1.5). Start state `trace` is the same with live pages
 * carved out.
 *
 * One ascending walk is enough. The kernel hands over the last zone in two steps, and in the second step
 * frees partial 4M pieces page by page; but pages that enter at the tail in ascending order merge into the
 * same blocks in the same order as the largest aligned chunks do, and the border of the two steps is aligned
 * to the largest block. (test/machine/start-state.test.ts runs both.)
 * Not modelled: 7.3 and 6.12 with several CPUs do the second step in parallel; its order is not determined.
 */

import { MIGRATE_MOVABLE, MIGRATE_UNMOVABLE } from '../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, PAGEBLOCK_PAGES } from '../kernel/orders.js';
import type { Machine, PfnRange } from './machine.js';
import { intersectRanges, normalizeRanges, subtractRanges } from './pfn-ranges.js';

const LARGEST_BLOCK = 1 << MAX_PAGE_ORDER;

/** Pages in use at the start: runs of pfns, ascending, end exclusive. */
export interface LiveRuns {
  readonly start: ArrayLike<number>;
  readonly end: ArrayLike<number>;
}

/**
 * Calls `chunk` for every free block in the order in which the blocks are added to the tails of their lists:
 * zones ascending, pfns ascending. No two chunks can merge. A 16 TiB machine has 4 million of them: nothing
 * is kept here.
 */
export function forEachBootChunk(
  machine: Machine,
  live: LiveRuns | null,
  chunk: (pfn: number, order: number) => void,
): void {
  forEachFreeRange(machine, live, (start, end) => cutIntoChunks(start, end, chunk));
}

/** Maximal free ranges inside of each zone, ascending: RAM that is neither reserved nor live. */
export function forEachFreeRange(
  machine: Machine,
  live: LiveRuns | null,
  range: (start: number, end: number) => void,
): void {
  const managed = subtractRanges(machine.ram, machine.reserved);
  const runs = live?.start.length ?? 0;
  let run = 0;
  for (const zone of machine.zones) {
    for (const { start, end } of intersectRanges(managed, [{ start: zone.startPfn, end: zone.endPfn }])) {
      let free = start;
      while (run < runs && live!.end[run] <= start) run++;
      for (; run < runs && live!.start[run] < end; run++) {
        if (live!.start[run] > free) range(free, live!.start[run]);
        free = Math.max(free, live!.end[run]);
        // A run that reaches past this range may cover a part of the next one: it is looked at again.
        if (live!.end[run] > end) break;
      }
      if (free < end) range(free, end);
    }
  }
}

/** As memblock does: the largest order that alignment allows, reduced until the chunk fits. */
function cutIntoChunks(start: number, end: number, chunk: (pfn: number, order: number) => void): void {
  let pfn = start;
  // Bit operators would cut a pfn to 32 bits; the place inside the largest block fits, and is ten times
  // quicker than a remainder of pfns above 2^31.
  let offset = start % LARGEST_BLOCK;
  while (pfn < end) {
    let order = offset === 0 ? MAX_PAGE_ORDER : 31 - Math.clz32(offset & -offset);
    while (1 << order > end - pfn) order--;
    chunk(pfn, order);
    pfn += 1 << order;
    offset = (offset + (1 << order)) % LARGEST_BLOCK;
  }
}

export interface BootBlockRun {
  /** Kernel zone index. */
  readonly zone: number;
  readonly startPfn: number;
  readonly blocks: number;
  readonly migratetype: number;
}

/**
 * Types of all pageblocks that hold RAM: movable, but unmovable where the block's first pfn is in no memory
 * range, such as block 0 (page-allocator §1.5). Blocks wholly in holes do not occur.
 * Not modelled: mobility grouping is off on machines of some 10 MiB (§1.5 item 5).
 */
export function bootPageblocks(machine: Machine): BootBlockRun[] {
  const runs: BootBlockRun[] = [];
  for (const zone of machine.zones) {
    const ram = intersectRanges(machine.ram, [{ start: zone.startPfn, end: zone.endPfn }]);
    const touched = normalizeRanges(ram.map(wholeBlocks));
    const movable = normalizeRanges(ram.map(blocksBegun));
    const inZone: BootBlockRun[] = [
      ...movable.map((range) => blockRun(zone.index, range, MIGRATE_MOVABLE)),
      ...subtractRanges(touched, movable).map((range) => blockRun(zone.index, range, MIGRATE_UNMOVABLE)),
    ];
    runs.push(...inZone.sort((a, b) => a.startPfn - b.startPfn));
  }
  return runs;
}

function wholeBlocks({ start, end }: PfnRange): PfnRange {
  return { start: Math.floor(start / PAGEBLOCK_PAGES), end: Math.ceil(end / PAGEBLOCK_PAGES) };
}

/** Blocks whose first pfn is in the range. */
function blocksBegun({ start, end }: PfnRange): PfnRange {
  return { start: Math.ceil(start / PAGEBLOCK_PAGES), end: Math.ceil(end / PAGEBLOCK_PAGES) };
}

function blockRun(zone: number, blocks: PfnRange, migratetype: number): BootBlockRun {
  return { zone, startPfn: blocks.start * PAGEBLOCK_PAGES, blocks: blocks.end - blocks.start, migratetype };
}
