/**
 * Flips of a freetype kernel, recorded against a model's: which block, which way, when (freetype-observed §4).
 *
 *   const flips = new FlipComparison(events);
 *   core = new FreetypeCore({ …, observer: { ...NO_OBSERVER, flip: flips.flip } }, …);
 *   for each event i that makes the core allocate:
 *     flips.at = i;
 *     const pfn = core.alloc(request);
 *     if (pfn < 0) flips.failed();
 *   flips.result(): FlipsResult
 *
 * The moment of a flip is its request: the announced one that is open for the task of event `at` (from
 * `req I alloc` to `res I`; captures/FREETYPE.md), else the mm_page_alloc line itself. So it does not matter
 * at which event within a request a replay lets the core allocate; only for one that was refused at once,
 * and has no mm_page_alloc line, the replay has to do so at `req` or `res .. none`.
 *
 * Refused are the announced requests that may flip, and were answered with none: unmapped ones, and unmovable
 * mapped ones. Others have no freetype on the other side, and fail as in any kernel (freetype-series §4.2
 * step 2). Three causes look alike in the recording, which has no event for a flip not made, and are one
 * count: the context forbids it (NOBLOCK), __GFP_ZERO, no block whole or no zone above its watermark. A flip
 * refused in one zone whose request another zone then served shows nowhere and is not counted, nor is it here.
 */

import { MIGRATE_UNMOVABLE } from '../kernel/migratetypes.js';
import { PAGEBLOCK_PAGES } from '../kernel/orders.js';
import { type EventColumns, isInInterrupt } from '../trace/columns.js';
import { KIND } from '../trace/events.js';
import type { FlipsResult } from './validation.js';

/** `what` of the probe `flip` (captures/FREETYPE.md). */
const FLIP_DONE = 1;

export interface Flip {
  /** Index of the event: of the probe `flip`, or where the model flipped. */
  readonly at: number;
  /** Index of the line that announced the request, else of its mm_page_alloc. */
  readonly moment: number;
  readonly pfn: number;
  readonly pages: number;
  readonly toMapped: boolean;
}

/** Requests of one task, as indexes of events: from announcement to answer. */
interface RequestSpans {
  readonly from: number[];
  readonly to: number[];
}

export class FlipComparison {
  /** Index of the event that the model is at; the replay keeps it up to date. */
  at = 0;
  readonly recorded: readonly Flip[];
  /** Moments of recorded refusals. */
  readonly recordedRefusals: ReadonlySet<number>;
  readonly model: Flip[] = [];
  readonly modelRefusals = new Set<number>();
  private readonly events: EventColumns;
  private readonly spans = new Map<number, RequestSpans>();

  constructor(events: EventColumns) {
    this.events = events;
    this.recordedRefusals = this.readRequests();
    this.recorded = this.readFlips();
  }

  /** For CoreObserver.flip; bound, so that it can be handed over as it is. */
  readonly flip = (pfn: number, pages: number, direction: 'toUnmapped' | 'toMapped'): void => {
    const { at } = this;
    this.model.push({ at, moment: this.momentOf(at), pfn, pages, toMapped: direction === 'toMapped' });
  };

  /** The model gave no page at event `at`. */
  failed(): void {
    const moment = this.momentOf(this.at);
    if (this.mayFlip(moment)) this.modelRefusals.add(moment);
  }

  result(): FlipsResult {
    const count = (flips: readonly Flip[], toMapped: boolean) =>
      flips.filter((flip) => flip.toMapped === toMapped).length;
    return {
      toUnmapped: { recorded: count(this.recorded, false), model: count(this.model, false) },
      toMapped: { recorded: count(this.recorded, true), model: count(this.model, true) },
      refused: { recorded: this.recordedRefusals.size, model: this.modelRefusals.size },
      equal: this.recorded.length - this.differences().missing.length,
    };
  }

  /** Flips that only one side made. */
  differences(): { missing: Flip[]; extra: Flip[] } {
    const left = new Map<string, Flip[]>();
    for (const flip of this.model) {
      const key = keyOf(flip);
      const others = left.get(key);
      if (others === undefined) left.set(key, [flip]);
      else others.push(flip);
    }
    const missing = this.recorded.filter((flip) => left.get(keyOf(flip))?.pop() === undefined);
    return { missing, extra: [...left.values()].flat() };
  }

  /** Moments where one side refused and the other did not. */
  refusalDifferences(): { missing: number[]; extra: number[] } {
    return {
      missing: [...this.recordedRefusals].filter((moment) => !this.modelRefusals.has(moment)),
      extra: [...this.modelRefusals].filter((moment) => !this.recordedRefusals.has(moment)),
    };
  }

  /** The earliest of all differences, or null: index of the event, and what differs. */
  firstDifference(): { readonly at: number; readonly reason: string } | null {
    const { missing, extra } = this.differences();
    const refusals = this.refusalDifferences();
    const all = [
      ...missing.map((flip) => ({ at: flip.at, reason: `only the kernel flips ${nameOf(flip)}` })),
      ...extra.map((flip) => ({ at: flip.at, reason: `only the model flips ${nameOf(flip)}` })),
      ...refusals.missing.map((at) => ({ at, reason: 'only the kernel refuses the request' })),
      ...refusals.extra.map((at) => ({ at, reason: 'only the model refuses the request' })),
    ];
    return all.reduce<(typeof all)[number] | null>(
      (first, each) => (first === null || each.at < first.at ? each : first),
      null,
    );
  }

  /** The announcement of the request that is open at an event, else the event itself. */
  momentOf(at: number): number {
    const { pid, context } = this.events;
    // An interrupt on top of the task is none of its request.
    if (isInInterrupt(context[at])) return at;
    const spans = this.spans.get(pid[at]);
    const span = spans === undefined ? -1 : spanAt(spans, at);
    return spans !== undefined && span >= 0 && at <= spans.to[span] ? spans.from[span] : at;
  }

  /** The answer of an announced request; the end of the trace if it has none. */
  answerOf(moment: number): number {
    const spans = this.spansOf(this.events.pid[moment]);
    return spans.to[spanAt(spans, moment)];
  }

  private readRequests(): Set<number> {
    const { kind, pid, length } = this.events;
    const refusals = new Set<number>();
    for (let i = 0; i < length; i++) {
      if (kind[i] === KIND.requestAlloc) {
        const spans = this.spansOf(pid[i]);
        spans.from.push(i);
        // Open up to the end of the trace, unless an answer follows.
        spans.to.push(length);
      } else if (kind[i] === KIND.resultPage || kind[i] === KIND.resultNone) {
        const { from, to } = this.spansOf(pid[i]);
        if (from.length === 0) continue;
        to[to.length - 1] = i;
        const moment = from[from.length - 1];
        if (kind[i] === KIND.resultNone && this.mayFlip(moment)) refusals.add(moment);
      }
    }
    return refusals;
  }

  private readFlips(): Flip[] {
    const { kind, pfn, a, b, c, length } = this.events;
    const flips: Flip[] = [];
    for (let at = 0; at < length; at++) {
      if (kind[at] !== KIND.flip || c[at] !== FLIP_DONE) continue;
      const moment = this.momentOf(this.allocationOf(at));
      flips.push({ at, moment, pfn: pfn[at], pages: a[at] * PAGEBLOCK_PAGES, toMapped: b[at] !== 0 });
    }
    return flips;
  }

  /** The mm_page_alloc that the flip was made for: its task's next. */
  private allocationOf(flip: number): number {
    const { kind, pid, context, length } = this.events;
    for (let i = flip; i < length; i++) {
      if (pid[i] !== pid[flip] || isInInterrupt(context[i])) continue;
      if (kind[i] === KIND.alloc || kind[i] === KIND.resultNone) return i;
    }
    return flip;
  }

  private mayFlip(moment: number): boolean {
    const { kind, migratetype } = this.events;
    return kind[moment] === KIND.requestAlloc && migratetype[moment] === MIGRATE_UNMOVABLE;
  }

  private spansOf(pid: number): RequestSpans {
    let spans = this.spans.get(pid);
    if (spans === undefined) {
      spans = { from: [], to: [] };
      this.spans.set(pid, spans);
    }
    return spans;
  }
}

/** Index of the last request that was announced by then; -1 for none. */
function spanAt({ from }: RequestSpans, at: number): number {
  let low = 0;
  let high = from.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (from[middle] <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function keyOf({ moment, pfn, pages, toMapped }: Flip): string {
  return `${moment} ${pfn} ${pages} ${toMapped}`;
}

function nameOf({ pfn, pages, toMapped }: Flip): string {
  return `${pages} pages at pfn 0x${pfn.toString(16)} to ${toMapped ? 'mapped' : 'unmapped'}`;
}
