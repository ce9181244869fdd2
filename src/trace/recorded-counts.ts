/**
 * What the recorded kernel did itself, counted from its events: the column `recorded` that stands beside
 * the simulated cores. Facts: direct-map-and-rivals §3.1, field §3, captures README §6.
 */
import { MIGRATE_MOVABLE, MIGRATE_UNMOVABLE } from '../kernel/migratetypes.js';
import { PAGE_SIZE, PAGEBLOCK_ORDER } from '../kernel/orders.js';

/** Pages that a range flush invalidates one by one; more make it a full flush (direct-map-and-rivals §3.1). */
const SINGLE_PAGE_FLUSH_CEILING = 33;
/** The direct map without KASLR, as low 48 bits: 64 TiB from page_offset on. Flushes elsewhere are vmalloc's. */
const DEFAULT_PAGE_OFFSET = 0x888000000000;
const DIRECT_MAP_BYTES = 2 ** 46;
/** The recorded kernel's own counts, for the result's `recorded`. */
export interface RecordedCounts {
  readonly splits: { readonly level2: number; readonly level3: number };
  /** Flushes of the direct map by effect; flush_tlb_all and ranges above the ceiling are full. */
  readonly shootdowns: { readonly full: number; readonly ranged: number };
  readonly extfrag: {
    readonly all: number;
    readonly fragmenting: number;
    readonly forUnmovable: number;
    readonly unmovableIntoMovable: number;
  };
  /** flush_tlb_kernel_range of other address ranges (vmalloc areas): not in `shootdowns`. */
  readonly otherFlushes: number;
}

export class RecordedCounter {
  /** Splits that announce themselves: cpa_split, of the freetype captures. */
  cpaSplits = 0;
  /** Splits told by their page-table page and flush_tlb_all. */
  splitFlushes = 0;
  private readonly pageOffset: number;
  private full = 0;
  private ranged = 0;
  private otherFlushes = 0;
  private all = 0;
  private fragmenting = 0;
  private forUnmovable = 0;
  private unmovableIntoMovable = 0;

  /** `pageOffset`: low 48 bits of the direct map's begin. */
  constructor(pageOffset: number = DEFAULT_PAGE_OFFSET) {
    this.pageOffset = pageOffset;
  }

  flushAll(): void {
    this.full++;
  }

  flushRange(start: number, end: number): void {
    if (start < this.pageOffset || start >= this.pageOffset + DIRECT_MAP_BYTES) this.otherFlushes++;
    else if (end - start > SINGLE_PAGE_FLUSH_CEILING * PAGE_SIZE) this.full++;
    else this.ranged++;
  }

  /** Nested: each count is within the one before. */
  fallback(migratetype: number, fallbackOrder: number, fallbackMigratetype: number): void {
    this.all++;
    if (fallbackOrder >= PAGEBLOCK_ORDER) return;
    this.fragmenting++;
    if (migratetype !== MIGRATE_UNMOVABLE) return;
    this.forUnmovable++;
    if (fallbackMigratetype === MIGRATE_MOVABLE) this.unmovableIntoMovable++;
  }

  /** `vmeventDelta`: the kernel's own counters from capture.json, where there is one. */
  finish(vmeventDelta?: Readonly<Record<string, number>>): RecordedCounts {
    const { all, fragmenting, forUnmovable, unmovableIntoMovable } = this;
    return {
      // Without the counters the level of a split is not known: all but machines with 1G leaves split 2M alone.
      splits: vmeventDelta
        ? {
            level2: vmeventDelta.direct_map_level2_splits ?? 0,
            level3: vmeventDelta.direct_map_level3_splits ?? 0,
          }
        : { level2: Math.max(this.splitFlushes, this.cpaSplits), level3: 0 },
      shootdowns: { full: this.full, ranged: this.ranged },
      extfrag: { all, fragmenting, forUnmovable, unmovableIntoMovable },
      otherFlushes: this.otherFlushes,
    };
  }
}
