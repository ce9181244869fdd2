/**
 * `check`: what a trace is, what it lost, what it cannot tell, and its fidelity grade (DESIGN §4, §5;
 * trace-formats §10.3). One pass, which also collects what a replay needs of the time before the trace.
 */

import { adviceFor, cannotTell, remarksOn } from './check-advice.js';
import { CONTEXT_HARDIRQ, CONTEXT_SOFTIRQ, type EventColumns, UNKNOWN_CPU } from './columns.js';
import { type EraGuess, guessEra } from './era.js';
import { EVENTS, KIND } from './events.js';
import { FirstTouch, type LiveAtStart } from './first-touch.js';
import { fidelityGrade, type Grade } from './grade.js';
import { type Oddity, PageLedger } from './page-ledger.js';
import type { TraceReader } from './reader.js';
import type { Clock, ReadReport } from './report.js';
import { DEFAULT_VMEMMAP, pfnOfStructPage } from './struct-page.js';

/** What scripts read. */
export interface CheckResult {
  readonly schema: 'mm-sim/check@1';
  readonly format: string;
  /** The release if the text names it, else a range such as '5.14 or newer', or 'unknown'. */
  readonly kernel: string;
  readonly clock: Clock;
  /** CPUs that the trace or its header names; 0 when it names none. */
  readonly cpus: number;
  /** First to last event in ns; null when the clock has no unit. */
  readonly spanNs: number | null;
  /** Counts by the kernel's event names, those that mm-sim reads first. */
  readonly events: { readonly byKind: Readonly<Record<string, number>> };
  readonly allocations: { readonly served: number; readonly failed: number };
  readonly frees: {
    /** Without batch repeats. */
    readonly reported: number;
    readonly batchRepeats: number;
    /** None of the pages was live. */
    readonly unmatched: number;
    /** Live pages, but another block than was allocated: mostly parts of a bigger one. */
    readonly orderMismatches: number;
  };
  readonly lost: { readonly events: number; readonly unknownGaps: number };
  readonly livePagesAtEnd: number;
  readonly grade: Grade;
  readonly reasons: readonly string[];
}

/** What people want to know beside it. */
export interface CheckDetails {
  readonly era: EraGuess;
  readonly exactFrees: number;
  readonly partialFrees: Oddity;
  readonly unevenFrees: Oddity;
  readonly unknownFrees: Oddity;
  readonly doubleFrees: Oddity;
  readonly repeatedFrees: Oddity;
  readonly allocsOverLive: Oddity;
  readonly misaligned: Oddity;
  /** pfns of 2^36 and more, or orders that no kernel has: not followed. */
  readonly impossible: Oddity;
  /** Batch reports of pages that were still live: they were taken as the free. */
  readonly batchFrees: number;
  /** Pages that a capture's bulk markers name. */
  readonly bulkPages: number;
  /** mm_page_free lines of pages that compaction took back: no frees. */
  readonly compactionReturns: number;
  readonly buddyLevelEvents: boolean;
  readonly compactionSeen: boolean;
  readonly directMapProbes: boolean;
  readonly inInterrupt: number;
  /** Requests whose task the trace does not name (`<...>`, or no name at all). */
  readonly namelessRequests: number;
  readonly highestPfn: number;
  /** Events between the markers of a capture; null without markers. */
  readonly betweenMarkers: {
    readonly served: number;
    readonly failed: number;
    readonly frees: number;
  } | null;
  /** Event names that mm-sim does not read, most frequent first, at most ten. */
  readonly unknownNames: readonly { readonly name: string; readonly count: number }[];
  readonly start: LiveAtStart;
  /** Sentences for the user, without a full stop; those of cannotTell complete "the trace cannot tell …". */
  readonly remarks: readonly string[];
  readonly cannotTell: readonly string[];
  readonly advice: readonly string[];
}

export interface CheckOutcome {
  readonly result: CheckResult;
  readonly details: CheckDetails;
  readonly report: ReadReport;
}

export interface CheckOptions {
  /** A capture's before/state.txt lies beside the trace. */
  readonly exactStartState?: boolean;
  /** Known from capture.json; else they count as enabled when one is seen. */
  readonly buddyLevelEvents?: boolean;
  readonly synthetic?: boolean;
  /** Release that capture.json names; else it is guessed from the text. */
  readonly release?: string;
  /** Low 48 bits of vmemmap, for probe events. */
  readonly vmemmap?: number;
}

/** Reads a trace to its end. The reader is left open. */
export async function checkTrace(reader: TraceReader, options: CheckOptions = {}): Promise<CheckOutcome> {
  const check = new TraceCheck(reader, options);
  for (let batch = await reader.next(); batch !== null; batch = await reader.next()) check.add(batch);
  return check.finish();
}

/** The same for a caller that has more to do with each batch. */
export class TraceCheck {
  private readonly reader: TraceReader;
  private readonly options: CheckOptions;
  private readonly vmemmap: number;
  private readonly pages = new PageLedger();
  private readonly firstTouch: FirstTouch;
  private readonly byKind = new Float64Array(256);
  private served = 0;
  private failed = 0;
  private frees = 0;
  private batchRepeats = 0;
  private batchFrees = 0;
  private bulkPages = 0;
  private compactionReturns = 0;
  private inInterrupt = 0;
  private nameless = 0;
  private namelessId = -1;
  /** pfn of the page that compaction takes back; -1 for none. */
  private returnedPage = -1;
  private lastFree = { pfn: -1, order: 0, pid: 0 };
  /** Page of the batch report right before that was taken as its free; -1 for none. */
  private lastBatchFree = -1;
  private atMarker1: { served: number; failed: number; frees: number } | null = null;
  private between: { served: number; failed: number; frees: number } | null = null;

  constructor(reader: TraceReader, options: CheckOptions = {}) {
    this.reader = reader;
    this.options = options;
    this.vmemmap = options.vmemmap ?? DEFAULT_VMEMMAP;
    this.firstTouch = new FirstTouch(this.vmemmap);
  }

  add(columns: EventColumns): void {
    const { length, kind } = columns;
    this.firstTouch.add(columns);
    if (this.namelessId < 0) this.namelessId = this.reader.comms.indexOf('<...>');
    for (let i = 0; i < length; i++) {
      this.byKind[kind[i]]++;
      switch (kind[i]) {
        case KIND.alloc:
          this.alloc(columns, i);
          break;
        case KIND.free:
          this.free(columns, i);
          this.lastBatchFree = -1;
          continue;
        case KIND.freeBatched:
          this.freeBatched(columns, i);
          this.lastFree.pfn = -1;
          continue;
        case KIND.bulkPage:
          this.bulkPages++;
          this.pages.silentAlloc(columns.pfn[i]);
          break;
        case KIND.compactionFree:
          this.returnedPage = pfnOfStructPage(columns.pfn[i], this.vmemmap);
          break;
        case KIND.snapshot:
          this.snapshot(columns.a[i]);
          break;
      }
      this.lastFree.pfn = -1;
      this.lastBatchFree = -1;
    }
  }

  finish(): CheckOutcome {
    const { reader, pages } = this;
    const { report } = reader;
    const era = guessEra(reader, this.options.release);
    const lostMarks = report.lost.reduce((sum, mark) => sum + mark.events, 0);
    const lost = {
      events: report.overwritten + lostMarks,
      unknownGaps: report.lost.filter(({ events }) => events === 0).length,
    };
    const seen = (...kinds: number[]): boolean => kinds.some((kind) => this.byKind[kind] > 0);
    const buddyLevelEvents =
      this.options.buddyLevelEvents ?? seen(KIND.zoneLocked, KIND.pcpuDrain, KIND.extfrag);
    const { grade, reasons } = fidelityGrade({
      exactStartState: this.options.exactStartState ?? false,
      buddyLevelEvents,
      lostEvents: lost.events,
      unknownGaps: lost.unknownGaps,
      allocsOverLive: pages.allocsOverLive.count,
      malformedEvents: report.malformed.count,
      requests: this.served + this.failed + this.frees,
      synthetic: this.options.synthetic ?? false,
    });
    const hasUnit = report.clock === 'seconds' || report.clock === 'relative';
    const result: CheckResult = {
      schema: 'mm-sim/check@1',
      format: report.format,
      kernel: era.kernel,
      clock: report.clock,
      cpus: Math.max(report.headerCpus, report.cpus.filter((cpu) => cpu !== UNKNOWN_CPU).length),
      spanNs: hasUnit ? report.lastTimeNs : null,
      events: { byKind: countsByName(report) },
      allocations: { served: this.served, failed: this.failed },
      frees: {
        reported: this.frees,
        batchRepeats: this.batchRepeats,
        unmatched: pages.unknownFrees.count + pages.doubleFrees.count,
        orderMismatches: pages.partialFrees.count + pages.unevenFrees.count,
      },
      lost,
      livePagesAtEnd: pages.livePages,
      grade,
      reasons,
    };
    const facts = {
      era,
      exactFrees: pages.exactFrees,
      partialFrees: pages.partialFrees,
      unevenFrees: pages.unevenFrees,
      unknownFrees: pages.unknownFrees,
      doubleFrees: pages.doubleFrees,
      repeatedFrees: pages.repeatedFrees,
      allocsOverLive: pages.allocsOverLive,
      misaligned: pages.misaligned,
      impossible: pages.impossible,
      batchFrees: this.batchFrees,
      bulkPages: this.bulkPages,
      compactionReturns: this.compactionReturns,
      buddyLevelEvents,
      compactionSeen: seen(KIND.compactionBegin, KIND.isolateFreePage, KIND.compactionFree),
      directMapProbes: seen(KIND.setDirectMapInvalid, KIND.setDirectMapValid, KIND.ptCtor),
      inInterrupt: this.inInterrupt,
      namelessRequests: this.nameless,
      highestPfn: pages.highestPfn,
      betweenMarkers: this.between,
      unknownNames: unknownNames(report),
      start: this.firstTouch.liveAtStart(),
    };
    const details: CheckDetails = {
      ...facts,
      remarks: remarksOn(result, facts),
      cannotTell: cannotTell(result, facts, report),
      advice: adviceFor(result, facts, report),
    };
    return { result, details, report };
  }

  private alloc(columns: EventColumns, i: number): void {
    const { pfn, order, comm, context, line } = columns;
    if (comm[i] === 0 || comm[i] === this.namelessId) this.nameless++;
    if ((context[i] & (CONTEXT_SOFTIRQ | CONTEXT_HARDIRQ)) !== 0) this.inInterrupt++;
    if (pfn[i] < 0) {
      this.failed++;
      return;
    }
    this.served++;
    this.pages.alloc(pfn[i], order[i], line[i]);
  }

  private free(columns: EventColumns, i: number): void {
    const { pfn, order, pid, line } = columns;
    if (pfn[i] === this.returnedPage) {
      // The page stays with compaction (captures README §2).
      this.returnedPage = -1;
      this.compactionReturns++;
      return;
    }
    if (pfn[i] === this.lastBatchFree && order[i] === 0) {
      // The two lines of one free, the other way round (synthetic-4.14-tgid-oldlayout.txt).
      this.batchFrees--;
      this.batchRepeats++;
      return;
    }
    this.frees++;
    const last = this.lastFree;
    const isRepeat = last.pfn === pfn[i] && last.order === order[i] && last.pid === pid[i];
    if (pfn[i] >= 0) this.pages.free(pfn[i], order[i], line[i], isRepeat);
    last.pfn = pfn[i];
    last.order = order[i];
    last.pid = pid[i];
  }

  private freeBatched(columns: EventColumns, i: number): void {
    const { pfn, line } = columns;
    this.lastBatchFree = -1;
    if (pfn[i] < 0 || !this.pages.isLive(pfn[i])) {
      this.batchRepeats++;
      return;
    }
    // 2.6.32 and traces without mm_page_free: this is the free. The order is printed as 0 whatever it was.
    this.batchFrees++;
    this.frees++;
    this.lastBatchFree = pfn[i];
    this.pages.free(pfn[i], 0, line[i], false);
  }

  private snapshot(number: number): void {
    const { served, failed, frees } = this;
    if (number === 1) this.atMarker1 = { served, failed, frees };
    if (number !== 2 || this.atMarker1 === null) return;
    const from = this.atMarker1;
    this.between = { served: served - from.served, failed: failed - from.failed, frees: frees - from.frees };
  }
}

function countsByName({ eventsByName }: ReadReport): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { name } of EVENTS) {
    const count = eventsByName.get(name);
    if (count !== undefined) counts[name] = count;
  }
  for (const [name, count] of eventsByName) counts[name] = count;
  return counts;
}

function unknownNames({ eventsByName }: ReadReport): { name: string; count: number }[] {
  const known = new Set(EVENTS.map(({ name }) => name));
  const unknown = [...eventsByName].filter(([name]) => !known.has(name));
  // Ties keep the order of first appearance: sort is stable.
  unknown.sort(([, x], [, y]) => y - x);
  return unknown.slice(0, 10).map(([name, count]) => ({ name, count }));
}
