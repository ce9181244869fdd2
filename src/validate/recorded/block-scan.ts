/**
 * Which free pages compaction isolated in a block that it scanned, isolate_freepages_block() (page-allocator
 * §7.2): from low to high pfn in steps, each page found at a step whole. The kernel reports the range, how
 * many pages it looked at and how many it took; the stride is the one that gives the same.
 */

import { MAX_PAGE_ORDER, PAGEBLOCK_ORDER, PAGEBLOCK_PAGES } from '../../kernel/orders.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { INFO_ALLOCATED, INFO_FREE, INFO_KIND_MASK, INFO_ORDER_MASK } from '../../pagealloc/page-frames.js';

/** Steps of the scanner: 1 where it has to look well, else doubled up to COMPACT_CLUSTER_MAX. */
const STRIDES = [1, 32, 16, 8, 4, 2];

export interface FreeBlock {
  readonly pfn: number;
  readonly order: number;
}

interface BlockScan {
  readonly found: FreeBlock[];
  readonly scanned: number;
  readonly taken: number;
}

/** The blocks in the order in which they were found; null when no stride takes as many pages as were reported. */
export function findBlockScan(
  allocator: PageAllocator,
  startPfn: number,
  endPfn: number,
  scanned: number,
  taken: number,
): FreeBlock[] | null {
  const isRange =
    startPfn >= 0 &&
    startPfn < endPfn &&
    endPfn <= allocator.machine.endPfn &&
    endPfn - startPfn <= 2 ** MAX_PAGE_ORDER;
  if (!isRange) return null;
  let likely: FreeBlock[] | null = null;
  for (const stride of STRIDES) {
    // Compound pages in use are stepped over as a whole; which ones are compound is not always known.
    for (const knowsCompound of [true, false]) {
      const scan = scanBlock(allocator, startPfn, endPfn, stride, knowsCompound);
      if (scan.taken !== taken) continue;
      if (scan.scanned === scanned) return scan.found;
      likely ??= scan.found;
    }
  }
  return likely;
}

function scanBlock(
  { frames }: PageAllocator,
  startPfn: number,
  endPfn: number,
  stride: number,
  knowsCompound: boolean,
): BlockScan {
  const found: FreeBlock[] = [];
  let scanned = 0;
  let taken = 0;
  for (let pfn = startPfn; pfn < endPfn; pfn += stride) {
    scanned++;
    const block = Math.floor(pfn / PAGEBLOCK_PAGES);
    const offset = pfn - block * PAGEBLOCK_PAGES;
    const slab = frames.slabIfBroken(block);
    const whole = offset === 0 ? frames.info[frames.blockBase + block] : 0;
    const info =
      whole !== 0 && (whole & INFO_ORDER_MASK) >= PAGEBLOCK_ORDER
        ? whole
        : slab === 0
          ? 0
          : frames.info[slab + offset];
    const order = info & INFO_ORDER_MASK;
    const isFree = (info & INFO_KIND_MASK) === INFO_FREE;
    if (isFree) {
      found.push({ pfn, order });
      taken += 2 ** order;
    } else if (!knowsCompound || info < INFO_ALLOCATED || pfn + 2 ** order > endPfn) {
      continue;
    }
    scanned += 2 ** order - 1;
    pfn += 2 ** order - 1;
  }
  return { found, scanned, taken };
}
