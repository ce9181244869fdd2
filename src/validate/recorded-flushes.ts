/**
 * TLB flushes of a trace, each with the work that it belongs to. Full or ranged is told by effect: a range
 * above the ceiling is a full flush (direct-map-and-rivals §3.1).
 *
 *   of a split        flush_tlb_all within set_direct_map_*(), after the page of its table was allocated
 *                     (§2.3; captures README §6)
 *   of a change       flush_tlb_kernel_range from an address of the direct map on: what the callers of
 *                     set_direct_map_*() owe (§4.1, §4.2)
 *   other             what no address of the direct map belongs to: set_memory_*(), which cpa_flush tells,
 *                     its splits, purges of vmalloc areas (§2.5), and other users of flush_tlb_all
 */

import { MIGRATE_UNMOVABLE } from '../kernel/migratetypes.js';
import { PAGE_SIZE } from '../kernel/orders.js';
import { type EventColumns, isInInterrupt } from '../trace/columns.js';
import { KIND } from '../trace/events.js';

/** The direct map has 64 TiB of addresses with 4-level page tables, which captures have. */
const DIRECT_MAP_BYTES = 2 ** 46;

/** What a recorded set_direct_map_*() did besides changing entries. */
export interface RecordedChange {
  /** Leaves that it split, by their flush_tlb_all. */
  splits: number;
  /** It asked for a table and got none. */
  isRefused: boolean;
}

/** What a task was doing, as far as it tells a flush's origin. */
interface Task {
  /** Index of its last set_direct_map_*(), and what that did so far. */
  at: number;
  change: RecordedChange | null;
  /** That call may still be running: nothing of the task says that it has gone on. */
  isChanging: boolean;
  /** Tables that it took and whose split has not flushed yet. */
  tables: number;
  /** It reclaims or compacts for a page: what it frees meanwhile does not end the call. */
  isReclaiming: boolean;
  /** cpa_flush() was entered: the flush_tlb_all that follows is its own. */
  isFlushingCpa: boolean;
}

export class RecordedFlushes {
  /** Of splits and changes, by effect. */
  full = 0;
  ranged = 0;
  other = 0;
  /** Flushes of changes, by index of the event; ascending. */
  readonly ofChanges: number[] = [];
  /** By index of the set_direct_map_*(); calls that asked for no table are not in it. */
  readonly changes = new Map<number, RecordedChange>();
  private readonly events: EventColumns;
  private readonly tasks = new Map<number, Task>();

  /** Goes through all events. `pageOffset`: low 48 bits of the direct map's begin. */
  constructor(events: EventColumns, pageOffset: number, ceiling: number) {
    this.events = events;
    const { kind, a, b } = events;
    for (let i = 0; i < events.length; i++) {
      switch (kind[i]) {
        case KIND.setDirectMapInvalid:
        case KIND.setDirectMapDefault:
        case KIND.setDirectMapValid:
          this.beginChange(i);
          break;
        case KIND.alloc:
        case KIND.free:
          this.pageEvent(i);
          break;
        case KIND.directReclaimBegin:
        case KIND.compactionBegin:
          this.task(i).isReclaiming = true;
          break;
        case KIND.directReclaimEnd:
        case KIND.compactionEnd:
          this.task(i).isReclaiming = false;
          break;
        case KIND.cpaFlush:
          this.cpaFlush(i);
          break;
        case KIND.flushTlbAll:
          this.flushAll(i);
          break;
        case KIND.flushTlbKernelRange:
          this.flushRange(i, a[i] - pageOffset, (b[i] - a[i]) / PAGE_SIZE > ceiling);
          break;
      }
    }
    for (const task of this.tasks.values()) this.leaveCpa(task);
  }

  private beginChange(i: number): void {
    const task = this.task(i);
    this.leaveCpa(task);
    task.at = i;
    task.change = null;
    task.isChanging = true;
    task.tables = 0;
  }

  /** Within a change a task allocates tables and nothing else; whatever else it does, the change is over. */
  private pageEvent(i: number): void {
    const { kind, context, order, pid, pfn, migratetype } = this.events;
    if (isInInterrupt(context[i])) return;
    const task = this.tasks.get(pid[i]);
    if (task === undefined || task.isReclaiming) return;
    this.leaveCpa(task);
    if (!task.isChanging) return;
    const isTable = kind[i] === KIND.alloc && order[i] === 0 && migratetype[i] === MIGRATE_UNMOVABLE;
    if (!isTable) task.isChanging = false;
    else if (pfn[i] >= 0) task.tables++;
    else this.changeOf(task).isRefused = true;
  }

  private cpaFlush(i: number): void {
    const task = this.task(i);
    this.leaveCpa(task);
    task.isChanging = false;
    task.isFlushingCpa = true;
  }

  /** Up to the ceiling cpa_flush() goes page by page, through a function that no event tells (§2.5). */
  private leaveCpa(task: Task): void {
    if (task.isFlushingCpa) this.other++;
    task.isFlushingCpa = false;
  }

  private flushAll(i: number): void {
    const task = this.task(i);
    const isOfSplit = !task.isFlushingCpa && task.isChanging && task.tables > 0;
    task.isFlushingCpa = false;
    if (isOfSplit) {
      task.tables--;
      this.changeOf(task).splits++;
      this.full++;
    } else {
      this.other++;
    }
  }

  private flushRange(i: number, offset: number, isFull: boolean): void {
    const task = this.task(i);
    this.leaveCpa(task);
    task.isChanging = false;
    if (offset < 0 || offset >= DIRECT_MAP_BYTES) {
      this.other++;
      return;
    }
    this.ofChanges.push(i);
    if (isFull) this.full++;
    else this.ranged++;
  }

  private changeOf(task: Task): RecordedChange {
    if (task.change === null) {
      task.change = { splits: 0, isRefused: false };
      this.changes.set(task.at, task.change);
    }
    return task.change;
  }

  private task(i: number): Task {
    const pid = this.events.pid[i];
    let task = this.tasks.get(pid);
    if (task === undefined) {
      task = {
        at: -1,
        change: null,
        isChanging: false,
        tables: 0,
        isReclaiming: false,
        isFlushingCpa: false,
      };
      this.tasks.set(pid, task);
    }
    return task;
  }
}
