/**
 * Sizes of the page allocator's world on x86-64: 4K pages, 2M pageblocks, blocks up to order 10.
 * Source: page-allocator §0.3.
 */

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 4096;
/** Largest order of the buddy allocator; 2^10 pages = 4M. */
export const MAX_PAGE_ORDER = 10;
export const NR_PAGE_ORDERS = 11;
export const PAGEBLOCK_ORDER = 9;
export const PAGEBLOCK_PAGES = 512;
/** Requests above this order are "costly": reclaim does not insist on them. */
export const PAGE_ALLOC_COSTLY_ORDER = 3;
/** Order of the huge page that has pcp lists of its own. */
export const HPAGE_PMD_ORDER = 9;
/** 36 bits of pfn address 256 TiB. Bit operators cut a number to 32 bits: never use them on a pfn. */
export const MAX_PFN = 2 ** 36;

/** Block number (27 bits) of a pfn; exact for every pfn below 2^36. */
export function pageblockOf(pfn: number): number {
  return Math.floor(pfn / PAGEBLOCK_PAGES);
}
