/**
 * What stands around an event: the events of its task before and after it, and those of its page. Lines
 * are printed late or early (page-allocator §9.4, R13); from here comes how late they can be.
 */

import {
  CONTEXT_DEPTH_SHIFT,
  CONTEXT_INTERRUPT,
  type EventColumns,
  isInInterrupt,
} from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';

/** No such event. */
export const NO_EVENT = -1;

/** One number for each thing that can be interrupted: a task, a CPU's idle task, a CPU's softirqs and hardirqs. */
export function contextKey({ pid, cpu, context }: EventColumns, i: number): number {
  const interrupt = context[i] & CONTEXT_INTERRUPT;
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
  /** Of the same: where its page left the buddy lists last; NO_EVENT when it came from a pcp list of the start. */
  private readonly takingOf: Int32Array;
  /** Index of the next such event of a page, and of the next event of a task, from where the replay stands. */
  private readonly upcoming = new Map<number, number>();
  private readonly nextOfTask = new Map<number, number>();

  constructor(events: EventColumns) {
    const { length } = events;
    this.events = events;
    this.previousOwn = new Int32Array(length).fill(NO_EVENT);
    this.nextOwn = new Int32Array(length).fill(NO_EVENT);
    this.nextOfPage = new Int32Array(length).fill(NO_EVENT);
    this.takingOf = new Int32Array(length).fill(NO_EVENT);
    this.linkTasks();
    this.linkPages();
  }

  /** The replay has passed this event. */
  pass(i: number): void {
    const key = contextKey(this.events, i);
    if (this.nextOwn[i] === NO_EVENT) this.nextOfTask.delete(key);
    else this.nextOfTask.set(key, this.nextOwn[i]);
    if (isPageEvent(this.events.kind[i])) this.upcoming.set(this.events.pfn[i], this.nextOfPage[i]);
  }

  /** The next allocation or free of a page, NO_EVENT for none. */
  nextOf(pfn: number): number {
    return this.upcoming.get(pfn) ?? NO_EVENT;
  }

  /**
   * Whether the page of a coming allocation may be taken by now: its task was last seen before, and the page
   * does not leave the buddy lists once more.
   */
  mayBeTaken(allocation: number, now: number): boolean {
    return this.previousOwn[allocation] < now && this.takingOf[allocation] < now;
  }

  /** Allocations that may be under way: the next events of their tasks, soonest first. */
  underWay(): number[] {
    const allocations: number[] = [];
    for (const next of this.nextOfTask.values())
      if (this.events.kind[next] === KIND.alloc) allocations.push(next);
    return allocations.sort((a, b) => a - b);
  }

  /** The page does not come from the buddy lists between now and this event. */
  isHeldSince(pageEvent: number, now: number): boolean {
    return this.takingOf[pageEvent] < now;
  }

  private linkTasks(): void {
    const last = new Map<number, number>();
    const inherited = new InheritedFrees();
    for (let i = 0; i < this.events.length; i++) {
      if (inherited.isOne(this.events, i)) continue;
      const key = contextKey(this.events, i);
      const before = last.get(key);
      if (before !== undefined) {
        this.previousOwn[i] = before;
        this.nextOwn[before] = i;
      } else this.nextOfTask.set(key, i);
      last.set(key, i);
    }
  }

  private linkPages(): void {
    const { kind, pfn, length } = this.events;
    const taken = new Map<number, number>();
    for (let i = 0; i < length; i++) {
      if (kind[i] === KIND.zoneLocked || kind[i] === KIND.extfrag) taken.set(pfn[i], i);
      else if (isPageEvent(kind[i])) this.takingOf[i] = taken.get(pfn[i]) ?? NO_EVENT;
    }
    for (let i = length - 1; i >= 0; i--) {
      if (!isPageEvent(kind[i])) continue;
      this.nextOfPage[i] = this.upcoming.get(pfn[i]) ?? NO_EVENT;
      this.upcoming.set(pfn[i], i);
    }
  }
}

/**
 * Frees in the name of a task that has just been switched in, of what the task before it left behind: page
 * tables and stacks of exited tasks, with preemption off. They do not tell where the task itself stands (R13).
 */
class InheritedFrees {
  /** By CPU: pid of the task that runs, and whether it has done nothing of its own yet. */
  private readonly running = new Map<number, { pid: number; isFresh: boolean }>();

  isOne({ cpu, pid, kind, context }: EventColumns, i: number): boolean {
    if (isInInterrupt(context[i])) return false;
    let task = this.running.get(cpu[i]);
    if (task === undefined || task.pid !== pid[i]) {
      task = { pid: pid[i], isFresh: task !== undefined };
      this.running.set(cpu[i], task);
    }
    if (task.isFresh && !(context[i] >> CONTEXT_DEPTH_SHIFT >= 1 && isOfAFree(kind[i]))) task.isFresh = false;
    return task.isFresh;
  }
}

function isOfAFree(kind: number): boolean {
  return (
    kind === KIND.free ||
    kind === KIND.ptDtor ||
    kind === KIND.pcpPut ||
    kind === KIND.freeOnePage ||
    kind === KIND.pcpuDrain
  );
}

function isPageEvent(kind: number): boolean {
  return kind === KIND.alloc || kind === KIND.free || kind === KIND.bulkPage;
}
