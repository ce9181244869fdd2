/**
 * When each request did its list operation. mm_page_alloc is printed long after it (page-allocator §9.1),
 * but a request that had to go to the buddy lists left a line there, under the zone lock: the first page of
 * its refill, or the page itself, or the block that it flipped (R15; captures FREETYPE.md). So the model can
 * be asked at that moment. It is not told the page.
 */

import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { contextKey, NO_EVENT } from './task-order.js';

export interface OperationTimes {
  /** By index of an event under the zone lock: the mm_page_alloc whose request it began, or NO_EVENT. */
  readonly allocOf: Int32Array;
  /** By index of a mm_page_alloc: where its operation began, or NO_EVENT where only the line itself tells. */
  readonly startOf: Int32Array;
}

interface Taking {
  readonly at: number;
  readonly key: number;
  readonly order: number;
  readonly migratetype: number;
}

export function operationTimes(events: EventColumns): OperationTimes {
  const { length, kind, cpu, pfn, order, migratetype } = events;
  const allocOf = new Int32Array(length).fill(NO_EVENT);
  const startOf = new Int32Array(length).fill(NO_EVENT);
  /** First pages of lock holds that no mm_page_alloc has told of yet. */
  const takings = new Map<number, Taking>();
  /** Last taking of each CPU, while nothing but its own lock hold has come after it. */
  const holds = new Map<number, Taking>();
  const compacting = new Set<number>();
  for (let i = 0; i < length; i++) {
    switch (kind[i]) {
      case KIND.compactionBegin:
        compacting.add(contextKey(events, i));
        holds.delete(cpu[i]);
        break;
      case KIND.compactionEnd:
        compacting.delete(contextKey(events, i));
        holds.delete(cpu[i]);
        break;
      case KIND.zoneLocked:
      case KIND.extfrag: {
        // An extfrag inside of compaction is a capture: nothing leaves a list (R5).
        if (kind[i] === KIND.extfrag && compacting.has(contextKey(events, i))) break;
        const taking = { at: i, key: contextKey(events, i), order: order[i], migratetype: migratetype[i] };
        const hold = holds.get(cpu[i]);
        holds.set(cpu[i], taking);
        if (hold === undefined || !isSameHold(hold, taking)) takings.set(pfn[i], taking);
        break;
      }
      case KIND.claimBlock:
      case KIND.moveFreepagesBlockPfn:
        break;
      case KIND.flip: {
        holds.delete(cpu[i]);
        // The request keeps the lowest part of the block that it took (freetype-series §4.2).
        const taking = takings.get(pfn[i]);
        if (taking !== undefined) takings.set(pfn[i], { ...taking, order: order[i] });
        break;
      }
      case KIND.alloc: {
        holds.delete(cpu[i]);
        const taking = takings.get(pfn[i]);
        if (taking === undefined) break;
        takings.delete(pfn[i]);
        if (taking.key !== contextKey(events, i) || taking.order !== order[i]) break;
        allocOf[taking.at] = i;
        startOf[i] = taking.at;
        break;
      }
      case KIND.free:
        holds.delete(cpu[i]);
        takings.delete(pfn[i]);
        break;
      default:
        holds.delete(cpu[i]);
    }
  }
  return { allocOf, startOf };
}

function isSameHold(hold: Taking, next: Taking): boolean {
  return hold.key === next.key && hold.order === next.order && hold.migratetype === next.migratetype;
}
