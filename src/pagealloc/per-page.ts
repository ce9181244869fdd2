/**
 * Marked pages one by one, as memfd_secret treats them today: change the page, one flush; on free, change
 * it back without a flush (direct-map-and-rivals §4.1, §12.1). Every core's answer to a class that it
 * has no better one for.
 */

import type { DirectMap } from '../directmap/direct-map.js';
import { PAGETABLE, PLAIN, UNMAPPED } from '../kernel/classes.js';

/** When the flush of an unmapped page is made: 0 never, 1 with each request, N once for N pages. */
export type FlushEvery = number;

export class PerPageTreatment {
  private readonly directMap: DirectMap;
  private readonly flushEvery: FlushEvery;
  /** Pages that are unmapped and may still be in some TLB. */
  private readonly owed = new Set<number>();

  constructor(directMap: DirectMap, flushEvery: FlushEvery) {
    this.directMap = directMap;
    this.flushEvery = flushEvery;
    // Whoever flushes everything flushes what is owed, too.
    if (flushEvery !== 1) directMap.afterFullFlush = () => this.settle();
  }

  /** Gives the pages their class. False when a split got no page table; then they are plain again. */
  apply(pfn: number, pages: number, pageClass: number): boolean {
    // A page table is memory like any other until a core protects it.
    if (pageClass === PAGETABLE) return true;
    if (pageClass !== UNMAPPED) return this.directMap.setClass(pfn, pages, pageClass, 'perPage') === 0;
    for (let page = pfn; page < pfn + pages; page++) {
      if (this.directMap.setDirectMapInvalid(page) === 0) continue;
      for (let done = pfn; done < page; done++) this.directMap.setDirectMapDefault(done);
      return false;
    }
    if (this.flushEvery === 1) this.directMap.flushKernelRange(pfn, pages, 'perPage');
    else this.owe(pfn, pages);
    return true;
  }

  /** Makes the pages plain again before they are freed. */
  undo(pfn: number, pages: number, pageClass: number): void {
    if (pageClass === PAGETABLE) return;
    if (pageClass !== UNMAPPED) {
      this.directMap.setClass(pfn, pages, PLAIN, 'perPage');
      return;
    }
    for (let page = pfn; page < pfn + pages; page++) {
      this.directMap.setDirectMapDefault(page);
      // Mapped again: nothing is promised any more.
      if (this.owed.delete(page)) this.directMap.counts.windowPages = this.owed.size;
    }
  }

  /** The page is promised but an old translation may still be in some TLB: the window that batching opens. */
  private owe(pfn: number, pages: number): void {
    const { counts } = this.directMap;
    for (let page = pfn; page < pfn + pages; page++) this.owed.add(page);
    counts.windowPages = this.owed.size;
    counts.windowPagesTotal += pages;
    if (this.flushEvery === 0 || this.owed.size < this.flushEvery) return;
    // One range flush spans the lowest to the highest page, so scattered pages make it a full one (§12.1).
    let lowest = pfn;
    let highest = pfn;
    for (const page of this.owed) {
      lowest = Math.min(lowest, page);
      highest = Math.max(highest, page);
    }
    this.directMap.flushKernelRange(lowest, highest - lowest + 1, 'batch');
    this.settle();
  }

  private settle(): void {
    this.owed.clear();
    this.directMap.counts.windowPages = 0;
  }
}
