/** What the shared parts count while they work. Integers only; metrics/ turns them into results. */

import { NR_PAGE_ORDERS } from '../kernel/orders.js';

/** Fallbacks are counted by kind, start type, fallback type and the order of the page found. */
const TYPES = 3;
export const FALLBACK_CLAIM = 0;
export const FALLBACK_STEAL = 1;

export class AllocatorCounters {
  /** Refills of a pcp list that found at least one page. */
  pcpRefills = 0;
  /** Calls that gave pcp pages back to the buddy lists. */
  pcpDrains = 0;
  zoneLockTakes = 0;
  /** Free-list operations: entries added, removed or moved. */
  listSteps = 0;
  pagesMigrated = 0;
  compactionRuns = 0;
  /** Requests that would start compaction (or promote it to pageblock order) if there were any. */
  compactionWanted = 0;
  readonly fallbacks = new Float64Array(2 * TYPES * TYPES * NR_PAGE_ORDERS);

  flipsToUnmapped = 0;
  blocksToUnmapped = 0;
  flipsToMapped = 0;
  blocksToMapped = 0;
  /** Flips that were wanted and refused, by index of FAILURE_NAMES. */
  readonly flipsRefused = new Float64Array(16);
  /** Pages cleared because their block was mapped back (freetype-series §4.9). */
  zeroedPages = 0;

  countFallback(kind: number, startType: number, fallbackType: number, order: number): void {
    this.fallbacks[((kind * TYPES + startType) * TYPES + fallbackType) * NR_PAGE_ORDERS + order]++;
  }

  fallbackCount(kind: number, startType: number, fallbackType: number, order: number): number {
    return this.fallbacks[((kind * TYPES + startType) * TYPES + fallbackType) * NR_PAGE_ORDERS + order];
  }
}
