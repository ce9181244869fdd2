/**
 * Counts of what changes of the direct map cost. Flushes are counted by effect: a range above the ceiling
 * is a full flush (direct-map-and-rivals §3.1).
 */

/** Why a TLB flush was made; the order of DESIGN §5. */
export const FLUSH_CAUSES = ['split', 'flipToUnmapped', 'flipToMapped', 'perPage', 'batch', 'other'] as const;
export type FlushCause = (typeof FLUSH_CAUSES)[number];

/** Index of a cause in FLUSH_CAUSES. */
export const FLUSH_CAUSE_INDEX: Readonly<Record<FlushCause, number>> = {
  split: 0,
  flipToUnmapped: 1,
  flipToMapped: 2,
  perPage: 3,
  batch: 4,
  other: 5,
};

export interface LeafCensus {
  '4K': number;
  '2M': number;
  '1G': number;
}

export class DirectMapCounts {
  level2Splits = 0;
  level3Splits = 0;
  pageTablePages = 0;
  /** Page-table pages that a nested request made needless: taken for a split, given back at once. */
  pageTablesReturned = 0;
  collapses = 0;
  /** Splits of leaves in vmalloc and module space: no counter of the kernel shows them (§2.6). */
  vmallocSplits = 0;
  vmallocCollapses = 0;
  fullFlushes = 0;
  rangedFlushes = 0;
  /** Pages of ranged flushes. */
  pagesFlushed = 0;
  /**
   * Those of the ranged flushes that cpa_flush made, and their pages: IPIs even where INVLPGB
   * spares them for all others (direct-map-and-rivals §3.1).
   */
  cpaRangedFlushes = 0;
  cpaPagesFlushed = 0;
  /** Flushes, full and ranged, by index of FLUSH_CAUSES. */
  readonly byCause = new Float64Array(FLUSH_CAUSES.length);
  /** Entries rewritten, of any size: for the derived time. */
  entriesChanged = 0;
  /** Pages promised to a class whose flush is still owed, now (baseline:flush=batch:N or never). */
  windowPages = 0;
  /** Pages whose flush was owed at some time. */
  windowPagesTotal = 0;
  /** The same, integrated over time: page-nanoseconds. */
  windowPageNs = 0;
}
