/**
 * Class labels by look-ahead. A capture with direct-map or page-table probes says what became of a page
 * *after* it was allocated; a replay must know *at* the allocation. One pass over the trace finds out:
 *
 *   mm_page_alloc pfn=0x8a46 …               <- this line gets the class `unmapped`,
 *   set_direct_map_invalid page=0x…229180       because this takes its page out of the direct map
 *   mm_page_alloc pfn=0x8a23 … GFP_KERNEL…   <- this one is the table that the recorded kernel's own split
 *   flush_tlb_all                               needed: the core under test makes its own (DESIGN §4)
 *
 * Between the markers `snapshot 1` and `2` where there are some, else over the whole trace.
 * Facts: captures README §2 and §6, PAGETABLES.md §2 and §4, direct-map-and-rivals §2.3.
 */
import { PAGETABLE, UNMAPPED } from '../kernel/classes.js';
import { GFP_COMP_BIT, GFP_HARDWALL_BIT, GFP_KERNEL, GFP_ZERO_BIT } from '../kernel/gfp.js';
import { PAGEBLOCK_PAGES } from '../kernel/orders.js';
import { type EventColumns, isInInterrupt } from './columns.js';
import { KIND } from './events.js';
import { decodeGfp } from './gfp.js';
import { type LineValues, LineValuesBuilder } from './line-values.js';
import { isPossibleBlock, PageStates } from './page-states.js';
import { RecordedCounter, type RecordedCounts } from './recorded-counts.js';
import { DEFAULT_VMEMMAP, pfnOfStructPage } from './struct-page.js';

/**
 * Bits by which requests for a split's table differ: 6.12 asks with GFP_KERNEL, 7.3 with __GFP_ZERO and
 * __GFP_COMP as well, and cpusets add __GFP_HARDWALL to what is printed (trace-formats §5.2 item 1).
 */
const SPLIT_TABLE_MAY_HAVE = GFP_ZERO_BIT | GFP_COMP_BIT | GFP_HARDWALL_BIT;

/** One call changes a few pageblocks at most; a damaged number must not become a long loop. */
const LONGEST_CHANGE = 2 ** 20;
/** Captures are of 6.12 and newer: the numbers and names of one era. */
const ERA = { names: '5.14-7.3', layout: '5.0-7.3' } as const;

export interface Labels {
  /** Class of kernel/classes.ts by line of mm_page_alloc. */
  readonly classes: LineValues;
  /** Requests labelled so. */
  readonly unmapped: number;
  readonly pageTables: number;
  /** Lines (value 1) of page-table pages that the recorded kernel's splits of the direct map took. */
  readonly splitTables: LineValues;
  /**
   * Pages taken out of the direct map and put back at once on their way to the allocator, as vfree does
   * with executable memory: they were mapped while in use, and have no label.
   */
  readonly resetOnFree: number;
  readonly recorded: RecordedCounts;
  /** Whether the trace has any probe event of the direct map or of page tables. */
  readonly probesSeen: boolean;
}

export interface LabelOptions {
  /** The reader's dictionary; it grows while the trace is read. */
  readonly gfps: readonly string[];
  /** Low 48 bits, from the capture's state.txt. */
  readonly vmemmap?: number;
  readonly pageOffset?: number;
}

/** What a task was doing; one each, so that tasks on two CPUs are kept apart. */
interface Task {
  /** Line of its last allocation outside interrupts, and of which file. */
  lastAlloc: number;
  lastAllocFile: number;
  /** A direct-map change is under way: its splits take their tables now. */
  changing: boolean;
  /** Line of the allocation that may be a split's table; 0 for none. */
  tableLine: number;
  tableFile: number;
  /** Its last allocation before that: a split's table is none of its own requests. */
  beforeTable: number;
  beforeTableFile: number;
  /** The page that it changes now, if there is doubt about it. */
  changed: Doubtful | undefined;
}

/** A page taken out of the direct map of which only what follows tells why. */
interface Doubtful {
  readonly file: number;
  readonly line: number;
  readonly task: Task;
  /** The task's last allocation at that time: another one shows that it went on to other work. */
  readonly lastAlloc: number;
  /** Tables of the splits that it caused: the core under test makes its own only if the page gets a label. */
  readonly tables: { readonly file: number; readonly line: number }[];
}

export class LabelCollector {
  private readonly gfps: readonly string[];
  private readonly gfpBits: number[] = [];
  private readonly vmemmap: number;
  private readonly pageOffset: number | undefined;
  /** Line of the allocation that a live page belongs to; 0 = not live, or from before. */
  private readonly allocLine = new PageStates(() => new Uint32Array(PAGEBLOCK_PAGES));
  /** Files of those lines; one file is the rule, and needs no second table. */
  private allocFile: PageStates<Uint32Array> | undefined;
  private readonly tasks = new Map<number, Task>();
  private lastPid = Number.NaN;
  private lastTask: Task | undefined;
  private readonly doubtful = new Map<number, Doubtful>();
  private classes = new LineValuesBuilder();
  private splitTables = new LineValuesBuilder();
  private labelledLine = 0;
  private labelledFile = 0;
  private resetOnFree = 0;
  private counts: RecordedCounter;
  private probesSeen = false;
  private ended = false;

  constructor(options: LabelOptions) {
    this.gfps = options.gfps;
    this.vmemmap = options.vmemmap ?? DEFAULT_VMEMMAP;
    this.pageOffset = options.pageOffset;
    this.counts = new RecordedCounter(this.pageOffset);
  }

  add(columns: EventColumns): void {
    const { length, kind } = columns;
    for (let i = 0; i < length && !this.ended; i++) {
      switch (kind[i]) {
        case KIND.alloc:
          this.alloc(columns, i);
          break;
        case KIND.free:
          this.free(columns, i);
          break;
        case KIND.setDirectMapInvalid:
          this.change(columns, i, 1, false);
          break;
        case KIND.setDirectMapDefault:
          this.change(columns, i, 1, true);
          break;
        case KIND.setDirectMapValid:
          this.change(columns, i, columns.a[i], columns.b[i] !== 0);
          break;
        case KIND.flushTlbAll:
          this.flushAll(columns, i);
          break;
        case KIND.flushTlbKernelRange:
          this.flushRange(columns, i);
          break;
        case KIND.cpaSplit:
          this.counts.cpaSplits++;
          break;
        case KIND.ptCtor:
          this.pageTable(columns, i);
          break;
        case KIND.extfrag:
          this.counts.fallback(columns.migratetype[i], columns.a[i], columns.b[i]);
          break;
        case KIND.snapshot:
          if (columns.a[i] === 1) this.begin();
          else if (columns.a[i] === 2) this.ended = true;
          break;
      }
    }
  }

  /** `vmeventDelta`: the kernel's own counters from capture.json, where there is one. */
  finish(vmeventDelta?: Readonly<Record<string, number>>): Labels {
    for (const [, entry] of this.doubtful) this.labelDoubtful(entry);
    this.doubtful.clear();
    const classes = this.classes.build();
    return {
      classes,
      unmapped: classes.countOf(UNMAPPED),
      pageTables: classes.countOf(PAGETABLE),
      splitTables: this.splitTables.build(),
      resetOnFree: this.resetOnFree,
      recorded: this.counts.finish(vmeventDelta),
      probesSeen: this.probesSeen,
    };
  }

  /** `snapshot 1`: what stood before it is forgotten, except which task allocated what. */
  private begin(): void {
    this.classes = new LineValuesBuilder();
    this.splitTables = new LineValuesBuilder();
    this.doubtful.clear();
    this.allocLine.clear();
    this.labelledLine = 0;
    this.resetOnFree = 0;
    this.counts = new RecordedCounter(this.pageOffset);
  }

  private alloc(columns: EventColumns, i: number): void {
    const { pfn, order, line, file, context } = columns;
    if (!isPossibleBlock(pfn[i], order[i])) return;
    this.allocLine.fill(pfn[i], 2 ** order[i], line[i]);
    if (file[i] !== 0) this.allocFile ??= new PageStates(() => new Uint32Array(PAGEBLOCK_PAGES));
    this.allocFile?.fill(pfn[i], 2 ** order[i], file[i]);
    if (isInInterrupt(context[i])) return;
    const task = this.task(columns, i);
    if (task.changing) {
      const isTable = order[i] === 0 && (this.bitsOf(columns.gfp[i]) & ~SPLIT_TABLE_MAY_HAVE) === GFP_KERNEL;
      task.tableLine = isTable ? line[i] : 0;
      task.tableFile = file[i];
      task.changing = isTable;
      task.beforeTable = task.lastAlloc;
      task.beforeTableFile = task.lastAllocFile;
    }
    task.lastAlloc = line[i];
    task.lastAllocFile = file[i];
  }

  private bitsOf(gfp: number): number {
    while (this.gfpBits.length <= gfp) this.gfpBits.push(decodeGfp(this.gfps[this.gfpBits.length], ERA).bits);
    return this.gfpBits[gfp];
  }

  private free(columns: EventColumns, i: number): void {
    const { pfn, order, context } = columns;
    if (!isPossibleBlock(pfn[i], order[i])) return;
    const pages = 2 ** order[i];
    if (this.doubtful.size > 0) for (let page = pfn[i]; page < pfn[i] + pages; page++) this.settle(page);
    this.allocLine.fill(pfn[i], pages, 0);
    if (isInInterrupt(context[i])) return;
    const task = this.task(columns, i);
    task.changing = false;
    task.tableLine = 0;
  }

  private change(columns: EventColumns, i: number, pages: number, toPresent: boolean): void {
    const task = this.task(columns, i);
    task.changing = true;
    task.tableLine = 0;
    task.changed = undefined;
    this.probesSeen = true;
    if (pages > LONGEST_CHANGE) return;
    const first = pfnOfStructPage(columns.pfn[i], this.vmemmap);
    for (let page = first; page < first + pages; page++) {
      if (toPresent) this.putBack(page, task);
      else this.takeOut(page, task);
    }
  }

  private takeOut(page: number, task: Task): void {
    const line = this.allocLine.get(page);
    if (line === 0) return;
    const file = this.allocFile?.get(page) ?? 0;
    // The page that the task has just asked for: it wants unmapped memory. secret memory is always so.
    if (task.lastAlloc === line && task.lastAllocFile === file) {
      this.labelUnmapped(file, line);
      return;
    }
    task.changed = { file, line, task, lastAlloc: task.lastAlloc, tables: [] };
    this.doubtful.set(page, task.changed);
  }

  /**
   * vfree of executable memory: all its pages invalid, one flush, all of them default, then the frees.
   * A page that its task puts back before it allocates anything else was on this way out.
   */
  private putBack(page: number, task: Task): void {
    const entry = this.doubtful.get(page);
    if (entry === undefined || entry.task !== task || entry.lastAlloc !== task.lastAlloc) return;
    this.doubtful.delete(page);
    this.resetOnFree++;
    task.changed = entry;
  }

  private settle(page: number): void {
    const entry = this.doubtful.get(page);
    if (entry === undefined) return;
    this.doubtful.delete(page);
    this.labelDoubtful(entry);
  }

  private labelDoubtful({ file, line, tables }: Doubtful): void {
    this.labelUnmapped(file, line);
    for (const table of tables) this.splitTables.add(table.file, table.line, 1);
  }

  private labelUnmapped(file: number, line: number): void {
    // The pages of one block come one after the other: one label is enough.
    if (line === this.labelledLine && file === this.labelledFile) return;
    this.classes.add(file, line, UNMAPPED);
    this.labelledLine = line;
    this.labelledFile = file;
  }

  private pageTable(columns: EventColumns, i: number): void {
    this.probesSeen = true;
    const page = pfnOfStructPage(columns.pfn[i], this.vmemmap);
    const line = this.allocLine.get(page);
    if (line === 0) return;
    // The page's own allocation and the task's last one are the same line (PAGETABLES.md §2).
    this.classes.add(this.allocFile?.get(page) ?? 0, line, PAGETABLE);
  }

  private flushAll(columns: EventColumns, i: number): void {
    this.probesSeen = true;
    this.counts.flushAll();
    const task = this.task(columns, i);
    if (task.tableLine === 0) return;
    const { tableLine: line, tableFile: file, changed } = task;
    if (changed === undefined) this.splitTables.add(file, line, 1);
    else changed.tables.push({ file, line });
    this.counts.splitFlushes++;
    task.lastAlloc = task.beforeTable;
    task.lastAllocFile = task.beforeTableFile;
    // A 1G leaf breaks into 2M leaves and one of them into 4K: another table may follow at once.
    task.tableLine = 0;
  }

  private flushRange(columns: EventColumns, i: number): void {
    const task = this.task(columns, i);
    task.changing = false;
    task.tableLine = 0;
    this.probesSeen = true;
    this.counts.flushRange(columns.a[i], columns.b[i]);
  }

  private task(columns: EventColumns, i: number): Task {
    // pid 0 is the idle task of every CPU.
    const pid = columns.pid[i] === 0 ? -1000 - columns.cpu[i] : columns.pid[i];
    if (pid === this.lastPid) return this.lastTask as Task;
    let task = this.tasks.get(pid);
    if (task === undefined) {
      task = newTask();
      this.tasks.set(pid, task);
    }
    this.lastPid = pid;
    this.lastTask = task;
    return task;
  }
}

function newTask(): Task {
  return {
    lastAlloc: 0,
    lastAllocFile: 0,
    changing: false,
    tableLine: 0,
    tableFile: 0,
    beforeTable: 0,
    beforeTableFile: 0,
    changed: undefined,
  };
}
