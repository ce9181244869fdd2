/**
 * What the trace tells next about the pages of each mm_page_free: read backwards, once. A page that leaves
 * the buddy lists without having been drained into them must have been freed there (page-allocator §9.5
 * R12 c). This infers what happened; it never picks a page.
 */

import { MAX_PAGE_ORDER } from '../../kernel/orders.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { pfnOfStructPage } from '../../trace/struct-page.js';

/** Nothing more is heard of the pages. */
export const FACT_NONE = 0;
/** They left the buddy lists. */
export const FACT_LEFT = 1;
/** They entered the buddy lists from a pcp list, or a probe tells where they went. */
export const FACT_ENTERED = 2;
export const FACT_FREED = 3;
/** They were handed out. */
export const FACT_ALLOCATED = 4;

/** By index of a mm_page_free: the strongest of what comes next for its pages, in the order of the numbers below. */
export function nextFacts(events: EventColumns, endPfn: number, vmemmap: number): Uint8Array {
  const { length, kind, cpu, pfn, order, a } = events;
  const facts = new Uint8Array(length);
  const next = new Uint8Array(endPfn);
  /** The event after the one that is looked at, by CPU. */
  const following = new Map<number, number>();
  const tell = (first: number, pages: number, fact: number): void => {
    if (first >= 0) next.fill(fact, first, Math.min(first + pages, endPfn));
  };
  for (let i = length - 1; i >= 0; i--) {
    switch (kind[i]) {
      case KIND.free:
        if (pfn[i] < 0 || order[i] > MAX_PAGE_ORDER) break;
        facts[i] = strongest(next, pfn[i], 2 ** order[i]);
        tell(pfn[i], 2 ** order[i], FACT_FREED);
        break;
      case KIND.alloc:
        if (order[i] <= MAX_PAGE_ORDER) tell(pfn[i], 2 ** order[i], FACT_ALLOCATED);
        break;
      case KIND.bulkPage:
        tell(pfn[i], 1, FACT_ALLOCATED);
        break;
      case KIND.extfrag:
        // A block that a drain completed for compaction: the line of the drain follows (§2.6).
        if (isCaptureByDrain(events, i, following.get(cpu[i]) ?? -1)) break;
        if (order[i] <= MAX_PAGE_ORDER) tell(pfn[i], 2 ** order[i], FACT_LEFT);
        break;
      case KIND.zoneLocked:
        if (order[i] <= MAX_PAGE_ORDER) tell(pfn[i], 2 ** order[i], FACT_LEFT);
        break;
      case KIND.pcpuDrain:
      case KIND.freeOnePage:
        if (order[i] <= MAX_PAGE_ORDER) tell(pfn[i], 2 ** order[i], FACT_ENTERED);
        break;
      case KIND.pcpPut:
        if (order[i] <= MAX_PAGE_ORDER) tell(pfnOfStructPage(pfn[i], vmemmap), 2 ** order[i], FACT_ENTERED);
        break;
      case KIND.freePrepared:
        tell(pfnOfStructPage(pfn[i], vmemmap), a[i], FACT_ENTERED);
        break;
      case KIND.isolateFreePage:
        if (order[i] <= MAX_PAGE_ORDER) tell(pfnOfStructPage(pfn[i], vmemmap), 2 ** order[i], FACT_LEFT);
        break;
    }
    following.set(cpu[i], i);
  }
  return facts;
}

function isCaptureByDrain({ kind, pfn, order, a }: EventColumns, extfrag: number, next: number): boolean {
  if (a[extfrag] !== order[extfrag] || next < 0 || kind[next] !== KIND.pcpuDrain) return false;
  return pfn[next] >= pfn[extfrag] && pfn[next] < pfn[extfrag] + 2 ** order[extfrag];
}

/** One page that left the buddy lists proves it for its whole block; a drain of one, that they were on a pcp list. */
function strongest(next: Uint8Array, pfn: number, pages: number): number {
  let fact = FACT_NONE;
  for (let page = pfn; page < Math.min(pfn + pages, next.length); page++) {
    if (next[page] === FACT_ENTERED) return FACT_ENTERED;
    if (fact === FACT_NONE || next[page] === FACT_LEFT) fact = next[page];
  }
  return fact;
}
