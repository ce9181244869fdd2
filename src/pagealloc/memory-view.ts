/** What fragmentation metrics read of an allocator's state. Implemented by the shared parts. */

export interface ZoneView {
  /** Kernel zone index. */
  readonly index: number;
  readonly name: string;
  readonly managed: number;
}

export interface MemoryView {
  readonly zones: readonly ZoneView[];
  /** Length of the free list (entries) by position in `zones`, order and freetype index. */
  freeListLength(zone: number, order: number, freetype: number): number;
  /** Pageblocks by freetype index (7 entries) over all zones. */
  pageblocksByFreetype(): number[];
  /** Pageblocks that hold an allocated page of another request type than their own (page-allocator §8.7). */
  mixedPageblocks(): number;
  /** Whole, aligned, free runs of 512 pages on the buddy lists. */
  free2M(): number;
  /**
   * Aligned ranges of 2^order pages that hold at least one page, and those of them that hold at least one
   * allocated unmovable or reclaimable page (facts/field.md §2): [with unmovable, all]. Orders 9, 13, 18.
   */
  unmovableRanges(order: number): [number, number];
  /** Pages on pcp lists. */
  pcpPages(): number;
}

/** For a core that keeps no lists of this kind: all zero, no zones. */
export const EMPTY_MEMORY: MemoryView = {
  zones: [],
  freeListLength: () => 0,
  pageblocksByFreetype: () => [0, 0, 0, 0, 0, 0, 0],
  mixedPageblocks: () => 0,
  free2M: () => 0,
  unmovableRanges: () => [0, 0],
  pcpPages: () => 0,
};
