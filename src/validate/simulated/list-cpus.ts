/**
 * On which CPU a request took its page, where that is not the CPU of its line: a task that moved to another
 * CPU between taking and telling (page-allocator §9.5 R19). Its page was on a pcp list of the CPU where the
 * task was seen last.
 */

import type { Snapshot } from '../../machine/snapshot.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { NO_EVENT, type TaskOrder } from './task-order.js';

/** CPU by index of a mm_page_alloc; those on the CPU of their line are left out. */
export function movedRequests(
  events: EventColumns,
  tasks: TaskOrder,
  { cpus, pcps }: Snapshot,
): ReadonlyMap<number, number> {
  const moved = new Map<number, number>();
  if (cpus === 1) return moved;
  const { length, kind, pfn, cpu } = events;
  /** CPU whose pcp list a page entered last. */
  const listCpu = new Map<number, number>();
  for (const state of pcps)
    for (const { pfns } of state.lists) for (const page of pfns) listCpu.set(page, state.cpu);
  for (let i = 0; i < length; i++) {
    switch (kind[i]) {
      case KIND.zoneLocked:
      case KIND.extfrag:
      case KIND.free:
      case KIND.freeBatched:
        listCpu.set(pfn[i], cpu[i]);
        break;
      case KIND.pcpuDrain:
        listCpu.delete(pfn[i]);
        break;
      case KIND.alloc: {
        const before = tasks.previousOwn[i];
        const list = listCpu.get(pfn[i]);
        listCpu.delete(pfn[i]);
        if (list !== undefined && list !== cpu[i] && before !== NO_EVENT && cpu[before] === list)
          moved.set(i, list);
        break;
      }
    }
  }
  return moved;
}
