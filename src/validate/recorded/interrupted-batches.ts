/**
 * Frees of interrupts that came in the middle of a batched free: the batch holds the pcp lock from its first
 * mm_page_free_batched to its last, so they find it taken and go to the buddy lists (page-allocator §9.5
 * R12 a).
 */

import { CONTEXT_HARDIRQ, CONTEXT_NMI, CONTEXT_SOFTIRQ, type EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';

interface Batch {
  readonly pid: number;
  readonly level: number;
  readonly zone: number;
  /** Frees of interrupts since its last batched line. */
  readonly frees: number[];
}

/** 1 for each mm_page_free that found the lock taken. */
export function interruptedBatches(events: EventColumns, zoneOf: (pfn: number) => number): Uint8Array {
  const { length, kind, cpu, pid, pfn, context } = events;
  const found = new Uint8Array(length);
  const batches = new Map<number, Batch>();
  for (let i = 0; i < length; i++) {
    const batch = batches.get(cpu[i]);
    if (batch === undefined && kind[i] !== KIND.freeBatched) continue;
    const level = interruptLevel(context[i]);
    if (batch !== undefined && level > batch.level) {
      // Each zone has a pcp lock of its own.
      if (kind[i] === KIND.free && zoneOf(pfn[i]) === batch.zone) batch.frees.push(i);
      continue;
    }
    if (kind[i] !== KIND.freeBatched) {
      batches.delete(cpu[i]);
      continue;
    }
    const zone = zoneOf(pfn[i]);
    if (batch !== undefined && batch.pid === pid[i] && batch.level === level && batch.zone === zone)
      for (const free of batch.frees) found[free] = 1;
    batches.set(cpu[i], { pid: pid[i], level, zone, frees: [] });
  }
  return found;
}

/** 0 in a task; larger for what interrupts the smaller. */
export function interruptLevel(context: number): number {
  if ((context & CONTEXT_NMI) !== 0) return 3;
  if ((context & CONTEXT_HARDIRQ) !== 0) return 2;
  return (context & CONTEXT_SOFTIRQ) !== 0 ? 1 : 0;
}
