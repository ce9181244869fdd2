/**
 * Which pages of a trace are live, page by page, and what each free did to them (trace-formats §5.2).
 *
 * Live pages are kept per page and not per block: one allocation of order 8 may come back as 256 frees of
 * order 0, in any order, at any time (40 % of the frees of one clean recording were such parts).
 */
import { PAGEBLOCK_PAGES } from '../kernel/orders.js';
import { isPossibleBlock, PageStates } from './page-states.js';

const UNSEEN = 0;
const FREED = 1;
/** Live, not the first page of its allocation. */
const LIVE_TAIL = 2;
/** First page of a live allocation of order (state - LIVE_HEAD). */
const LIVE_HEAD = 3;

export interface Place {
  readonly line: number;
  readonly pfn: number;
  readonly order: number;
}

/** How many, and where the first one is. */
export interface Oddity {
  count: number;
  first: Place | null;
}

export class PageLedger {
  livePages = 0;
  /** Frees of exactly one whole allocation. */
  exactFrees = 0;
  /** Parts of a bigger allocation, all of whose pages were live. */
  readonly partialFrees = oddity();
  /** Frees that cover more than one allocation, or pages of which only some are live. */
  readonly unevenFrees = oddity();
  /** Pages never seen before: born before the trace, or handed out silently. */
  readonly unknownFrees = oddity();
  /** Pages seen freed and not allocated since: handed out silently, or events are lost. */
  readonly doubleFrees = oddity();
  /** 2.6.32 and 2.6.33 report order-0 frees twice (trace-formats §5.2 item 3). */
  readonly repeatedFrees = oddity();
  readonly allocsOverLive = oddity();
  readonly misaligned = oddity();
  readonly impossible = oddity();
  highestPfn = -1;
  private readonly states = new PageStates(() => new Uint8Array(PAGEBLOCK_PAGES));

  alloc(pfn: number, order: number, line: number): void {
    if (this.isImpossible(pfn, order, line)) return;
    const pages = 2 ** order;
    let live = 0;
    for (let page = pfn; page < pfn + pages; page++) if (this.states.get(page) >= LIVE_TAIL) live++;
    if (live > 0) note(this.allocsOverLive, line, pfn, order);
    if (pfn % pages !== 0) note(this.misaligned, line, pfn, order);
    this.livePages += pages - live;
    if (pages > 1) this.states.fill(pfn + 1, pages - 1, LIVE_TAIL);
    this.states.set(pfn, LIVE_HEAD + order);
  }

  /** A page that was handed out without mm_page_alloc, as a capture's bulk marker tells. */
  silentAlloc(pfn: number): void {
    // Its alloc line may stand right before: bulk allocation took the path of a single page.
    if (this.states.get(pfn) >= LIVE_TAIL) return;
    this.states.set(pfn, LIVE_HEAD);
    this.livePages++;
  }

  /** `isRepeat`: the line before is the same free of the same task. */
  free(pfn: number, order: number, line: number, isRepeat: boolean): void {
    if (this.isImpossible(pfn, order, line)) return;
    const pages = 2 ** order;
    if (pfn % pages !== 0) note(this.misaligned, line, pfn, order);
    const head = this.states.get(pfn);
    let live = 0;
    let freed = 0;
    let laterHeads = 0;
    for (let page = pfn; page < pfn + pages; page++) {
      const state = this.states.get(page);
      if (state >= LIVE_TAIL) live++;
      else if (state === FREED) freed++;
      if (state >= LIVE_HEAD && page > pfn) laterHeads++;
    }
    this.livePages -= live;
    this.states.fill(pfn, pages, FREED);
    if (live === pages && laterHeads === 0) {
      if (head === LIVE_HEAD + order) this.exactFrees++;
      else note(this.partialFrees, line, pfn, order);
    } else if (live > 0) note(this.unevenFrees, line, pfn, order);
    else if (isRepeat) note(this.repeatedFrees, line, pfn, order);
    else if (freed > 0) note(this.doubleFrees, line, pfn, order);
    else note(this.unknownFrees, line, pfn, order);
  }

  isLive(pfn: number): boolean {
    return this.states.get(pfn) >= LIVE_TAIL;
  }

  /** Has the trace named this page before? */
  isSeen(pfn: number): boolean {
    return this.states.get(pfn) !== UNSEEN;
  }

  private isImpossible(pfn: number, order: number, line: number): boolean {
    if (pfn > this.highestPfn) this.highestPfn = pfn;
    if (isPossibleBlock(pfn, order)) return false;
    note(this.impossible, line, pfn, order);
    return true;
  }
}

export function oddity(): Oddity {
  return { count: 0, first: null };
}

function note(into: Oddity, line: number, pfn: number, order: number): void {
  into.count++;
  into.first ??= { line, pfn, order };
}
