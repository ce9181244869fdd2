/**
 * Takes exactly the pages that a recording names (`--placement recorded`): whatever free piece or pcp
 * entry holds one of them gives it up, and what the piece has left over goes back to the heads of its
 * lists, as expand() would leave it (page-allocator §3.2).
 */

import { MAX_PAGE_ORDER, PAGEBLOCK_ORDER, PAGEBLOCK_PAGES } from '../kernel/orders.js';
import type { PageAllocator } from './page-allocator.js';
import { INFO_FREE, INFO_KIND_MASK, INFO_ORDER_MASK, INFO_PCP } from './page-frames.js';

/** Returns how many of the pages were not free: they were in use for the model. Marks all of them allocated. */
export function takeExact(
  allocator: PageAllocator,
  pfn: number,
  order: number,
  use: number,
  cpu: number,
): number {
  const { frames, lists } = allocator;
  const zone = lists.zoneOf(pfn);
  lists.cpu = cpu;
  let inUse = 0;
  for (let page = pfn; page < pfn + 2 ** order; ) {
    const taken = takePiece(allocator, zone, page, pfn, order);
    if (taken === 0) inUse++;
    page += Math.max(taken, 1);
  }
  const node = frames.nodeAt(pfn, order);
  frames.clearAllocated(node, order);
  frames.markAllocated(node, order, use);
  return inUse;
}

/** Takes the free piece that holds `page` off its list; what lies outside the wanted block goes back. Returns pages gained. */
function takePiece(
  allocator: PageAllocator,
  zone: number,
  page: number,
  wantedPfn: number,
  wantedOrder: number,
): number {
  const { frames, lists, pcp } = allocator;
  const block = Math.floor(page / PAGEBLOCK_PAGES);
  const slab = frames.slabIfBroken(block);
  for (let order = 0; order <= MAX_PAGE_ORDER; order++) {
    const head = Math.floor(page / 2 ** order) * 2 ** order;
    if (order < PAGEBLOCK_ORDER && slab === 0) continue;
    const node =
      order < PAGEBLOCK_ORDER
        ? slab + (head - block * PAGEBLOCK_PAGES)
        : frames.blockBase + head / PAGEBLOCK_PAGES;
    const info = frames.info[node];
    if ((info & INFO_ORDER_MASK) !== order) continue;
    if ((info & INFO_KIND_MASK) === INFO_PCP) {
      frames.unlink(node);
      frames.info[node] = 0;
      pcp.forget(zone, node, order);
      giveBackRest(allocator, zone, node, order, page, wantedPfn, wantedOrder, null);
    } else if ((info & INFO_KIND_MASK) === INFO_FREE) {
      const freetype = lists.freetypeOfBlock(frames.blockOf(node));
      lists.del(zone, order, freetype, node);
      lists.account(zone, -(2 ** order), freetype);
      giveBackRest(allocator, zone, node, order, page, wantedPfn, wantedOrder, freetype);
    } else {
      continue;
    }
    return order <= wantedOrder ? 2 ** order - (page - head) : 2 ** wantedOrder;
  }
  return 0;
}

/** Halves the piece until it is no larger than the wanted block; the halves without it go to the buddy lists. */
function giveBackRest(
  allocator: PageAllocator,
  zone: number,
  node: number,
  order: number,
  page: number,
  wantedPfn: number,
  wantedOrder: number,
  freetype: number | null,
): void {
  const { frames, lists } = allocator;
  let start = frames.pfnOf(node);
  for (let high = order; high > wantedOrder; ) {
    high--;
    const upper = start + 2 ** high;
    const isUpper = wantedPfn >= upper || page >= upper;
    const rest = isUpper ? start : upper;
    const type = freetype ?? lists.freetypeOfBlock(Math.floor(rest / PAGEBLOCK_PAGES));
    lists.add(zone, high, type, frames.nodeAt(rest, high), false);
    lists.account(zone, 2 ** high, type);
    if (isUpper) start = upper;
  }
}
