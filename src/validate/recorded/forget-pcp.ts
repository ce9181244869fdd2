/** Pcp lists as the buddy lists see them: their pages are in use until a drain gives them back (page-allocator §1.3 I3). */

import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { isUnmappedPindex, NR_PCP_LISTS_FREETYPE, orderOfPindex } from '../../pagealloc/pcp-lists.js';

export function forgetPcpLists({ pcp, frames, lists }: PageAllocator): void {
  for (let slot = 0; slot < pcp.count.length; slot++) {
    for (let pindex = 0; pindex < NR_PCP_LISTS_FREETYPE; pindex++) {
      const list = pcp.list(slot, pindex);
      const pages = 2 ** orderOfPindex(pindex);
      for (let node = frames.next[list]; node !== list; node = frames.next[list]) {
        frames.unlink(node);
        frames.info[node] = 0;
        if (isUnmappedPindex(pindex)) lists.countUnmapped(-pages);
      }
    }
    pcp.count[slot] = 0;
  }
}
