/**
 * What leaves and enters the buddy lists, as a sequence: the recording's from its events under the zone
 * lock, the model's by listening to its lists. One operation is a taking or a drain, with page and order.
 */

import { NONE } from '../../pagealloc/free-lists.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { contextKey } from './task-order.js';

const TAKING = 0;
const DRAIN = 1;

/** Each operation as one number: pfn * 32 + order * 2 + what it is. */
export type Operations = number[];

export function operation(pfn: number, order: number, what: number): number {
  return pfn * 32 + order * 2 + what;
}

export function recordedOperations(events: EventColumns): Operations {
  const { pfn, order, kind } = events;
  const operations: Operations = [];
  forEachOperation(events, (i) => {
    operations.push(operation(pfn[i], order[i], kind[i] === KIND.pcpuDrain ? DRAIN : TAKING));
  });
  return operations;
}

/** Index of the event that told the n-th of them. */
export function recordedOperationAt(events: EventColumns, n: number): number {
  let count = 0;
  let found = -1;
  forEachOperation(events, (i) => {
    if (count++ === n) found = i;
  });
  return found;
}

/**
 * zone_locked and extfrag of one page are one taking (page-allocator §9.5 R3). An extfrag inside of compaction
 * is a capture: nothing leaves a list (R5).
 */
function forEachOperation(events: EventColumns, told: (i: number) => void): void {
  const { length, kind, pfn, cpu } = events;
  /** Page of the last zone_locked of each CPU, until another event of the CPU. */
  const lastTaken = new Map<number, number>();
  const compacting = new Set<number>();
  for (let i = 0; i < length; i++) {
    switch (kind[i]) {
      case KIND.zoneLocked:
        told(i);
        lastTaken.set(cpu[i], pfn[i]);
        break;
      case KIND.extfrag:
        if (lastTaken.get(cpu[i]) !== pfn[i] && !compacting.has(contextKey(events, i))) told(i);
        lastTaken.delete(cpu[i]);
        break;
      case KIND.compactionBegin:
        compacting.add(contextKey(events, i));
        lastTaken.delete(cpu[i]);
        break;
      case KIND.compactionEnd:
        compacting.delete(contextKey(events, i));
        lastTaken.delete(cpu[i]);
        break;
      case KIND.pcpuDrain:
        told(i);
        lastTaken.delete(cpu[i]);
        break;
      case KIND.claimBlock:
      case KIND.moveFreepagesBlockPfn:
        // Probes between the two (captures README §2).
        break;
      default:
        lastTaken.delete(cpu[i]);
    }
  }
}

/** Writes down what the model's lists do from now on. */
export function listen({ lists, rmqueue, pcp, frames }: PageAllocator): Operations {
  const operations: Operations = [];
  let inside = false;
  let draining = false;
  const taken = (node: number, order: number): number => {
    if (node !== NONE) operations.push(operation(frames.pfnOf(node), order, TAKING));
    return node;
  };
  const take = rmqueue.take.bind(rmqueue);
  rmqueue.take = (zone, order, freetype, flags) => {
    inside = true;
    const node = take(zone, order, freetype, flags);
    inside = false;
    return taken(node, order);
  };
  const takeSmallest = lists.takeSmallest.bind(lists);
  lists.takeSmallest = (zone, order, freetype) => {
    const node = takeSmallest(zone, order, freetype);
    return inside ? node : taken(node, order);
  };
  const bulkFree = pcp.bulkFree.bind(pcp);
  pcp.bulkFree = (slot, zone, pages, pindex) => {
    draining = true;
    const entries = bulkFree(slot, zone, pages, pindex);
    draining = false;
    return entries;
  };
  const freeOnePage = lists.freeOnePage.bind(lists);
  lists.freeOnePage = (zone, node, order, freetype, toTail) => {
    if (draining) operations.push(operation(frames.pfnOf(node), order, DRAIN));
    freeOnePage(zone, node, order, freetype, toTail);
  };
  return operations;
}

/** Operations that are the same in both sequences before the first that differs. */
export function commonPrefix(recorded: Operations, model: Operations): number {
  const most = Math.min(recorded.length, model.length);
  let same = 0;
  while (same < most && recorded[same] === model[same]) same++;
  return same;
}
