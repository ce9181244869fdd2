/**
 * Frees of single pages that entered a pcp list as one piece, found by what comes of them: the next event of
 * all of them is an allocation or a drain of the piece, and nothing has left the buddy lists in between
 * (page-allocator §9.5 R10: a kernel stack, freed page by page). Only where no probe tells of such runs.
 */

import { isPcpOrder } from '../../pagealloc/pcp-lists.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';

export interface JoinedFree {
  readonly pfn: number;
  readonly order: number;
  /** Indexes of the mm_page_free of each page, ascending by page. */
  readonly lines: readonly number[];
}

export function joinedFrees({ length, kind, pfn, order }: EventColumns): JoinedFree[] {
  const joined: JoinedFree[] = [];
  /** Index of the free of each page of which nothing is known since. */
  const freed = new Map<number, number>();
  for (let i = 0; i < length; i++) {
    switch (kind[i]) {
      case KIND.free:
        forget(freed, pfn[i], order[i]);
        if (order[i] === 0) freed.set(pfn[i], i);
        break;
      case KIND.alloc:
      case KIND.pcpuDrain: {
        if (pfn[i] < 0) break;
        const lines = order[i] > 0 && isPcpOrder(order[i]) ? linesOf(freed, pfn[i], order[i]) : null;
        if (lines !== null) joined.push({ pfn: pfn[i], order: order[i], lines });
        forget(freed, pfn[i], order[i]);
        break;
      }
      case KIND.zoneLocked:
      case KIND.extfrag:
        forget(freed, pfn[i], order[i]);
        break;
      case KIND.freeBatched:
        freed.delete(pfn[i]);
        break;
    }
  }
  return joined;
}

function linesOf(freed: ReadonlyMap<number, number>, pfn: number, order: number): number[] | null {
  const lines: number[] = [];
  for (let page = pfn; page < pfn + 2 ** order; page++) {
    const line = freed.get(page);
    if (line === undefined) return null;
    lines.push(line);
  }
  return lines;
}

function forget(freed: Map<number, number>, pfn: number, order: number): void {
  for (let page = pfn; page < pfn + 2 ** order; page++) freed.delete(page);
}
