/**
 * The model's direct map under the recorded set_direct_map_*() calls and flips. It starts from the
 * `directmap` rows of a snapshot, splits by its own rules, and owes the flushes that the callers of these
 * functions owe:
 *
 *   a fault on secret memory takes out the page that its task has just allocated: RANGE(1)
 *     (direct-map-and-rivals §4.1)
 *   vfree() of VM_FLUSH_RESET_PERMS memory takes out many and flushes once, over the direct map and the
 *     area's own address, which is among the lazily freed ones by then: always full (§4.2)
 *   a flip to unmapped flushes its blocks, one to mapped nothing (freetype-series §4.2)
 *   every split flushes all (§2.3)
 *
 * When an owed flush was made, the recording says; whether one was owed, the model. A split for which the
 * recorded call took no table is one that a set_memory_*() had made before, unseen: the leaf is brought up
 * to date and nothing is counted.
 */

import { DirectMap } from '../directmap/direct-map.js';
import { PAGEBLOCK_PAGES } from '../kernel/orders.js';
import type { Machine } from '../machine/machine.js';
import type { Snapshot } from '../machine/snapshot.js';
import { type EventColumns, isInInterrupt } from '../trace/columns.js';
import { KIND } from '../trace/events.js';
import { pfnOfStructPage } from '../trace/struct-page.js';
import type { RecordedFlushes } from './recorded-flushes.js';

/** `what` of the probe `flip` (captures/FREETYPE.md). */
const FLIP_DONE = 1;

/** Pages that a task took out of the direct map and has not flushed yet. */
interface Owed {
  lowest: number;
  highest: number;
  /** Of vfree(): more pages may come. */
  readonly isBatch: boolean;
}

interface Task {
  /** The page that it allocated last, outside interrupts. */
  lastAlloc: number;
  owed: Owed | null;
}

export class DirectMapReplay {
  readonly directMap: DirectMap;
  level2Splits = 0;
  level3Splits = 0;
  fullFlushes = 0;
  rangedFlushes = 0;
  /** Splits that set_memory_*() had made before. */
  unseenSplits = 0;
  private readonly events: EventColumns;
  private readonly recorded: RecordedFlushes;
  private readonly vmemmap: number;
  private readonly ceiling: number;
  /** Flips tell which set_direct_map_valid() was one, and whether it succeeded. */
  private readonly hasFlips: boolean;
  private readonly tasks = new Map<number, Task>();
  /** Splits that the running call still has to make, by the recording. */
  private splitsLeft = 0;
  private isRefused = false;
  private isUnseen = false;

  constructor(machine: Machine, before: Snapshot, events: EventColumns, recorded: RecordedFlushes) {
    this.directMap = new DirectMap(machine, before);
    this.directMap.pageTableSource = () => this.takeTable();
    this.directMap.observer = {
      split: (level) => this.countSplit(level),
      flush: (full, _pfn, _pages, cause) => this.countFlush(full, cause === 'split'),
    };
    this.events = events;
    this.recorded = recorded;
    this.vmemmap = before.vmemmap;
    this.ceiling = machine.tlbFlushCeiling;
    this.hasFlips = before.freetypes;
  }

  /** Goes through all events. */
  run(): void {
    const { ofChanges } = this.recorded;
    let next = 0;
    for (let i = 0; i < this.events.length; i++) {
      if (ofChanges[next] === i) {
        this.settle(this.task(this.events.pid[i]));
        next++;
      } else {
        this.event(i);
      }
    }
  }

  private event(i: number): void {
    const { kind, context, pid, pfn, a, b, c } = this.events;
    switch (kind[i]) {
      case KIND.alloc:
        if (!isInInterrupt(context[i])) this.task(pid[i]).lastAlloc = pfn[i];
        break;
      case KIND.setDirectMapInvalid:
        this.begin(i);
        this.takeOut(this.task(pid[i]), pfnOfStructPage(pfn[i], this.vmemmap));
        break;
      case KIND.setDirectMapDefault:
        this.begin(i);
        this.putBack(this.task(pid[i]), pfnOfStructPage(pfn[i], this.vmemmap));
        break;
      case KIND.setDirectMapValid:
        this.begin(i);
        this.setValid(this.task(pid[i]), pfnOfStructPage(pfn[i], this.vmemmap), a[i], b[i] !== 0);
        break;
      case KIND.flip:
        if (c[i] === FLIP_DONE && b[i] === 0)
          this.directMap.flushKernelRange(pfn[i], a[i] * PAGEBLOCK_PAGES, 'flipToUnmapped');
        break;
    }
  }

  private begin(i: number): void {
    const change = this.recorded.changes.get(i);
    this.splitsLeft = change?.splits ?? 0;
    this.isRefused = change?.isRefused ?? false;
  }

  private takeOut(task: Task, page: number): void {
    const isFault = task.lastAlloc === page;
    if (isFault || task.owed?.isBatch === false) this.settle(task);
    // A fault that found no table for a split is given up; vfree() goes on all the same (§4.1, §4.2).
    if (this.directMap.setDirectMapInvalid(page) !== 0 && isFault) return;
    if (task.owed === null) task.owed = { lowest: page, highest: page, isBatch: !isFault };
    task.owed.lowest = Math.min(task.owed.lowest, page);
    task.owed.highest = Math.max(task.owed.highest, page);
  }

  private putBack(task: Task, page: number): void {
    const { owed } = task;
    // The page found no place in its file, another fault was faster: back without a flush (§4.1 step 4).
    if (owed !== null && !owed.isBatch && owed.lowest === page) task.owed = null;
    else this.settle(task);
    this.directMap.setDirectMapDefault(page);
  }

  private setValid(task: Task, first: number, pages: number, valid: boolean): void {
    this.settle(task);
    const result = this.directMap.setDirectMapValid(first, pages, valid);
    if (valid || this.hasFlips || result !== 0) return;
    task.owed = { lowest: first, highest: first + pages - 1, isBatch: false };
  }

  private settle(task: Task): void {
    const { owed } = task;
    if (owed === null) return;
    task.owed = null;
    const pages = owed.highest - owed.lowest + 1;
    // A batch's range ends at its area's address in vmalloc space, far above any ceiling.
    this.directMap.flushKernelRange(
      owed.lowest,
      owed.isBatch ? Math.max(pages, this.ceiling + 1) : pages,
      'perPage',
    );
  }

  private takeTable(): boolean {
    this.isUnseen = this.splitsLeft === 0;
    if (!this.isUnseen) this.splitsLeft--;
    else if (this.isRefused) return false;
    return true;
  }

  private countSplit(level: 2 | 3): void {
    if (this.isUnseen) this.unseenSplits++;
    else if (level === 2) this.level2Splits++;
    else this.level3Splits++;
  }

  private countFlush(full: boolean, isOfSplit: boolean): void {
    if (isOfSplit && this.isUnseen) return;
    if (full) this.fullFlushes++;
    else this.rangedFlushes++;
  }

  private task(pid: number): Task {
    let task = this.tasks.get(pid);
    if (task === undefined) {
      task = { lastAlloc: -1, owed: null };
      this.tasks.set(pid, task);
    }
    return task;
  }
}
