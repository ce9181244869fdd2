/**
 * Puts an allocator into its start state: a recorded snapshot to the last list entry, or the memory of a
 * machine that just booted (page-allocator §1.5, §1.6).
 */

import { EXIT, UserError } from '../kernel/errors.js';
import { FREETYPE_UNMAPPED_UNMOVABLE } from '../kernel/migratetypes.js';
import { pageblockOf } from '../kernel/orders.js';
import type { PcpState, Snapshot } from '../machine/snapshot.js';
import { bootPageblocks, forEachBootChunk } from '../machine/start-state.js';
import type { LivePages } from './core.js';
import type { PageAllocator } from './page-allocator.js';
import {
  BLOCK_ISOLATE,
  BLOCK_UNMAPPED,
  INFO_PCP,
  USE_KERNEL,
  USE_LRU,
  USE_MOVABLE_OFF_LRU,
} from './page-frames.js';
import { isUnmappedPindex, orderOfPindex } from './pcp-lists.js';

/** Exactly the lists, pcp lists and pageblocks of the snapshot, in order. */
export function loadSnapshot(allocator: PageAllocator, snapshot: Snapshot): void {
  const position = new Map(allocator.machine.zones.map((zone, i) => [zone.index, i]));
  const positionOf = (zone: number): number => {
    const found = position.get(zone);
    if (found !== undefined) return found;
    throw new UserError(EXIT.doesNotFit, `the start state has zone ${zone}, which this machine lacks`);
  };
  loadPageblocks(allocator, snapshot);
  loadPageUses(allocator, snapshot);
  for (const list of snapshot.freeLists) {
    const zone = positionOf(list.zone);
    for (const pfn of list.pfns) {
      allocator.lists.add(zone, list.order, list.freetype, allocator.frames.nodeAt(pfn, list.order), true);
    }
  }
  countUnmapped(allocator, snapshot);
  for (const state of snapshot.zones) {
    const zone = positionOf(state.zone);
    allocator.lists.nrFreePages[zone] = state.nrFreePages;
    state.nrFreePagesPerCpu.forEach((diff, cpu) => {
      if (cpu < allocator.machine.cpus)
        allocator.lists.nrFreePagesDiff[allocator.pcp.slotOf(cpu, zone)] = diff;
      else allocator.lists.nrFreePages[zone] += diff;
    });
    allocator.lists.nrFreeHighatomic[zone] = state.nrFreeHighatomic;
    allocator.lists.nrFreeCma[zone] = state.nrFreeCma;
    allocator.highatomic.reserved[zone] = state.nrReservedHighatomic;
    allocator.watermarks.boost[zone] = state.boost;
    allocator.watermarks.boosted[zone] = Number(state.boosted);
    allocator.watermarks.belowHigh[zone] = Number(state.belowHigh);
    allocator.watermarks.reclaimActive[zone] = Number(state.reclaimActive);
  }
  for (const pcp of snapshot.pcps) loadPcp(allocator, positionOf(pcp.zone), pcp, snapshot.cpus);
  allocator.counters.listSteps = 0;
}

/** Entries are put on lists one by one; what they sum up to is told once. */
function countUnmapped({ lists }: PageAllocator, snapshot: Snapshot): void {
  for (const { order, freetype, pfns } of snapshot.freeLists) {
    if (freetype === FREETYPE_UNMAPPED_UNMOVABLE) lists.countUnmapped(pfns.length * 2 ** order);
  }
  for (const pcp of snapshot.pcps) {
    for (const { index, pfns } of pcp.lists) {
      if (isUnmappedPindex(index)) lists.countUnmapped(pfns.length * 2 ** orderOfPindex(index));
    }
  }
}

/** All memory that is not `live` is free; blocks are movable, as boot leaves them. */
export function loadBoot(allocator: PageAllocator, live: LivePages | null): void {
  const { lists, frames, machine } = allocator;
  for (const { startPfn, blocks, migratetype } of bootPageblocks(machine)) {
    const first = pageblockOf(startPfn);
    frames.blockBits.fill(migratetype, first, first + blocks);
  }
  forEachBootChunk(machine, live, (pfn, order) => {
    const block = pageblockOf(pfn);
    const zone = lists.zoneOf(pfn);
    const type = frames.blockBits[block] & 7;
    if (order === 10 && (frames.blockBits[block + 1] & 7) !== type)
      lists.setBlockType(block, frames.blockBits[block + 1] & 7);
    lists.add(
      zone,
      order,
      order === 10 ? frames.blockBits[block + 1] & 7 : type,
      frames.nodeAt(pfn, order),
      true,
    );
    lists.nrFreePages[zone] += 2 ** order;
  });
  for (const range of machine.reserved) markRun(allocator, range.start, range.end, USE_KERNEL, 10);
  allocator.counters.listSteps = 0;
}

function loadPageblocks(allocator: PageAllocator, snapshot: Snapshot): void {
  for (const run of snapshot.pageblocks) {
    const bits = run.migratetype | (run.isolate ? BLOCK_ISOLATE : 0) | (run.unmapped ? BLOCK_UNMAPPED : 0);
    const first = pageblockOf(run.startPfn);
    allocator.frames.blockBits.fill(bits, first, first + run.blocks);
  }
}

/**
 * What pages were used for: those on an LRU count as movable in the half rule (§3.5), the kernel's own pin
 * their 2M ranges (facts/field.md §2). Others stay unknown.
 */
function loadPageUses(allocator: PageAllocator, snapshot: Snapshot): void {
  for (const run of snapshot.pageUses) {
    const use = USE_BY_CLASS[run.use] ?? -1;
    if (use >= 0)
      markRun(
        allocator,
        run.startPfn,
        run.startPfn + run.pages,
        use,
        run.use.startsWith('lru_') ? run.order : 9,
      );
  }
}

const USE_BY_CLASS: Readonly<Record<string, number>> = {
  lru_anon: USE_LRU,
  lru_file: USE_LRU,
  lru_shmem: USE_LRU,
  hugetlb: USE_MOVABLE_OFF_LRU,
  slab: USE_KERNEL,
  pagetable: USE_KERNEL,
  other: USE_KERNEL,
  reserved: USE_KERNEL,
};

/** Marks a run in aligned pieces of at most `order`. Holes that count as reserved have no metadata to mark. */
function markRun(
  { frames, machine }: PageAllocator,
  start: number,
  end: number,
  use: number,
  order: number,
): void {
  for (let pfn = start; pfn < Math.min(end, machine.endPfn); ) {
    let piece = order;
    while (pfn % 2 ** piece !== 0 || pfn + 2 ** piece > end) piece--;
    frames.markAllocated(frames.nodeAt(pfn, piece), piece, use);
    pfn += 2 ** piece;
  }
}

function loadPcp(allocator: PageAllocator, zone: number, state: PcpState, recordedCpus: number): void {
  const { pcp, frames, machine, lists } = allocator;
  if (state.cpu >= machine.cpus) {
    // A CPU that this machine does not have: its pages go back, oldest first, as a drain would send them.
    for (const list of state.lists) {
      const order = orderOfPindex(list.index);
      for (let i = list.pfns.length - 1; i >= 0; i--) {
        lists.cpu = 0;
        // Counted already, and counted again by the free.
        if (isUnmappedPindex(list.index)) lists.countUnmapped(-(2 ** order));
        lists.freeBlock(zone, frames.nodeAt(list.pfns[i], order), order, false);
      }
    }
    return;
  }
  const slot = pcp.slotOf(state.cpu, zone);
  for (const list of state.lists) {
    const order = orderOfPindex(list.index);
    for (const pfn of list.pfns) {
      const node = frames.nodeAt(pfn, order);
      frames.info[node] = INFO_PCP | order;
      frames.linkTail(pcp.list(slot, list.index), node);
    }
  }
  pcp.count[slot] = state.count;
  pcp.high[slot] = state.high;
  pcp.allocFactor[slot] = state.allocFactor;
  pcp.freeCount[slot] = state.freeCount;
  pcp.flags[slot] = state.flags;
  if (machine.cpus !== recordedCpus) return;
  pcp.highMin[slot] = state.highMin;
  pcp.highMax[slot] = state.highMax;
  pcp.batch[slot] = state.batch;
}
