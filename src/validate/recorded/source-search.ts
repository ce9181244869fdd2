/**
 * The search of compaction's migrate scanner for a block to empty, fast_find_migrateblock() (page-allocator
 * §7.3): the list that it stopped at is left rotated. Blocks marked "skip" are passed over, and no event
 * tells the marks; but the scan that follows begins at the block that was found.
 */

import { MIGRATE_MOVABLE } from '../../kernel/migratetypes.js';
import { PAGE_ALLOC_COSTLY_ORDER, PAGEBLOCK_PAGES } from '../../kernel/orders.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';

/** COMPACT_CLUSTER_MAX (page-allocator §0.3). */
const COMPACT_CLUSTER_MAX = 32;

export interface SourceSearch {
  /** Order that the run wants. */
  readonly order: number;
  readonly fastSearchFail: number;
  readonly migratePfn: number;
  readonly freePfn: number;
  /** Where the scan begins that follows; negative when none does. */
  readonly scanStart: number;
}

export interface SourceSearchOutcome {
  readonly isFound: boolean;
  /** The page that stops the search, and goes behind the end of its list with all in front of it; or -1. */
  readonly pfn: number;
  readonly order: number;
}

/** Whether the migrate scanner searches at all before it goes on. */
export function searchesForSource(order: number, migratePfn: number, zoneStart: number): boolean {
  if (order <= PAGE_ALLOC_COSTLY_ORDER || migratePfn < 0) return false;
  // "Finish the block that was migrated from last": before the first migration that reads as block 0.
  if (migratePfn < PAGEBLOCK_PAGES) return false;
  // Inside of a block it goes on with what it began.
  return migratePfn === zoneStart || migratePfn % PAGEBLOCK_PAGES === 0;
}

export function findSource(
  { lists, frames }: PageAllocator,
  zone: number,
  search: SourceSearch,
): SourceSearchOutcome {
  const { migratePfn, freePfn, scanStart } = search;
  const zoneStart = lists.zones[zone].startPfn;
  const limit = (COMPACT_CLUSTER_MAX >> Math.min(search.fastSearchFail, 31)) + 1;
  // At the zone's start any block of its first half will do, later one of the first eighth.
  const distance = Math.floor((freePfn - migratePfn) / (migratePfn === zoneStart ? 2 : 8));
  const highPfn = blockStart(migratePfn + distance);
  let scanned = 0;
  for (let order = search.order - 1; order >= PAGE_ALLOC_COSTLY_ORDER && scanned < limit; order--) {
    const list = lists.list(zone, order, MIGRATE_MOVABLE);
    for (let node = frames.next[list]; node !== list; node = frames.next[node]) {
      const pfn = frames.pfnOf(node);
      if (scanned++ >= limit) return { isFound: false, pfn, order };
      if (pfn < highPfn && Math.max(blockStart(pfn), zoneStart) === scanStart)
        return { isFound: true, pfn, order };
    }
  }
  return { isFound: false, pfn: -1, order: -1 };
}

function blockStart(pfn: number): number {
  return pfn - (pfn % PAGEBLOCK_PAGES);
}
