/**
 * Areas of vmalloc and module space whose pages have an alias in the direct map: what set_memory_* on
 * such an area does to both mappings (direct-map-and-rivals §2.6, §2.7, §4.2). execmem's cache and BPF's
 * program pack are built on it.
 *
 * An area that is mapped with 4K leaves changes its alias page by page and so splits it; one mapped with
 * 2M leaves changes 512 pages of the alias at once and keeps it. Splits here cost a page table and a full
 * flush like any, but the kernel counts them nowhere: `vmallocSplits` does.
 *
 * Not modelled: reuse of addresses, and the lazily freed areas that a later flush purges (§2.5).
 */

import type { Machine } from '../machine/machine.js';
import { CHANGED, ChangePageAttribute, FAILED, type SplitHost } from './change-page-attribute.js';
import type { FlushCause } from './counts.js';
import { type DirectMap, ENOMEM } from './direct-map.js';
import {
  BOOT_FLAGS,
  DIRTY,
  FLAGS_MASK,
  KERNEL_4K,
  LEVEL_2M,
  LEVEL_4K,
  LEVEL_SHIFT,
  Leaves,
  NX,
  PAGES_PER_1G,
  PAGES_PER_2M,
  PRESENT,
  RW,
} from './leaves.js';

/** 32 TiB, in pages: the vmalloc space of 4-level page tables. */
const SPACE_PAGES = 2 ** 33;

export interface VmallocArea {
  /** Page number within the space; a multiple of 512. */
  readonly start: number;
  /** pfn of each page. */
  readonly pfns: Float64Array;
}

export class VmallocSpace implements SplitHost {
  /** As of DirectMap, for tables of this space; null: granted without a word. */
  pageTableSource: (() => boolean) | null = null;
  pageTableReturn: (() => void) | null = null;
  /** Told of every table that a collapse gives back. */
  pageTableFreed: (() => void) | null = null;

  private readonly directMap: DirectMap;
  private readonly leaves = new Leaves(SPACE_PAGES);
  private readonly cpa: ChangePageAttribute;
  private readonly collapses: boolean;
  private nextStart = 0;

  constructor(machine: Machine, directMap: DirectMap) {
    this.directMap = directMap;
    this.cpa = new ChangePageAttribute(this.leaves, directMap.counts, this);
    // 6.12 has no code for it (§2.7).
    this.collapses = machine.rules.version !== '6.12';
  }

  /**
   * Maps pages with PAGE_KERNEL. `huge`: 2M leaves for each 512 pages that are contiguous and aligned,
   * else 4K leaves throughout. No flush.
   */
  map(pfns: Float64Array, huge: boolean): VmallocArea {
    const start = this.nextStart;
    // Whole 2M ranges and a gap, so that areas never share a table: blocks stand 4 MiB apart (§8.1).
    this.nextStart += (Math.ceil(pfns.length / PAGES_PER_2M) + 1) * PAGES_PER_2M;
    for (let i = 0; i < pfns.length; i += PAGES_PER_2M) {
      const pages = Math.min(PAGES_PER_2M, pfns.length - i);
      const level = huge && isContiguous2M(pfns, i) ? LEVEL_2M : LEVEL_4K;
      this.leaves.map(start + i, start + i + pages, BOOT_FLAGS, level);
    }
    return { start, pfns };
  }

  setMemoryRo(area: VmallocArea, first: number, pages: number, cause: FlushCause = 'other'): number {
    return this.setMemory(area, first, pages, 0, RW | DIRTY, cause);
  }

  setMemoryRw(area: VmallocArea, first: number, pages: number, cause: FlushCause = 'other'): number {
    return this.setMemory(area, first, pages, RW, 0, cause);
  }

  setMemoryX(area: VmallocArea, first: number, pages: number, cause: FlushCause = 'other'): number {
    return this.setMemory(area, first, pages, 0, NX, cause);
  }

  setMemoryNx(area: VmallocArea, first: number, pages: number, cause: FlushCause = 'other'): number {
    return this.setMemory(area, first, pages, NX, 0, cause);
  }

  /** In 7.x tries to make 2M leaves of the area again, never of the alias (§2.7). */
  setMemoryRox(area: VmallocArea, first: number, pages: number, cause: FlushCause = 'other'): number {
    const result = this.setMemory(area, first, pages, 0, RW | DIRTY | NX, cause);
    if (result === 0 && this.collapses) this.collapse(area, first, pages, cause);
    return result;
  }

  /**
   * vfree() of an area with VM_FLUSH_RESET_PERMS: every page absent, one flush over all, every page back
   * (§4.2). 0 or ENOMEM; the kernel goes on all the same, and so does this.
   */
  free(area: VmallocArea, cause: FlushCause = 'other'): number {
    const { pfns } = area;
    let result = 0;
    let lowest = pfns[0];
    let highest = pfns[0];
    for (const pfn of pfns) {
      if (this.directMap.setDirectMapInvalid(pfn) !== 0) result = ENOMEM;
      lowest = Math.min(lowest, pfn);
      highest = Math.max(highest, pfn);
    }
    this.directMap.flushKernelRange(lowest, highest - lowest + 1, cause);
    for (const pfn of pfns) if (this.directMap.setDirectMapDefault(pfn) !== 0) result = ENOMEM;
    this.unmap(area);
    return result;
  }

  /** Forgets an area without a flush, as a lazily purged vfree() of ordinary memory. */
  unmap(area: VmallocArea): void {
    for (let i = 0; i < area.pfns.length; i += PAGES_PER_2M) {
      const [gib, page] = split(area.start + i);
      this.leaves.unmap2M(gib, page);
    }
  }

  /** Pages of the leaf that maps page `index` of an area: 1 or 512. */
  leafSizeOf(area: VmallocArea, index: number): number {
    return this.wordAt(area.start + index) >>> LEVEL_SHIFT === LEVEL_2M ? PAGES_PER_2M : 1;
  }

  flagsOf(area: VmallocArea, index: number): number {
    return this.wordAt(area.start + index) & FLAGS_MASK;
  }

  takePageTable(): boolean {
    return this.pageTableSource === null || this.pageTableSource();
  }

  returnPageTable(): void {
    if (this.pageTableReturn !== null) this.pageTableReturn();
  }

  splitDone(): void {
    this.directMap.counts.vmallocSplits++;
    this.directMap.flushAll('split');
  }

  private setMemory(
    area: VmallocArea,
    first: number,
    pages: number,
    set: number,
    clear: number,
    cause: FlushCause,
  ): number {
    let result = 0;
    for (let index = first; index < first + pages && (result & FAILED) === 0; ) {
      const inLeaf = this.leafSizeOf(area, index) === 1 ? 1 : PAGES_PER_2M - (index % PAGES_PER_2M);
      const step = Math.min(inLeaf, first + pages - index);
      result |= this.cpa.change(area.start + index, step, set, clear);
      if ((result & FAILED) !== 0) break;
      // The direct map is never executable: X is no business of the alias.
      result |= this.changeAlias(area, index, step, set & ~NX, clear & ~NX);
      index += step;
    }
    // An alias was visited: all CPUs drop everything, however few the pages (§2.6).
    if ((result & CHANGED) !== 0) this.directMap.flushAll(cause);
    return (result & FAILED) === 0 ? 0 : ENOMEM;
  }

  private changeAlias(area: VmallocArea, index: number, pages: number, set: number, clear: number): number {
    if (set === 0 && clear === 0) return 0;
    if (this.leafSizeOf(area, index) !== 1) {
      return this.directMap.changeAlias(area.pfns[index], pages, set, clear);
    }
    // A leaf that this change has split counts as 4K: the kernel's steps after the split are single pages.
    let result = 0;
    for (let i = index; i < index + pages && (result & FAILED) === 0; i++) {
      result |= this.directMap.changeAlias(area.pfns[i], 1, set, clear);
    }
    return result;
  }

  private collapse(area: VmallocArea, first: number, pages: number, cause: FlushCause): void {
    let collapsed = 0;
    const start = first - (first % PAGES_PER_2M);
    for (let index = start; index < first + pages; index += PAGES_PER_2M) {
      if (!isContiguous2M(area.pfns, index)) continue;
      const word = this.wordAt(area.start + index);
      if ((word & (PRESENT | KERNEL_4K)) !== PRESENT) continue;
      const [gib, page] = split(area.start + index);
      if (!this.leaves.collapseTo2M(gib, page)) continue;
      collapsed++;
      this.directMap.counts.vmallocCollapses++;
    }
    if (collapsed === 0) return;
    this.directMap.flushAll(cause);
    if (this.pageTableFreed !== null) for (let i = 0; i < collapsed; i++) this.pageTableFreed();
  }

  private wordAt(at: number): number {
    const [gib, page] = split(at);
    return this.leaves.at(gib, page);
  }
}

/** 512 pages from `index` on, consecutive and aligned. */
function isContiguous2M(pfns: Float64Array, index: number): boolean {
  if (index + PAGES_PER_2M > pfns.length || pfns[index] % PAGES_PER_2M !== 0) return false;
  for (let i = 1; i < PAGES_PER_2M; i++) if (pfns[index + i] !== pfns[index] + i) return false;
  return true;
}

function split(at: number): [gib: number, page: number] {
  const gib = Math.floor(at / PAGES_PER_1G);
  return [gib, at - gib * PAGES_PER_1G];
}
