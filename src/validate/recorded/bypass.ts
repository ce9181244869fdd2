/** What the lines of mm_page_free mean at buddy level: bypasses.ts and free-runs.ts find it, recorded.ts does it. */

/** Not at this line: to a pcp list, or told by an event of its own. */
export const NO_BYPASS = 0;
/** Into the buddy lists at this line. */
export const BYPASS = 1;
/** The same with FPI_TO_TAIL, as alloc_pages_exact() alone does (§2.9, R11). */
export const BYPASS_TO_TAIL = 2;
/** The last line of a run that is freed as aligned chunks (§2.10, R10). */
export const END_OF_RUN = 3;
/** No free at all: compaction kept the page (§9.2 item 4). */
export const NO_FREE = 4;

export interface Chunk {
  readonly pfn: number;
  readonly order: number;
}

export interface Bypasses {
  /** One of the above for each mm_page_free, by index of the event. */
  readonly at: Uint8Array;
  /** For the last line of a run: the chunks that enter the buddy lists there, in order. */
  readonly chunks: ReadonlyMap<number, readonly Chunk[]>;
}

export interface BypassContext {
  readonly endPfn: number;
  readonly vmemmap: number;
  readonly zoneOf: (pfn: number) => number;
  readonly gfpBits: (gfp: number) => number;
  /** vfree() and its like free contiguous pages as chunks (page-allocator §10). */
  readonly freesInChunks: boolean;
}
