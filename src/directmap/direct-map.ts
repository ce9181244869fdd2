/**
 * The direct map of one simulated machine: the kernel's calls that change it, the splits they cause, and
 * the TLB flushes that follow.
 *
 * Calls carry the kernel's names and take pfns of the direct map. Each has its own rule for the flush at
 * its end (direct-map-and-rivals §2.5): set_memory_* flush when anything changed, set_direct_map_* never
 * do, and every split flushes all CPUs besides.
 *
 * Not modelled: the flush that vm_unmap_aliases adds to some set_memory_* calls (§2.5), since it depends
 * on what vmalloc has left; and the hardware's setting of D at the first write (§2.8), on which no rule
 * here depends.
 */

import { PKEY_BASE, PLAIN, READONLY, UNMAPPED } from '../kernel/classes.js';
import type { Machine } from '../machine/machine.js';
import type { DirectMapRun, Snapshot } from '../machine/snapshot.js';
import { type BootOptions, bootLeaves, recordedLeaves } from './boot.js';
import { CHANGED, ChangePageAttribute, FAILED, type SplitHost } from './change-page-attribute.js';
import { DirectMapCounts, FLUSH_CAUSE_INDEX, type FlushCause, type LeafCensus } from './counts.js';
import {
  DIRTY,
  FLAGS_MASK,
  KERNEL_4K,
  KEY_MASK,
  KEY_SHIFT,
  LEVEL_2M,
  LEVEL_4K,
  LEVEL_SHIFT,
  type Leaves,
  NX,
  PAGES_PER_1G,
  PAGES_PER_2M,
  PRESENT,
  RW,
} from './leaves.js';
import { bootMeminfo, MeminfoCounters } from './meminfo.js';
import { runsOf } from './runs.js';

/** What a change returns when a split got no page table: the pages before it stay changed (§2.3). */
export const ENOMEM = -12;

/** Told of every split and flush; for `--events`. */
export interface DirectMapObserver {
  /** Level 2: a 2M leaf at this pfn became 512 4K leaves; level 3: a 1G leaf, 512 2M leaves. */
  split(level: 2 | 3, pfn: number): void;
  /** `pages` is the range asked for, or the leaf that was split, 0 for a flush without one; `full`: every CPU dropped all it had. */
  flush(full: boolean, pfn: number, pages: number, cause: FlushCause): void;
}

/** Flushes of calls that change one thing at a time, unless the caller says otherwise. */
const DEFAULT_CAUSE: FlushCause = 'other';

export class DirectMap implements SplitHost {
  readonly counts = new DirectMapCounts();
  /** The counters of /proc/meminfo, which are no census (§1.4). */
  readonly meminfo: MeminfoCounters;
  /** Leaves before the first change. */
  readonly censusBefore: LeafCensus;
  observer: DirectMapObserver | null = null;
  /** Asked for one page-table page at every split; false refuses it. null: granted without a word. */
  pageTableSource: (() => boolean) | null = null;
  /**
   * Takes back the page that the last pageTableSource granted: the request for it split the very leaf
   * that it was meant for (§2.3 step 2). null: dropped without a word.
   */
  pageTableReturn: (() => void) | null = null;

  /** Called after every flush that drops all translations, whatever its cause. */
  afterFullFlush: (() => void) | null = null;

  /** Read freely, write through the calls below. */
  readonly leaves: Leaves;
  private readonly cpa: ChangePageAttribute;
  private readonly endPfn: number;
  private readonly ceiling: number;
  /** set_memory_4k leaves a mark in 7.x and none in 6.12 (§2.5). */
  private readonly flag4K: number;
  private readonly bootIsGlobal: boolean;

  /**
   * Starts from the rows of a snapshot that has some, else from the machine's memory map.
   * `options` matter for the latter only.
   */
  constructor(machine: Machine, snapshot: Snapshot | null = null, options: Partial<BootOptions> = {}) {
    const recorded = snapshot !== null && snapshot.directMap.length > 0 ? snapshot : null;
    if (recorded !== null) {
      this.endPfn = recorded.lastPfn;
      this.leaves = recordedLeaves(recorded.directMap, recorded.lastPfn);
      this.bootIsGlobal = recorded.directMap.some((run) => (run.bits & 0x100) !== 0);
      // A snapshot lacks the counters: without what boot over-counted they start as the census.
      this.meminfo = new MeminfoCounters();
      this.meminfo.count4K = this.leaves.leaves4K;
      this.meminfo.count2M = this.leaves.leaves2M;
      this.meminfo.count1G = this.leaves.leaves1G;
    } else {
      const largest = options.largest ?? (machine.gbPages ? 3 : 2);
      const pti = options.pti ?? false;
      this.endPfn = machine.endPfn;
      this.leaves = bootLeaves(machine.ram, machine.endPfn, { largest, pti });
      this.meminfo = bootMeminfo(machine.ram, largest);
      this.bootIsGlobal = !pti;
    }
    this.censusBefore = this.census();
    this.cpa = new ChangePageAttribute(this.leaves, this.counts, this);
    this.ceiling = machine.tlbFlushCeiling;
    this.flag4K = machine.rules.version === '6.12' ? 0 : KERNEL_4K;
  }

  // set_direct_map_*: no flush of their own; the caller owes it (§2.5).

  /** set_direct_map_invalid_noflush(). 0 or ENOMEM. */
  setDirectMapInvalid(pfn: number): number {
    return status(this.cpa.change(pfn, 1, 0, PRESENT | RW | DIRTY));
  }

  /** set_direct_map_default_noflush(). 0 or ENOMEM. */
  setDirectMapDefault(pfn: number): number {
    return status(this.cpa.change(pfn, 1, PRESENT | RW, 0));
  }

  /** set_direct_map_valid_noflush(). 0 or ENOMEM. */
  setDirectMapValid(pfn: number, pages: number, valid: boolean): number {
    return status(
      valid
        ? this.cpa.change(pfn, pages, PRESENT | RW, 0)
        : this.cpa.change(pfn, pages, 0, PRESENT | RW | DIRTY),
    );
  }

  // set_memory_* on addresses of the direct map: flush by cpa_flush when anything changed (§2.5).

  setMemoryRo(pfn: number, pages: number, cause: FlushCause = DEFAULT_CAUSE): number {
    return this.setMemory(pfn, pages, 0, RW | DIRTY, cause);
  }

  setMemoryRw(pfn: number, pages: number, cause: FlushCause = DEFAULT_CAUSE): number {
    return this.setMemory(pfn, pages, RW, 0, cause);
  }

  /**
   * 7.x tries to collapse leaves after this call, of the addresses it was given. It is never given
   * addresses of the direct map, so that the direct map never grows back (§2.7). A core that wants
   * collapse as a what-if starts here, and counts in counts.collapses.
   */
  setMemoryRox(pfn: number, pages: number, cause: FlushCause = DEFAULT_CAUSE): number {
    return this.setMemory(pfn, pages, 0, RW | DIRTY | NX, cause);
  }

  setMemoryX(pfn: number, pages: number, cause: FlushCause = DEFAULT_CAUSE): number {
    return this.setMemory(pfn, pages, 0, NX, cause);
  }

  setMemoryNx(pfn: number, pages: number, cause: FlushCause = DEFAULT_CAUSE): number {
    return this.setMemory(pfn, pages, NX, 0, cause);
  }

  setMemoryNp(pfn: number, pages: number, cause: FlushCause = DEFAULT_CAUSE): number {
    return this.setMemory(pfn, pages, 0, PRESENT, cause);
  }

  setMemoryP(pfn: number, pages: number, cause: FlushCause = DEFAULT_CAUSE): number {
    return this.setMemory(pfn, pages, PRESENT, 0, cause);
  }

  /** Splits all that is larger than 4K. In 6.12 no entry changes by it, hence no flush at its end. */
  setMemory4k(pfn: number, pages: number, cause: FlushCause = DEFAULT_CAUSE): number {
    return this.cpaFlush(pfn, pages, this.cpa.change(pfn, pages, this.flag4K, 0, true), cause);
  }

  /** Gives pages a protection key, 0 to 15 (§6.2); 0 is every page's key at boot. */
  setKey(pfn: number, pages: number, key: number, cause: FlushCause = DEFAULT_CAUSE): number {
    return this.setMemory(pfn, pages, key << KEY_SHIFT, KEY_MASK, cause);
  }

  /**
   * Gives pages a class as that class's users do, flush included. All pages must have one class before.
   * Back to PLAIN, pages that were absent need no flush: no TLB holds an entry for them (§4.1). Pages that
   * were present, read-only or under a key, get cpa_flush's. On ENOMEM the pages before the one that
   * found no page table have changed, and are not flushed when the class is UNMAPPED: undoing is the caller's.
   */
  setClass(pfn: number, pages: number, pageClass: number, cause: FlushCause = 'perPage'): number {
    if (pageClass === UNMAPPED) {
      const result = this.setDirectMapValid(pfn, pages, false);
      if (result === 0) this.flushKernelRange(pfn, pages, cause);
      return result;
    }
    if (pageClass === PLAIN) {
      if (!this.isPresent(pfn)) return status(this.cpa.change(pfn, pages, PRESENT | RW, KEY_MASK));
      return this.setMemory(pfn, pages, PRESENT | RW, KEY_MASK, cause);
    }
    if (pageClass === READONLY) return this.setMemoryRo(pfn, pages, cause);
    if (pageClass >= PKEY_BASE) return this.setKey(pfn, pages, pageClass - PKEY_BASE, cause);
    // `pagetable` says what a page is for; what protects it is its core's affair.
    return 0;
  }

  // Flushes (§3.1).

  /** flush_tlb_kernel_range(): page by page up to the ceiling, above it everything. */
  flushKernelRange(pfn: number, pages: number, cause: FlushCause): void {
    if (pages > this.ceiling) this.countFull(pfn, pages, cause);
    else this.countRanged(pfn, pages, cause);
  }

  /** flush_tlb_all(). */
  flushAll(cause: FlushCause): void {
    this.countFull(0, 0, cause);
  }

  // What is there.

  isPresent(pfn: number): boolean {
    return (this.wordAt(pfn) & PRESENT) !== 0;
  }

  /** Flags of the leaf above a page, in the bits of leaves.ts; 0 in a hole. */
  flagsOf(pfn: number): number {
    return this.wordAt(pfn) & FLAGS_MASK;
  }

  keyOf(pfn: number): number {
    return (this.wordAt(pfn) & KEY_MASK) >>> KEY_SHIFT;
  }

  /** Pages of the leaf above a page: 1, 512 or 262144; 0 in a hole. */
  leafSizeOf(pfn: number): number {
    const level = this.wordAt(pfn) >>> LEVEL_SHIFT;
    if (level === 0) return 0;
    if (level === LEVEL_4K) return 1;
    return level === LEVEL_2M ? PAGES_PER_2M : PAGES_PER_1G;
  }

  /** Rows as a snapshot has them, pfn ascending, up to the end of memory. */
  runs(): Generator<DirectMapRun> {
    return runsOf(this.leaves, this.endPfn);
  }

  /** The true number of leaves, present or not. */
  census(): LeafCensus {
    const { leaves4K, leaves2M, leaves1G } = this.leaves;
    return { '4K': leaves4K, '2M': leaves2M, '1G': leaves1G };
  }

  /** Pages under any leaf. */
  mappedPages(): number {
    const { leaves4K, leaves2M, leaves1G } = this.leaves;
    return leaves4K + leaves2M * PAGES_PER_2M + leaves1G * PAGES_PER_1G;
  }

  /** Thousandths of mapped memory under 2M and under 1G leaves, rounded down. */
  share(): { '2M': number; '1G': number } {
    const mapped = Math.max(this.mappedPages(), 1);
    return {
      '2M': Math.floor((this.leaves.leaves2M * PAGES_PER_2M * 1000) / mapped),
      '1G': Math.floor((this.leaves.leaves1G * PAGES_PER_1G * 1000) / mapped),
    };
  }

  /** Present 2M leaves that were global once and are not now (§2.8); none where PTI keeps all from it. */
  nonGlobal2M(): number {
    return this.bootIsGlobal ? this.leaves.count2MWithoutGlobal() : 0;
  }

  // For vmalloc-space.ts: the part of a change that reaches the direct map as an alias (§2.6).

  /** Changes the alias of pages that are mapped elsewhere too; the caller flushes. Bits of CPA's result. */
  changeAlias(pfn: number, pages: number, set: number, clear: number): number {
    return this.cpa.change(pfn, pages, set, clear);
  }

  // What ChangePageAttribute asks of the owner of the leaves.

  takePageTable(): boolean {
    return this.pageTableSource === null || this.pageTableSource();
  }

  returnPageTable(): void {
    this.counts.pageTablesReturned++;
    if (this.pageTableReturn !== null) this.pageTableReturn();
  }

  splitDone(level: 2 | 3, pfn: number): void {
    if (level === 3) this.counts.level3Splits++;
    else this.counts.level2Splits++;
    this.counts.pageTablePages++;
    this.meminfo.split(level);
    if (this.observer !== null) this.observer.split(level, pfn);
    this.countFull(pfn, level === 3 ? PAGES_PER_1G : PAGES_PER_2M, 'split');
  }

  private setMemory(pfn: number, pages: number, set: number, clear: number, cause: FlushCause): number {
    return this.cpaFlush(pfn, pages, this.cpa.change(pfn, pages, set, clear), cause);
  }

  /** The end of change_page_attr_set_clr(). Pages of the call count, not pages that changed. */
  private cpaFlush(pfn: number, pages: number, result: number, cause: FlushCause): number {
    if ((result & CHANGED) !== 0) {
      if ((result & FAILED) !== 0 || pages > this.ceiling) {
        this.countFull(pfn, pages, cause);
      } else {
        this.counts.cpaRangedFlushes++;
        this.counts.cpaPagesFlushed += pages;
        this.countRanged(pfn, pages, cause);
      }
    }
    return status(result);
  }

  private countFull(pfn: number, pages: number, cause: FlushCause): void {
    this.counts.fullFlushes++;
    this.counts.byCause[FLUSH_CAUSE_INDEX[cause]]++;
    if (this.afterFullFlush !== null) this.afterFullFlush();
    if (this.observer !== null) this.observer.flush(true, pfn, pages, cause);
  }

  private countRanged(pfn: number, pages: number, cause: FlushCause): void {
    this.counts.rangedFlushes++;
    this.counts.pagesFlushed += pages;
    this.counts.byCause[FLUSH_CAUSE_INDEX[cause]]++;
    if (this.observer !== null) this.observer.flush(false, pfn, pages, cause);
  }

  private wordAt(pfn: number): number {
    const gib = Math.floor(pfn / PAGES_PER_1G);
    return this.leaves.at(gib, pfn - gib * PAGES_PER_1G);
  }
}

function status(result: number): number {
  return (result & FAILED) === 0 ? 0 : ENOMEM;
}
