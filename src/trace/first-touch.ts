/**
 * What a trace shows of the time before it: pages whose first event is a free were live when it began,
 * unless an event of the buddy lists or of compaction showed them free before (DESIGN §4, start state
 * `trace`; trace-formats §5.2 item 6).
 *
 * What it cannot know: pages that were live all the time have no event at all; pages that were handed out
 * silently (bulk lists, targets of compaction) look like pages live at the start. The second kind is
 * bounded: `doubtfulPages` counts what came after the first sign of compaction.
 */
import { PAGEBLOCK_PAGES } from '../kernel/orders.js';
import type { EventColumns } from './columns.js';
import { KIND } from './events.js';
import { isPossibleBlock, PageStates } from './page-states.js';
import { DEFAULT_VMEMMAP, pfnOfStructPage } from './struct-page.js';

const UNTOUCHED = 0;
const WAS_FREE = 1;
/** First page of a block that was live at the start and was freed with order (value - WAS_LIVE). */
const WAS_LIVE = 2;
const WAS_LIVE_TAIL = 255;

/** Pages that were live when the trace began: ascending runs of blocks of one order. */
export interface LiveAtStart {
  /** First pfn of each run. */
  readonly start: Float64Array;
  /** First pfn after each run. */
  readonly end: Float64Array;
  /** The order in which the blocks of the run were freed. */
  readonly order: Uint8Array;
  readonly pages: number;
  /** Those of them that may have been handed out silently during the trace. */
  readonly doubtfulPages: number;
}

export class FirstTouch {
  private readonly states = new PageStates(() => new Uint8Array(PAGEBLOCK_PAGES));
  private readonly vmemmap: number;
  private compactionSeen = false;
  /** The probe that tells which free pages compaction takes: without it they are taken silently. */
  private isolationSeen = false;
  private doubtful = 0;
  private isEnded = false;
  /** Page that compaction takes back: the mm_page_free line that follows is no free. -1 for none. */
  private compactionReturn = -1;

  constructor(vmemmap: number = DEFAULT_VMEMMAP) {
    this.vmemmap = vmemmap;
  }

  add(columns: EventColumns): void {
    const { length, kind, pfn, order } = columns;
    for (let i = 0; i < length && !this.isEnded; i++) {
      switch (kind[i]) {
        case KIND.alloc:
        case KIND.zoneLocked:
        case KIND.pcpuDrain:
        case KIND.extfrag:
          this.wasFree(pfn[i], order[i]);
          break;
        case KIND.bulkPage:
          this.wasFree(pfn[i], 0);
          break;
        case KIND.free:
          if (pfn[i] === this.compactionReturn) this.compactionReturn = -1;
          else this.wasLive(pfn[i], order[i]);
          break;
        case KIND.freeBatched:
          this.wasLive(pfn[i], 0);
          break;
        case KIND.isolateFreePage:
          this.isolationSeen = true;
          this.wasFree(pfnOfStructPage(pfn[i], this.vmemmap), order[i]);
          break;
        case KIND.compactionFree:
          this.compactionSeen = true;
          this.compactionReturn = pfnOfStructPage(pfn[i], this.vmemmap);
          this.wasFree(this.compactionReturn, 0);
          break;
        case KIND.compactionBegin:
        case KIND.compactionIsolateFreepages:
          this.compactionSeen = true;
          break;
        case KIND.snapshot:
          // A capture's trace begins and ends a little outside of its two states.
          if (columns.a[i] === 1) this.begin();
          else if (columns.a[i] === 2) this.isEnded = true;
          break;
      }
    }
  }

  /** The answer so far. */
  liveAtStart(): LiveAtStart {
    const runs = new Runs();
    for (const block of this.states.blocks()) {
      const slab = this.states.slab(block);
      for (let offset = 0; offset < PAGEBLOCK_PAGES; offset++) {
        const state = slab[offset];
        if (state >= WAS_LIVE && state < WAS_LIVE_TAIL)
          runs.add(block * PAGEBLOCK_PAGES + offset, state - WAS_LIVE);
      }
    }
    return runs.done(this.isolationSeen ? 0 : this.doubtful);
  }

  private begin(): void {
    this.states.clear();
    this.doubtful = 0;
    this.compactionReturn = -1;
  }

  private wasFree(pfn: number, order: number): void {
    if (!isPossibleBlock(pfn, order)) return;
    if (order === 0) {
      if (this.states.get(pfn) === UNTOUCHED) this.states.set(pfn, WAS_FREE);
      return;
    }
    const end = pfn + 2 ** order;
    for (let page = pfn; page < end; page++) {
      if (this.states.get(page) === UNTOUCHED) this.states.set(page, WAS_FREE);
    }
  }

  private wasLive(pfn: number, order: number): void {
    if (!isPossibleBlock(pfn, order)) return;
    const pages = 2 ** order;
    let untouched = 0;
    for (let page = pfn; page < pfn + pages; page++) if (this.states.get(page) === UNTOUCHED) untouched++;
    if (untouched === 0) return;
    // A block of which a part was seen free before was put together from free memory since: it was handed
    // out silently, and its other pages were free at the start, too.
    if (untouched < pages) {
      this.wasFree(pfn, order);
      return;
    }
    this.states.fill(pfn, pages, WAS_LIVE_TAIL);
    this.states.set(pfn, WAS_LIVE + order);
    if (this.compactionSeen) this.doubtful += pages;
  }
}

/** Joins neighbouring blocks of one order. */
class Runs {
  private readonly start: number[] = [];
  private readonly end: number[] = [];
  private readonly order: number[] = [];
  private pages = 0;

  add(pfn: number, order: number): void {
    const last = this.start.length - 1;
    const next = pfn + 2 ** order;
    this.pages += next - pfn;
    if (last >= 0 && this.end[last] === pfn && this.order[last] === order) {
      this.end[last] = next;
      return;
    }
    this.start.push(pfn);
    this.end.push(next);
    this.order.push(order);
  }

  done(doubtfulPages: number): LiveAtStart {
    return {
      start: Float64Array.from(this.start),
      end: Float64Array.from(this.end),
      order: Uint8Array.from(this.order),
      pages: this.pages,
      doubtfulPages,
    };
  }
}
