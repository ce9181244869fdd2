/** How a run of contiguous order-0 pages enters the lists: aligned chunks, ascending (page-allocator §2.10, R10). */

import { MAX_PAGE_ORDER } from '../../kernel/orders.js';

/** Start and order of each chunk of `pages` pages from `pfn` on. */
export function* contiguousChunks(pfn: number, pages: number): Generator<[number, number]> {
  for (let start = pfn, left = pages; left > 0; ) {
    let order = Math.min(Math.floor(Math.log2(left)), MAX_PAGE_ORDER);
    while (start % 2 ** order !== 0) order--;
    yield [start, order];
    start += 2 ** order;
    left -= 2 ** order;
  }
}
