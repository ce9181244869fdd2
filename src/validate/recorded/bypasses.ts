/**
 * Frees that went straight to the buddy lists, past the pcp lists, found by looking over the whole trace
 * (page-allocator §9.5 R6, R12). What a probe tells is left to the probe. Looking ahead infers what happened;
 * it never picks a page.
 */

import { MAX_PAGE_ORDER } from '../../kernel/orders.js';
import { isPcpOrder } from '../../pagealloc/pcp-lists.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { pfnOfStructPage } from '../../trace/struct-page.js';
import { BYPASS, type BypassContext, type Bypasses, NO_FREE } from './bypass.js';
import { FreeRuns } from './free-runs.js';
import { markStretches } from './interrupt-stretches.js';
import { interruptedBatches } from './interrupted-batches.js';
import { FACT_ALLOCATED, FACT_ENTERED, FACT_LEFT, nextFacts } from './page-facts.js';

export function findBypasses(events: EventColumns, context: BypassContext): Bypasses {
  const { length, kind, pfn, order } = events;
  const at = new Uint8Array(length);
  const facts = nextFacts(events, context.endPfn, context.vmemmap);
  const foundLocked = interruptedBatches(events, context.zoneOf);
  let kept = -1;
  for (let i = 0; i < length; i++) {
    if (kind[i] === KIND.compactionFree) kept = pfnOfStructPage(pfn[i], context.vmemmap);
    if (kind[i] !== KIND.free || order[i] > MAX_PAGE_ORDER) continue;
    const fact = facts[i];
    if (pfn[i] === kept) {
      at[i] = NO_FREE;
      kept = -1;
    } else if (fact === FACT_ENTERED) {
      // A drain or a probe says when.
    } else if (fact === FACT_LEFT) {
      // R12 (c).
      at[i] = BYPASS;
    } else if (!isPcpOrder(order[i])) {
      // R6.
      at[i] = BYPASS;
    } else if (foundLocked[i] === 1 && fact !== FACT_ALLOCATED) {
      at[i] = BYPASS;
    }
  }
  // Where free_one_page is probed, it tells of these and of chunks, too.
  if (kind.subarray(0, length).includes(KIND.freeOnePage)) return { at, chunks: new Map() };
  markStretches(events, facts, at, context.zoneOf);
  const runs = new FreeRuns(events, facts, at, context);
  return { at, chunks: runs.find() };
}
