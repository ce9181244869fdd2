/**
 * Events without those that cannot be what happened on this machine: damaged lines name pages, orders and
 * CPUs that it does not have. The recorded replay counts them (`damaged`); here they are no events.
 */

import { MIGRATE_TYPES } from '../../kernel/migratetypes.js';
import { MAX_PAGE_ORDER } from '../../kernel/orders.js';
import type { Machine } from '../../machine/machine.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { pfnOfStructPage } from '../../trace/struct-page.js';

export function soundEvents<Events extends EventColumns>(
  events: Events,
  machine: Machine,
  vmemmap: number,
): Events {
  const kind = events.kind.slice();
  for (let i = 0; i < events.length; i++) if (!isSound(events, i, machine, vmemmap)) kind[i] = KIND.none;
  return Object.assign(Object.create(Object.getPrototypeOf(events)), events, { kind });
}

function isSound(events: EventColumns, i: number, machine: Machine, vmemmap: number): boolean {
  const { kind, pfn, order, cpu, migratetype, a, b } = events;
  if (cpu[i] >= machine.cpus) return false;
  switch (kind[i]) {
    case KIND.alloc:
      if (pfn[i] >= 0 && !isBlock(pfn[i], order[i], machine)) return false;
      return isOrder(order[i]) && migratetype[i] >= 0 && migratetype[i] < MIGRATE_TYPES;
    case KIND.zoneLocked:
    case KIND.extfrag:
    case KIND.pcpuDrain:
    case KIND.free:
    case KIND.freeOnePage:
    case KIND.flip:
      return isBlock(pfn[i], order[i], machine);
    case KIND.freeBatched:
    case KIND.bulkPage:
      return isBlock(pfn[i], 0, machine);
    case KIND.pcpPut:
      return isBlock(pfnOfStructPage(pfn[i], vmemmap), 0, machine);
    case KIND.isolateFreePage:
    case KIND.putbackIsolatedPage:
      return isBlock(pfnOfStructPage(pfn[i], vmemmap), order[i], machine);
    case KIND.freePrepared: {
      const first = pfnOfStructPage(pfn[i], vmemmap);
      return isBlock(first, 0, machine) && a[i] > 0 && first + a[i] <= machine.endPfn;
    }
    case KIND.drainPagesZone:
      return b[i] >= 0 && b[i] < machine.cpus;
    case KIND.requestAlloc:
      return isOrder(order[i]) && migratetype[i] >= 0 && migratetype[i] < MIGRATE_TYPES;
    default:
      return true;
  }
}

function isOrder(order: number): boolean {
  return order >= 0 && order <= MAX_PAGE_ORDER;
}

function isBlock(pfn: number, order: number, { endPfn }: Machine): boolean {
  return (
    isOrder(order) &&
    Number.isInteger(pfn) &&
    pfn >= 0 &&
    pfn % 2 ** order === 0 &&
    pfn + 2 ** order <= endPfn
  );
}
