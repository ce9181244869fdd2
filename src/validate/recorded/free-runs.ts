/**
 * Runs of mm_page_free lines that are one operation: contiguous pages that vfree() and its like free as
 * aligned chunks after the last line (page-allocator §2.10, §9.5 R10), and what alloc_pages_exact() gives
 * back of a block (§2.9, R11).
 */

import { GFP_COMP_BIT } from '../../kernel/gfp.js';
import { MAX_PAGE_ORDER } from '../../kernel/orders.js';
import { isPcpOrder } from '../../pagealloc/pcp-lists.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { contiguousChunks } from '../simulated/contiguous-chunks.js';
import { BYPASS_TO_TAIL, type BypassContext, type Chunk, END_OF_RUN, NO_BYPASS } from './bypass.js';
import { interruptLevel } from './interrupted-batches.js';
import { FACT_ALLOCATED, FACT_ENTERED, FACT_LEFT } from './page-facts.js';

/** Pages of order-0 and compound allocations are freed one by one, whatever their neighbours do (R10). */
const FREED_ALONE = 1;

interface Run {
  readonly firstPfn: number;
  /** Indexes of its lines. */
  readonly lines: number[];
  /** The task's block that was allocated directly before: first page and end. */
  readonly after: { readonly pfn: number; readonly end: number } | null;
  /** Every page may be part of a vmalloc area. */
  readonly mayBeArea: boolean;
}

export class FreeRuns {
  private readonly events: EventColumns;
  private readonly facts: Uint8Array;
  private readonly at: Uint8Array;
  private readonly context: BypassContext;
  private readonly chunks = new Map<number, Chunk[]>();
  /** By pid. */
  private readonly runs = new Map<number, Run>();
  private readonly lastAlloc = new Map<number, { pfn: number; end: number }>();
  /** FREED_ALONE by pfn. */
  private readonly origin: Uint8Array;

  /** `at` says what is known of each line; runs change it. */
  constructor(events: EventColumns, facts: Uint8Array, at: Uint8Array, context: BypassContext) {
    this.events = events;
    this.facts = facts;
    this.at = at;
    this.context = context;
    this.origin = new Uint8Array(context.endPfn);
  }

  find(): Map<number, Chunk[]> {
    const { length, kind, order, context } = this.events;
    for (let i = 0; i < length; i++) {
      const isTask = interruptLevel(context[i]) === 0;
      if (kind[i] === KIND.free && order[i] === 0 && isTask) this.continueRun(i);
      else if (isTask) this.endRun(this.events.pid[i]);
      if (kind[i] === KIND.zoneLocked) this.endRunOf(i);
      if (kind[i] === KIND.alloc) this.noteAlloc(i, isTask);
      else if (kind[i] === KIND.free || kind[i] === KIND.zoneLocked) this.note(i, 0);
    }
    for (const pid of [...this.runs.keys()]) this.endRun(pid);
    return this.chunks;
  }

  private continueRun(i: number): void {
    const { pid, pfn } = this.events;
    const mayBeArea = this.origin[pfn[i]] !== FREED_ALONE;
    const run = this.runs.get(pid[i]);
    if (run !== undefined && pfn[i] === run.firstPfn + run.lines.length && run.mayBeArea === mayBeArea) {
      run.lines.push(i);
      return;
    }
    const after = run === undefined ? (this.lastAlloc.get(pid[i]) ?? null) : null;
    this.endRun(pid[i]);
    this.runs.set(pid[i], { firstPfn: pfn[i], lines: [i], after, mayBeArea });
  }

  /** Pages that are taken have been freed: the run that they stand in is over. */
  private endRunOf(taking: number): void {
    const first = this.events.pfn[taking];
    const end = first + 2 ** this.events.order[taking];
    for (const [pid, { firstPfn, lines }] of this.runs)
      if (first < firstPfn + lines.length && end > firstPfn) this.endRun(pid);
  }

  private endRun(pid: number): void {
    this.lastAlloc.delete(pid);
    const run = this.runs.get(pid);
    if (run === undefined) return;
    this.runs.delete(pid);
    const { firstPfn, lines, after, mayBeArea } = run;
    if (after !== null && firstPfn > after.pfn && firstPfn + lines.length === after.end) {
      for (const line of lines) this.at[line] = BYPASS_TO_TAIL;
      return;
    }
    if (this.context.freesInChunks && mayBeArea && lines.length > 1) this.cut(run);
  }

  /** Chunks of orders that no pcp list takes enter the buddy lists after the run's last line, as do bypasses. */
  private cut({ firstPfn, lines }: Run): void {
    const chunks: Chunk[] = [];
    for (const [pfn, order] of contiguousChunks(firstPfn, lines.length)) {
      if (order === 0) continue;
      const ofChunk = lines.slice(pfn - firstPfn, pfn - firstPfn + 2 ** order);
      const facts = ofChunk.map((line) => this.facts[line]);
      if (isPcpOrder(order)) {
        if (!facts.includes(FACT_LEFT) || facts.includes(FACT_ENTERED)) continue;
      } else if (facts.includes(FACT_ENTERED) || facts.includes(FACT_ALLOCATED)) {
        // A page of it was on a pcp list alone, so these were single frees.
        continue;
      }
      for (const line of ofChunk) this.at[line] = NO_BYPASS;
      chunks.push({ pfn, order });
    }
    if (chunks.length === 0) return;
    const last = lines[lines.length - 1];
    // A last page that bypasses alone is one more chunk.
    if (this.at[last] !== NO_BYPASS) chunks.push({ pfn: firstPfn + lines.length - 1, order: 0 });
    this.at[last] = END_OF_RUN;
    this.chunks.set(last, chunks);
  }

  private noteAlloc(i: number, isTask: boolean): void {
    const { pfn, order, gfp, pid } = this.events;
    const isPiecewise = order[i] > 0 && (this.context.gfpBits(gfp[i]) & GFP_COMP_BIT) === 0;
    this.note(i, isPiecewise ? 0 : FREED_ALONE);
    if (isTask && isPiecewise && pfn[i] >= 0)
      this.lastAlloc.set(pid[i], { pfn: pfn[i], end: pfn[i] + 2 ** order[i] });
  }

  private note(i: number, origin: number): void {
    const { pfn, order } = this.events;
    if (pfn[i] < 0 || order[i] < 0 || order[i] > MAX_PAGE_ORDER) return;
    this.origin.fill(origin, pfn[i], pfn[i] + 2 ** order[i]);
  }
}
