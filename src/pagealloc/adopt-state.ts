/**
 * Makes one allocator's buddy lists those of another: validation puts a model right after a miss, with the
 * lists that the recorded kernel had (page-allocator §9.5).
 */

import type { PageAllocator } from './page-allocator.js';

/**
 * Free lists, boosts, pageblock types, page uses and their counters. What the recording does not tell stays as the
 * model has it: pcp->high, alloc_factor, free_count and zone flags.
 */
export function adoptState(model: PageAllocator, kernel: PageAllocator): void {
  model.frames.copyFrom(kernel.frames);
  model.lists.copyCountsFrom(kernel.lists);
  model.watermarks.boost.set(kernel.watermarks.boost);
  model.highatomic.reserved.set(kernel.highatomic.reserved);
}
