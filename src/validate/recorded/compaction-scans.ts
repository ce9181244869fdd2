/**
 * The free scanner of compaction, from the kernel's own reports: where its fast search rotated lists (R16 b,
 * page-allocator §7.3), and, where no probe tells of isolated pages, which ones a scanned block gave (§7.2).
 */

import { MIGRATE_MOVABLE } from '../../kernel/migratetypes.js';
import { PAGEBLOCK_ORDER, PAGEBLOCK_PAGES } from '../../kernel/orders.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { pfnOfStructPage } from '../../trace/struct-page.js';
import type { SilentOperations } from '../silent-operations.js';
import { findBlockScan } from './block-scan.js';
import { findSearch, type SearchMemory } from './fast-search.js';
import { FirstFreePfn } from './first-free-pfn.js';
import type { Rotations } from './rotations.js';
import { findSource, searchesForSource } from './source-search.js';

/** cc->fast_start_pfn: no block found yet, or given up. */
const NO_BLOCK_YET = 0;
const GIVEN_UP = Number.POSITIVE_INFINITY;

interface Run extends SearchMemory {
  readonly zone: number;
  /** Pages that the run isolated, where no probe tells what becomes of them. */
  readonly targets: Set<number>;
  isMigrating: boolean;
  freePfn: number;
  lastSearchTook: boolean;
  /** Lowest page that led to a block: the scanner goes back there once, when a search fails. */
  fastStartPfn: number;
}

/** Who calls sets the CPU on whose behalf lists change. */
export class CompactionScans {
  /** Searches that compaction reported, and those that the model can follow. */
  searches = 0;
  searchesEqual = 0;
  /** Scanned blocks whose pages no probe tells, and those where the model finds as many as were taken. */
  blockScans = 0;
  blockScansEqual = 0;
  private readonly allocator: PageAllocator;
  private readonly events: EventColumns;
  private readonly vmemmap: number;
  private readonly rotations: Rotations;
  private readonly silent: SilentOperations;
  /** Order of the last request of a pid to compact, or of the last test whether it is done. */
  private readonly wantedOrder = new Map<number, number>();
  private readonly runs = new Map<number, Run>();
  /** The report that follows an isolation, by index of its event. */
  private readonly reportOf: ReadonlyMap<number, number>;
  /** What follows a test whether a run is done: the index of its next event of these kinds. */
  private readonly nextStep: ReadonlyMap<number, number>;
  private readonly hasTailProbe: boolean;
  /** By zone. */
  private readonly firstFreePfns: readonly FirstFreePfn[];
  private readonly hasIsolateProbe: boolean;
  /** Reports whose search was followed already, at the isolation that it led to. */
  private readonly followed = new Set<number>();

  constructor(
    allocator: PageAllocator,
    events: EventColumns,
    vmemmap: number,
    rotations: Rotations,
    silent: SilentOperations,
  ) {
    this.allocator = allocator;
    this.events = events;
    this.vmemmap = vmemmap;
    this.rotations = rotations;
    this.silent = silent;
    this.firstFreePfns = allocator.machine.zones.map(() => new FirstFreePfn());
    this.reportOf = reportsOfIsolations(events);
    this.nextStep = nextSteps(events);
    const kinds = events.kind.subarray(0, events.length);
    this.hasIsolateProbe = kinds.includes(KIND.isolateFreePage);
    this.hasTailProbe = kinds.includes(KIND.moveFreelistTail);
  }

  event(i: number, kind: number): void {
    const { pid, order, a, b, c } = this.events;
    switch (kind) {
      case KIND.compactionTryToCompact:
      case KIND.compactionSuitable:
        this.wants(pid[i], order[i]);
        break;
      case KIND.compactionFinished:
        this.wants(pid[i], order[i]);
        this.searchSource(i);
        break;
      case KIND.compactionBegin: {
        this.rotations.zoneCompacts(this.allocator.lists.zoneOf(a[i]));
        const wanted = this.wantedOrder.get(pid[i]) ?? -1;
        this.runs.set(pid[i], {
          zone: this.allocator.lists.zoneOf(a[i]),
          order: wanted,
          searchOrder: wanted,
          fastSearchFail: 0,
          migratePfn: b[i],
          isFirst: true,
          targets: new Set(),
          isMigrating: false,
          freePfn: c[i],
          lastSearchTook: false,
          fastStartPfn: NO_BLOCK_YET,
        });
        break;
      }
      case KIND.compactionEnd:
        this.runs.delete(pid[i]);
        break;
      case KIND.compactionIsolateMigratepages: {
        const run = this.runs.get(pid[i]);
        if (run === undefined) break;
        run.migratePfn = c[i];
        run.isMigrating = b[i] > 0;
        break;
      }
      case KIND.compactionMigratepages: {
        const run = this.runs.get(pid[i]);
        if (run !== undefined) run.isMigrating = false;
        break;
      }
      case KIND.isolateFreePage: {
        const report = this.reportOf.get(i);
        if (report !== undefined && this.events.kind[report] === KIND.compactionFastIsolateFreepages)
          this.searchBefore(i, report);
        break;
      }
      case KIND.compactionFastIsolateFreepages:
        if (!this.followed.delete(i)) this.follow(i, i);
        break;
      case KIND.compactionIsolateFreepages:
        this.noteFreeScanner(i);
        if (!this.hasIsolateProbe && b[i] > 0) this.scanBlock(i);
        break;
      case KIND.moveFreelistTail:
        this.rotations.moveFront(pfnOfStructPage(this.events.pfn[i], this.vmemmap));
        break;
    }
  }

  private wants(pid: number, order: number): void {
    this.wantedOrder.set(pid, order);
    const run = this.runs.get(pid);
    if (run === undefined || run.order === order) return;
    this.runs.set(pid, { ...run, order, searchOrder: order });
  }

  /** A run goes on: its migrate scanner looks for a block, if it is between two. */
  private searchSource(i: number): void {
    const { pid, kind, pfn } = this.events;
    const run = this.runs.get(pid[i]);
    const step = this.nextStep.get(i);
    if (run === undefined || step === undefined || kind[step] === KIND.compactionEnd) return;
    const zoneStart = this.allocator.lists.zones[run.zone].startPfn;
    if (!searchesForSource(run.order, run.migratePfn, zoneStart) || !this.maySearch(pid[i], run)) return;
    const isScan = kind[step] === KIND.compactionIsolateMigratepages;
    const outcome = findSource(this.allocator, run.zone, { ...run, scanStart: isScan ? pfn[step] : -1 });
    if (outcome.pfn >= 0 && !this.hasTailProbe) this.rotations.moveFront(outcome.pfn);
    if (outcome.isFound) {
      run.fastSearchFail = 0;
      if (run.fastStartPfn === NO_BLOCK_YET || outcome.pfn < run.fastStartPfn) run.fastStartPfn = outcome.pfn;
      return;
    }
    run.fastSearchFail++;
    if (run.fastStartPfn === NO_BLOCK_YET || run.fastStartPfn === GIVEN_UP) return;
    run.migratePfn = run.fastStartPfn;
    run.fastStartPfn = GIVEN_UP;
  }

  /** Small requests of the kernel must not have a movable block emptied for them (§7.3). */
  private maySearch(pid: number, run: Run): boolean {
    const wanted = this.silent.wantedType(pid);
    return wanted === null || wanted === MIGRATE_MOVABLE || run.order >= PAGEBLOCK_ORDER;
  }

  /**
   * isolate_freepages() goes on where it stopped, or with the block below. After a search that found a page
   * the scan is one around it, and the scanner stays (fast_isolate_around()).
   */
  private noteFreeScanner(i: number): void {
    const { pid, pfn, c } = this.events;
    const run = this.runs.get(pid[i]);
    if (run === undefined || run.lastSearchTook) return;
    const block = pfn[i] - (pfn[i] % PAGEBLOCK_PAGES);
    run.freePfn = c[i] < block + PAGEBLOCK_PAGES ? c[i] : block - PAGEBLOCK_PAGES;
  }

  /** The isolation that a search led to: its page is at the head of its list now (R16 b). */
  private searchBefore(isolation: number, report: number): void {
    if (this.followed.has(report)) return;
    this.followed.add(report);
    const { lists } = this.allocator;
    const pfn = pfnOfStructPage(this.events.pfn[isolation], this.vmemmap);
    if (this.follow(report, isolation)) return;
    this.rotations.makeHeadForSearch(lists.zoneOf(pfn), this.events.order[isolation], MIGRATE_MOVABLE, pfn);
  }

  /** False when the search cannot be followed, or ends at another page than a probe says. */
  private follow(report: number, at: number): boolean {
    const { pfn, order, pid, a, b, c } = this.events;
    this.searches++;
    const run = this.runs.get(pid[report]);
    if (run === undefined) return false;
    run.freePfn = c[report];
    run.lastSearchTook = b[report] > 0;
    const isProbed = at !== report;
    const told = {
      minPfn: pfn[report],
      freePfn: c[report],
      scanned: a[report],
      taken: b[report],
      probedPfn: isProbed ? pfnOfStructPage(pfn[at], this.vmemmap) : -1,
    };
    const firstFreePfn = this.firstFreePfns[run.zone];
    run.isFirst = firstFreePfn.isFirst(told.freePfn);
    const outcome = findSearch(this.allocator, run.zone, run, told);
    if (outcome === null) return false;
    this.searchesEqual++;
    for (const { order: o, head } of outcome.rotations)
      this.rotations.makeHeadForSearch(run.zone, o, MIGRATE_MOVABLE, head);
    firstFreePfn.learn(told.freePfn, outcome.isFirst);
    run.searchOrder = outcome.searchOrder;
    run.fastSearchFail = outcome.fastSearchFail;
    if (isProbed && order[at] !== outcome.order) return true;
    if (!this.hasIsolateProbe && outcome.pfn >= 0) this.isolate(run, outcome.pfn, outcome.order);
    return true;
  }

  private scanBlock(i: number): void {
    const { pfn, pid, a, b, c } = this.events;
    this.blockScans++;
    const found = findBlockScan(this.allocator, pfn[i], c[i], a[i], b[i]);
    if (found === null) return;
    this.blockScansEqual++;
    const run = this.runs.get(pid[i]);
    for (const block of found) this.isolate(run, block.pfn, block.order);
  }

  private isolate(run: Run | undefined, pfn: number, order: number): void {
    this.silent.isolate(pfn, order);
    if (run === undefined) return;
    for (let page = pfn; page < pfn + 2 ** order; page++) run.targets.add(page);
  }

  /**
   * The mm_page_free at `i` is none: a target that a migration gave back, and that stays with compaction
   * (§9.2 item 4). Other targets that were not needed are freed after the migration.
   */
  keeps(i: number): boolean {
    const run = this.runs.get(this.events.pid[i]);
    return run?.isMigrating === true && run.targets.has(this.events.pfn[i]);
  }
}

/** Isolations stand before the report of the scan that made them, of the same task. */
function reportsOfIsolations({ length, kind, pid }: EventColumns): Map<number, number> {
  const reports = new Map<number, number>();
  const next = new Map<number, number>();
  for (let i = length - 1; i >= 0; i--) {
    switch (kind[i]) {
      case KIND.compactionFastIsolateFreepages:
      case KIND.compactionIsolateFreepages:
        next.set(pid[i], i);
        break;
      case KIND.isolateFreePage:
        reports.set(i, next.get(pid[i]) ?? -1);
        break;
    }
  }
  return reports;
}

/** Each test whether a run is done is followed by a scan, by the next test where no block was scanned, or by the end. */
function nextSteps({ length, kind, pid }: EventColumns): Map<number, number> {
  const steps = new Map<number, number>();
  const next = new Map<number, number>();
  for (let i = length - 1; i >= 0; i--) {
    if (kind[i] === KIND.compactionFinished) {
      const step = next.get(pid[i]);
      if (step !== undefined) steps.set(i, step);
      next.set(pid[i], i);
    } else if (kind[i] === KIND.compactionIsolateMigratepages || kind[i] === KIND.compactionEnd) {
      next.set(pid[i], i);
    }
  }
  return steps;
}
