/**
 * Why a page is not at the head of its pcp list when its line says that it was taken (page-allocator §9.5
 * R13). Each page above it must have a reason that the trace shows, or the order is a miss:
 *
 *   a  it was put there after the line's task was last seen: the task may have taken its page before
 *   b  it was taken, too, by a task that has not told yet
 *   c  it was taken without a line: its next event is a free (R14)
 *   d  one of the two entered the list later than its mm_page_free says: the freeing task was preempted
 */

import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { NO_EVENT, type TaskOrder } from './task-order.js';

export type Reason = 'late' | 'taken' | 'silent' | 'enteredLater' | null;

export class OrderExplainer {
  private readonly events: EventColumns;
  private readonly tasks: TaskOrder;
  /** Index of the event with which a page entered the list that it is on. */
  private readonly enteredAt = new Map<number, number>();

  constructor(events: EventColumns, tasks: TaskOrder) {
    this.events = events;
    this.tasks = tasks;
  }

  /** The page was put at the head of a pcp list by this event. */
  entered(pfn: number, at: number): void {
    this.enteredAt.set(pfn, at);
  }

  /** The page is on no list that its freeing could tell anything of. */
  forget(pfn: number): void {
    this.enteredAt.delete(pfn);
  }

  /** Why `above` may stand in front of the page that the allocation at `at` took; null when nothing explains it. */
  reasonFor(above: number, pfn: number, at: number): Reason {
    const { previousOwn } = this.tasks;
    const entered = this.enteredAt.get(above) ?? NO_EVENT;
    const seen = previousOwn[at];
    if (entered !== NO_EVENT && seen !== NO_EVENT && entered > seen) return 'late';
    const gone = this.goneBefore(above, at);
    if (gone !== null) return gone;
    if (entered !== NO_EVENT && this.isUnfinishedFree(entered, at)) return 'enteredLater';
    const own = this.enteredAt.get(pfn) ?? NO_EVENT;
    if (own !== NO_EVENT && entered !== NO_EVENT && this.isUnfinishedFree(own, entered))
      return 'enteredLater';
    return null;
  }

  /** The page has left its list before this event, though no line has told so yet. */
  goneBefore(pfn: number, at: number): 'taken' | 'silent' | null {
    const { kind } = this.events;
    const next = this.tasks.nextOf(pfn);
    if (next === NO_EVENT) return null;
    if (kind[next] === KIND.free) return this.tasks.isHeldSince(next, at) ? 'silent' : null;
    return this.tasks.mayBeTaken(next, at) ? 'taken' : null;
  }

  /** The task that told of the free had not gone on by then. */
  isUnfinishedFree(free: number, at: number): boolean {
    if (this.events.kind[free] !== KIND.free) return false;
    const next = this.tasks.nextOwn[free];
    return next !== NO_EVENT && next > at;
  }
}
