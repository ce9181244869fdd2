/** Which pages were in use when the trace began, for frees of pages that the trace never allocated (DESIGN §4). */

import type { Snapshot } from '../machine/snapshot.js';
import { orderOfPindex } from '../pagealloc/pcp-lists.js';
import type { StartLive } from './plan.js';

/** Sorted, disjoint runs of pages; asked by halving. */
class RunSet {
  private readonly start: Float64Array;
  private readonly end: Float64Array;

  constructor(start: Float64Array, end: Float64Array) {
    this.start = start;
    this.end = end;
  }

  has(pfn: number): boolean {
    let low = 0;
    let high = this.start.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.end[middle] <= pfn) low = middle + 1;
      else high = middle;
    }
    return low < this.start.length && this.start[low] <= pfn;
  }
}

export const NOTHING_LIVE: StartLive = { isLive: () => false };

/** Runs as first-touch.ts found them. */
export function liveInRuns(start: Float64Array, end: Float64Array): StartLive {
  const runs = new RunSet(start, end);
  return { isLive: (pfn) => runs.has(pfn) };
}

/** What is on no list of the snapshot, inside its memory, was in use. */
export function liveInSnapshot(snapshot: Snapshot): StartLive {
  const blocks: { start: number; end: number }[] = [];
  for (const { order, pfns } of snapshot.freeLists) {
    for (const pfn of pfns) blocks.push({ start: pfn, end: pfn + 2 ** order });
  }
  for (const pcp of snapshot.pcps) {
    for (const list of pcp.lists)
      for (const pfn of list.pfns) blocks.push({ start: pfn, end: pfn + 2 ** orderOfPindex(list.index) });
  }
  blocks.sort((a, b) => a.start - b.start);
  const free = new RunSet(
    Float64Array.from(blocks, ({ start }) => start),
    Float64Array.from(blocks, ({ end }) => end),
  );
  return { isLive: (pfn) => pfn < snapshot.lastPfn && !free.has(pfn) };
}
