/**
 * The search of compaction's free scanner over the movable lists, fast_isolate_freepages() (page-allocator
 * §7.3): every list that it looks at is left rotated, whether it finds a page there or not. The kernel
 * reports how far it looked and how much it took, so a search in the model that comes out with the same
 * figures is the kernel's.
 */

import { MIGRATE_MOVABLE } from '../../kernel/migratetypes.js';
import { PAGEBLOCK_PAGES } from '../../kernel/orders.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';

/** COMPACT_CLUSTER_MAX (page-allocator §0.3). */
const COMPACT_CLUSTER_MAX = 32;
/** Halvings of the limit after which it is 1 whatever follows. */
const MOST_FAILS = 6;

/** What a run of compaction remembers from one search to the next (struct compact_control). */
export interface SearchMemory {
  /** Order that the run wants. */
  readonly order: number;
  searchOrder: number;
  fastSearchFail: number;
  /** Where the migrate scanner stands; negative when no event has told. */
  migratePfn: number;
  /** The free scanner stands where scans begin, as far as is known: then the search is a deeper one. */
  isFirst: boolean;
}

/** mm_compaction_fast_isolate_freepages. */
export interface SearchReport {
  readonly minPfn: number;
  readonly freePfn: number;
  readonly scanned: number;
  readonly taken: number;
  /** The block that was found, where a probe names it; else -1. */
  readonly probedPfn: number;
}

export interface SearchOutcome {
  /** Lists in the order in which they were rotated, and the page that each then has at its head. */
  readonly rotations: readonly { readonly order: number; readonly head: number }[];
  /** First pfn of the block that was found, or -1. */
  readonly pfn: number;
  readonly order: number;
  readonly scanned: number;
  readonly searchOrder: number;
  readonly fastSearchFail: number;
  readonly isFirst: boolean;
}

/** How a search begins. */
interface SearchStart {
  readonly lowPfn: number;
  readonly minPfn: number;
  /** The scan begins anew: a deeper search (§7.3). */
  readonly isFirst: boolean;
  readonly searchOrder: number;
  readonly fastSearchFail: number;
}

/** The search that the kernel reports, or null when none in the model comes out like it. */
export function findSearch(
  allocator: PageAllocator,
  zone: number,
  memory: SearchMemory,
  report: SearchReport,
): SearchOutcome | null {
  const { order } = memory;
  if (order <= 0) return null;
  for (const lowPfn of lowPfns(memory, report)) {
    for (const begin of beginnings(memory)) {
      const outcome = search(allocator, zone, order, { ...begin, lowPfn, minPfn: report.minPfn });
      const taken = outcome.pfn < 0 ? 0 : 2 ** outcome.order;
      if (outcome.scanned !== report.scanned || taken !== report.taken) continue;
      if (report.probedPfn < 0 || report.probedPfn === outcome.pfn) return outcome;
    }
  }
  return null;
}

type Beginning = Pick<SearchStart, 'isFirst' | 'searchOrder' | 'fastSearchFail'>;

/** What is remembered first; then whatever it could be, for not every search of a run is told (§7.3). */
function* beginnings({ order, searchOrder, fastSearchFail, isFirst }: SearchMemory): Generator<Beginning> {
  for (const first of [isFirst, !isFirst]) yield { isFirst: first, searchOrder, fastSearchFail };
  for (let fail = 0; fail <= MOST_FAILS; fail++) yield { isFirst: false, searchOrder, fastSearchFail: fail };
  for (let other = order - 1; other >= 0; other--) {
    // The limit of a first search does not depend on failures.
    yield { isFirst: true, searchOrder: other, fastSearchFail };
    for (let fail = 0; fail <= MOST_FAILS; fail++)
      yield { isFirst: false, searchOrder: other, fastSearchFail: fail };
  }
}

/** The wanted part of the zone begins a quarter of the scanners' distance below the free scanner. */
function* lowPfns({ migratePfn }: SearchMemory, { minPfn, freePfn }: SearchReport): Generator<number> {
  if (migratePfn >= 0) {
    const distance = freePfn - migratePfn;
    if (blockStart(freePfn - Math.floor(distance / 2)) === minPfn) {
      yield blockStart(freePfn - Math.floor(distance / 4));
      return;
    }
  }
  // minPfn is half the distance below, rounded down to a block: two blocks can be meant.
  const half = freePfn - minPfn;
  const low = blockStart(freePfn - Math.floor(half / 2));
  yield low;
  yield low + PAGEBLOCK_PAGES;
}

function blockStart(pfn: number): number {
  return pfn - (pfn % PAGEBLOCK_PAGES);
}

function search(allocator: PageAllocator, zone: number, order: number, start: SearchStart): SearchOutcome {
  const { lists, frames } = allocator;
  const { lowPfn, minPfn, isFirst } = start;
  let { fastSearchFail } = start;
  let searchOrder = Math.min(order - 1, start.searchOrder);
  let limit = isFirst
    ? PAGEBLOCK_PAGES >> 1
    : Math.max(1, ((COMPACT_CLUSTER_MAX >> Math.min(fastSearchFail, 31)) + 1) >> 1);
  let scanned = 0;
  const rotations: { order: number; head: number }[] = [];
  for (let o = searchOrder; o >= 0; ) {
    if (lists.nrFree(zone, o) > 0) {
      const list = lists.list(zone, o, MIGRATE_MOVABLE);
      let scannedHere = 0;
      let highPfn = 0;
      let found = -1;
      let last = -1;
      for (let node = frames.prev[list]; node !== list; node = frames.prev[node]) {
        scannedHere++;
        scanned++;
        const pfn = frames.pfnOf(node);
        if (pfn >= lowPfn) {
          fastSearchFail = 0;
          searchOrder = o;
          found = pfn;
          last = pfn;
          break;
        }
        if (pfn >= minPfn && pfn > highPfn) {
          highPfn = pfn;
          limit >>= 1;
        }
        if (scannedHere >= limit) {
          last = pfn;
          break;
        }
      }
      if (found < 0 && highPfn > 0) {
        found = highPfn;
        last = highPfn;
      }
      // A walk that came to the list's end leaves it as it is.
      if (last >= 0) rotations.push({ order: o, head: last });
      if (found >= 0) {
        scanned += 2 ** o - 1;
        return { rotations, pfn: found, order: o, scanned, searchOrder, fastSearchFail, isFirst };
      }
      if (scannedHere >= limit) limit = Math.max(1, limit >> 1);
    }
    o--;
    if (o < 0) o = order - 1;
    if (o === searchOrder) {
      searchOrder = searchOrder === 0 ? order - 1 : searchOrder - 1;
      break;
    }
  }
  return { rotations, pfn: -1, order: -1, scanned, searchOrder, fastSearchFail: fastSearchFail + 1, isFirst };
}
