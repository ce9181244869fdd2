/** Invariants of unmapped pageblocks against the direct map (freetype-series §7). */

import { FLUSH_CAUSE_INDEX } from '../directmap/counts.js';
import type { DirectMap } from '../directmap/direct-map.js';
import { InvariantError } from '../kernel/errors.js';
import { PAGEBLOCK_PAGES } from '../kernel/orders.js';
import type { PageAllocator } from './page-allocator.js';
import { BLOCK_UNMAPPED } from './page-frames.js';

/** §7.3: a block carries the flag exactly when none of its pages is present; §7.2: it is then unmovable. */
export function checkUnmappedBlocks(allocator: PageAllocator, directMap: DirectMap): void {
  for (let block = 0; block < allocator.frames.blocks; block++) {
    if ((allocator.frames.blockBits[block] & BLOCK_UNMAPPED) === 0) continue;
    const pfn = block * PAGEBLOCK_PAGES;
    if (allocator.lists.freetypeOfBlock(block) < 0) {
      throw new InvariantError(
        `unmapped block at pfn ${pfn} has a type without a list (freetype-series §7.2)`,
      );
    }
    // One leaf answers for the whole block unless the block is mapped by 4K entries.
    const step = directMap.leafSizeOf(pfn) >= PAGEBLOCK_PAGES ? PAGEBLOCK_PAGES : 1;
    for (let page = pfn; page < pfn + PAGEBLOCK_PAGES; page += step) {
      if (directMap.isPresent(page)) {
        throw new InvariantError(
          `page ${page} of an unmapped block is present in the direct map (freetype-series §7.3)`,
        );
      }
    }
  }
  const counters = allocator.counters;
  const flips = counters.flipsToUnmapped;
  const flushes = directMap.counts.byCause[FLUSH_CAUSE_INDEX.flipToUnmapped];
  if (flips !== flushes) {
    throw new InvariantError(`${flips} unmap flips made ${flushes} flushes (freetype-series §7.10)`);
  }
}
