/** When kswapd balances the node, told to allocators; by look-ahead, since the end of a balance has no event. */

import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { endsUnseen, isAfterBalance } from '../../trace/kswapd-balance.js';
import { NO_EVENT } from './task-order.js';

const NO_TASK = Number.NaN;

export class KswapdWatch {
  private readonly events: EventColumns;
  private readonly nextOwn: Int32Array;
  /** pid of kswapd while it balances. */
  private balancing = NO_TASK;

  constructor(events: EventColumns, nextOwn: Int32Array) {
    this.events = events;
    this.nextOwn = nextOwn;
  }

  event(i: number, allocator: PageAllocator): void {
    const { kind, pid } = this.events;
    if (this.balancing === pid[i] && isAfterBalance(this.events, i)) this.end(allocator);
    if (kind[i] === KIND.kswapdSleep) allocator.kswapdSleeps();
    if (kind[i] === KIND.kswapdWake) {
      allocator.kswapdBegins();
      this.balancing = pid[i];
    }
    const next = this.nextOwn[i];
    if (this.balancing === pid[i] && next !== NO_EVENT && endsUnseen(kind[next])) this.end(allocator);
  }

  private end(allocator: PageAllocator): void {
    allocator.kswapdEnds();
    this.balancing = NO_TASK;
  }
}
