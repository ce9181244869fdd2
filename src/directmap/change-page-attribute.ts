/**
 * CPA, the loop behind every set_memory_* and set_direct_map_* call: walks a range, and for each leaf
 * decides to keep it, rewrite it, or split it (direct-map-and-rivals §2.1 to §2.3).
 *
 * It does not flush at the end: that is the caller's rule (§2.5). Splits flush by themselves, through
 * the host.
 *
 * Not modelled: static protections of kernel text (§2.4), which pages of the allocator never meet, and
 * the alias in the high kernel mapping (§2.6).
 */

import type { DirectMapCounts } from './counts.js';
import {
  changedFlags,
  FLAGS_MASK,
  LEVEL_1G,
  LEVEL_4K,
  LEVEL_SHIFT,
  type Leaves,
  PAGES_PER_1G,
  PAGES_PER_2M,
} from './leaves.js';

/** Bits of the result of a change. */
export const CHANGED = 1;
/** No page table for a split: the loop stopped, and what lay before stays changed. */
export const FAILED = 2;

/** Whoever owns the leaves: gives the page tables for splits, and does what a split brings with it. */
export interface SplitHost {
  takePageTable(): boolean;
  /** Gives back the page of the last takePageTable. */
  returnPageTable(): void;
  /** A leaf was split: 2 = a 2M leaf, 3 = a 1G leaf. */
  splitDone(level: 2 | 3, pfn: number): void;
}

export class ChangePageAttribute {
  private readonly leaves: Leaves;
  private readonly counts: DirectMapCounts;
  private readonly host: SplitHost;

  constructor(leaves: Leaves, counts: DirectMapCounts, host: SplitHost) {
    this.leaves = leaves;
    this.counts = counts;
    this.host = host;
  }

  /**
   * Clears, then sets flags of `pages` pages from `pfn` on. `forceSplit` is set_memory_4k's.
   * Keeps no state outside its locals: the page table of a split may come from an allocator that
   * changes the map itself.
   */
  change(pfn: number, pages: number, set: number, clear: number, forceSplit = false): number {
    const leaves = this.leaves;
    let result = 0;
    let current = pfn;
    let left = pages;
    while (left > 0) {
      // `| 0` tells the compiler that both fit 32 bits, which a pfn may not.
      const gib = Math.floor(current / PAGES_PER_1G) | 0;
      const page = (current - gib * PAGES_PER_1G) | 0;
      const word = leaves.at(gib, page);
      const level = word >>> LEVEL_SHIFT;
      let done = 1;
      if (level === LEVEL_4K) {
        // The kernel takes one entry a step; taking the rest of the table at once comes to the same.
        done = Math.min(left, PAGES_PER_2M - (page & 511));
        const changed = leaves.change4K(gib, page, done, set, clear);
        if (changed > 0) {
          this.counts.entriesChanged += changed;
          result |= CHANGED;
        }
      } else if (level !== 0) {
        const size = level === LEVEL_1G ? PAGES_PER_1G : PAGES_PER_2M;
        const offset = page & (size - 1);
        const flags = word & FLAGS_MASK;
        const wanted = changedFlags(flags, set, clear);
        done = Math.min(left, size - offset);
        // The order is the kernel's (§2.2): "nothing to do" comes before "not the whole leaf".
        if (forceSplit || (wanted !== flags && done < size)) {
          if (!this.split(gib, page, level)) return result | FAILED;
          continue;
        }
        if (wanted !== flags) {
          leaves.setLarge(gib, page, wanted);
          this.counts.entriesChanged++;
          result |= CHANGED;
        }
      }
      current += done;
      left -= done;
    }
    return result;
  }

  /** False when there is no page for the table. */
  private split(gib: number, page: number, level: number): boolean {
    if (!this.host.takePageTable()) return false;
    // The kernel drops cpa_lock to allocate: the request for the page may have split this very leaf.
    if (this.leaves.at(gib, page) >>> LEVEL_SHIFT !== level) {
      this.host.returnPageTable();
      return true;
    }
    this.leaves.split(gib, page);
    const size = level === LEVEL_1G ? PAGES_PER_1G : PAGES_PER_2M;
    this.host.splitDone(level === LEVEL_1G ? 3 : 2, gib * PAGES_PER_1G + page - (page & (size - 1)));
    return true;
  }
}
