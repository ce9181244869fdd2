/** Whether a page is on a buddy or pcp list, itself or as part of a block, or in use. */

import { MAX_PAGE_ORDER, PAGEBLOCK_ORDER, PAGEBLOCK_PAGES } from '../kernel/orders.js';
import type { PageAllocator } from './page-allocator.js';
import { INFO_FREE, INFO_KIND_MASK, INFO_ORDER_MASK, INFO_PCP } from './page-frames.js';

export function isPageInUse({ frames }: PageAllocator, pfn: number): boolean {
  const block = Math.floor(pfn / PAGEBLOCK_PAGES);
  const slab = frames.slabIfBroken(block);
  for (let order = slab === 0 ? PAGEBLOCK_ORDER : 0; order <= MAX_PAGE_ORDER; order++) {
    const head = Math.floor(pfn / 2 ** order) * 2 ** order;
    const node =
      order < PAGEBLOCK_ORDER
        ? slab + (head - block * PAGEBLOCK_PAGES)
        : frames.blockBase + head / PAGEBLOCK_PAGES;
    const info = frames.info[node];
    const kind = info & INFO_KIND_MASK;
    if ((info & INFO_ORDER_MASK) === order && (kind === INFO_FREE || kind === INFO_PCP)) return false;
  }
  return true;
}
