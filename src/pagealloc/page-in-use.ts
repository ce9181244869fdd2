/** Whether a page is on a buddy or pcp list, itself or as part of a block, or in use. */

import { PAGEBLOCK_ORDER, PAGEBLOCK_PAGES } from '../kernel/orders.js';
import type { PageAllocator } from './page-allocator.js';
import { INFO_FREE, INFO_KIND_MASK, INFO_ORDER_MASK, INFO_PCP } from './page-frames.js';

export function isPageInUse({ frames }: PageAllocator, pfn: number): boolean {
  const { info, blockBase } = frames;
  const block = Math.floor(pfn / PAGEBLOCK_PAGES);
  if (isListed(info[blockBase + block], PAGEBLOCK_ORDER)) return false;
  if (isListed(info[blockBase + (block & ~1)], PAGEBLOCK_ORDER + 1)) return false;
  const slab = frames.slabIfBroken(block);
  if (slab === 0) return true;
  const offset = pfn - block * PAGEBLOCK_PAGES;
  for (let order = 0; order < PAGEBLOCK_ORDER; order++)
    if (isListed(info[slab + (offset & -(1 << order))], order)) return false;
  return true;
}

function isListed(info: number, order: number): boolean {
  if ((info & INFO_ORDER_MASK) !== order) return false;
  const kind = info & INFO_KIND_MASK;
  return kind === INFO_FREE || kind === INFO_PCP;
}
