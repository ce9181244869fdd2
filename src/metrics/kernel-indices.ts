/**
 * The kernel's own measures of external fragmentation, by its integer arithmetic (page-allocator §8.1, §8.2).
 * Every division truncates toward zero, as C divides: a rounded index differs from debugfs in the last place.
 */

import { NR_PAGE_ORDERS } from '../kernel/orders.js';

/** Free pages of a zone whose free list of order o holds `freeBlocks[o]` blocks. */
export function freePagesOf(freeBlocks: readonly number[]): number {
  let pages = 0;
  for (let order = 0; order < freeBlocks.length; order++) pages += freeBlocks[order] * 2 ** order;
  return pages;
}

/** Blocks of `order` that the zone could hand out as it stands: S(k) of page-allocator §8. */
export function suitableBlocks(freeBlocks: readonly number[], order: number): number {
  let blocks = 0;
  for (let larger = order; larger < freeBlocks.length; larger++)
    blocks += freeBlocks[larger] * 2 ** (larger - order);
  return blocks;
}

/**
 * fragmentation_index(), in thousandths: toward 0 the request fails for lack of memory, toward 1000 because
 * of fragmentation, -1000 says that it would succeed (page-allocator §8.1; debugfs extfrag_index).
 */
export function fragmentationIndex(freeBlocks: readonly number[], order: number): number {
  const blocks = freeBlocks.reduce((sum, count) => sum + count, 0);
  if (blocks === 0) return 0;
  if (suitableBlocks(freeBlocks, order) > 0) return -1000;
  const requested = Math.trunc((freePagesOf(freeBlocks) * 1000) / 2 ** order);
  return 1000 - Math.trunc((1000 + requested) / blocks);
}

/**
 * unusable_free_index(), in thousandths: the part of free memory that lies in blocks too small for `order`
 * (page-allocator §8.2; debugfs unusable_index). A zone without free memory counts as wholly unusable.
 */
export function unusableFreeIndex(freeBlocks: readonly number[], order: number): number {
  const free = freePagesOf(freeBlocks);
  if (free === 0) return 1000;
  const usable = suitableBlocks(freeBlocks, order) * 2 ** order;
  return Math.trunc(((free - usable) * 1000) / free);
}

/** An index for each order, 0 to 10. */
export function byOrder(
  index: (freeBlocks: readonly number[], order: number) => number,
  freeBlocks: readonly number[],
): number[] {
  return Array.from({ length: NR_PAGE_ORDERS }, (_, order) => index(freeBlocks, order));
}
