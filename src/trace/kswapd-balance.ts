/**
 * When kswapd's balance of a node is over. It begins at mm_vmscan_kswapd_wake; its end has no event, but what
 * kswapd does next has (page-allocator §5.6, §7.7): it asks whether kcompactd should gather whole pageblocks,
 * if there was a boost; on its way to sleep it resets the scanners' hints (a probe); it sleeps, or wakes again.
 */

import { PAGEBLOCK_ORDER } from '../kernel/orders.js';
import type { EventColumns } from './columns.js';
import { KIND } from './events.js';

/** Whether kswapd, whose event this is, has its last balance behind it. */
export function isAfterBalance({ kind, order }: EventColumns, i: number): boolean {
  switch (kind[i]) {
    case KIND.kswapdWake:
    case KIND.kswapdSleep:
    case KIND.isolationSuitableReset:
      return true;
    case KIND.compactionSuitable:
      return order[i] === PAGEBLOCK_ORDER;
    default:
      return false;
  }
}
