/**
 * What stands around an event: the events of its task before and after it, and of its page after it. Lines
 * are printed late or early (page-allocator §9.4, R13); from here comes how late they can be.
 */

import { CONTEXT_HARDIRQ, CONTEXT_NMI, CONTEXT_SOFTIRQ, type EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';

/** No such event. */
export const NO_EVENT = -1;
const IN_INTERRUPT = CONTEXT_SOFTIRQ | CONTEXT_HARDIRQ | CONTEXT_NMI;

export function isInInterrupt(context: number): boolean {
  return (context & IN_INTERRUPT) !== 0;
}

/** One number for each thing that can be interrupted: a task, a CPU's idle task, a CPU's softirqs and hardirqs. */
export function contextKey({ pid, cpu, context }: EventColumns, i: number): number {
  const interrupt = context[i] & IN_INTERRUPT;
  if (interrupt !== 0) return -1 - (cpu[i] * 16 + interrupt);
  return pid[i] === 0 ? -1 - cpu[i] * 16 : pid[i];
}

export class TaskOrder {
  /** Index of the event before, or after, of the same task or interrupt level; NO_EVENT for none. */
  readonly previousOwn: Int32Array;
  readonly nextOwn: Int32Array;
  private readonly events: EventColumns;
  /** Of an allocation, bulk allocation or free: the next such event of its page. */
  private readonly nextOfPage: Int32Array;
  /** Index of the next such event of a page, from where the replay stands. */
  private readonly upcoming = new Map<number, number>();

  constructor(events: EventColumns) {
    const { length } = events;
    this.events = events;
    this.previousOwn = new Int32Array(length).fill(NO_EVENT);
    this.nextOwn = new Int32Array(length).fill(NO_EVENT);
    this.nextOfPage = new Int32Array(length).fill(NO_EVENT);
    const lastOwn = new Map<number, number>();
    for (let i = 0; i < length; i++) {
      const key = contextKey(events, i);
      const before = lastOwn.get(key);
      if (before !== undefined) {
        this.previousOwn[i] = before;
        this.nextOwn[before] = i;
      }
      lastOwn.set(key, i);
    }
    for (let i = length - 1; i >= 0; i--) {
      if (!isPageEvent(events.kind[i])) continue;
      const pfn = events.pfn[i];
      this.nextOfPage[i] = this.upcoming.get(pfn) ?? NO_EVENT;
      this.upcoming.set(pfn, i);
    }
  }

  /** The replay has passed this event. */
  pass(i: number): void {
    if (isPageEvent(this.events.kind[i])) this.upcoming.set(this.events.pfn[i], this.nextOfPage[i]);
  }

  /** The next allocation or free of a page, NO_EVENT for none. */
  nextOf(pfn: number): number {
    return this.upcoming.get(pfn) ?? NO_EVENT;
  }
}

function isPageEvent(kind: number): boolean {
  return kind === KIND.alloc || kind === KIND.free || kind === KIND.bulkPage;
}
