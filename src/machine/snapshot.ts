/**
 * The exact state of an allocator at one instant, as a capture's state file holds it: free lists, pcp
 * lists and pageblocks in order. Read by state-file.ts; the start state `capture` is built from it.
 */

/** One free list, head first. */
export interface FreeListState {
  readonly zone: number;
  readonly order: number;
  /** Index of kernel/migratetypes.ts: renumbered for kernels without CMA; 6 = unmapped unmovable. */
  readonly freetype: number;
  readonly pfns: Float64Array;
}

export interface PcpListState {
  /** The kernel's pindex: 0 to 13, with the series 0 to 18 (freetype-series §3.2). */
  readonly index: number;
  /** Head first. */
  readonly pfns: Float64Array;
}

export interface PcpState {
  readonly zone: number;
  readonly cpu: number;
  /** Low 48 bits of the structure's address: probe events name it. */
  readonly address: number;
  readonly count: number;
  readonly high: number;
  readonly highMin: number;
  readonly highMax: number;
  readonly batch: number;
  readonly flags: number;
  readonly allocFactor: number;
  readonly freeCount: number;
  readonly lists: readonly PcpListState[];
}

/** A run of pageblocks with the same bits. */
export interface PageblockRun {
  readonly zone: number;
  readonly startPfn: number;
  readonly blocks: number;
  /** Renumbered as above; for a block in isolation the type under the isolate bit. */
  readonly migratetype: number;
  readonly skip: boolean;
  readonly isolate: boolean;
  readonly unmapped: boolean;
}

export interface ZoneState {
  readonly zone: number;
  /** Low 48 bits of the zone's address: probe events name it. */
  readonly address: number;
  readonly boost: number;
  readonly boosted: boolean;
  readonly reclaimActive: boolean;
  readonly belowHigh: boolean;
  readonly nrReservedHighatomic: number;
  readonly nrFreeHighatomic: number;
  /** The counter as the watermark checks read it, and each CPU's part that is not folded in yet. */
  readonly nrFreePages: number;
  readonly nrFreePagesPerCpu: readonly number[];
  readonly nrFreeCma: number;
  readonly statThreshold: number;
  /** 0 where the counter cannot hide that the zone is below its marks (page-allocator §1.7). */
  readonly percpuDriftMark: number;
}

/**
 * A zone as a state file tells it: beside what changes, its layout and sizes, from which machineOfSnapshot
 * builds the machine. Hand-made snapshots need only ZoneState.
 */
export interface ZoneRecord extends ZoneState {
  readonly startPfn: number;
  readonly spanned: number;
  readonly present: number;
  readonly managed: number;
  /** `_watermark[]`, without boost. */
  readonly watermark: {
    readonly min: number;
    readonly low: number;
    readonly high: number;
    readonly promo: number;
  };
  /** By highest zone index of the request; 7.3 prints one entry less when a zone is not configured. */
  readonly lowmemReserve: readonly number[];
  readonly pcpSizes: { readonly batch: number; readonly highMin: number; readonly highMax: number };
}

/** A run of equal entries of the direct map. */
export interface DirectMapRun {
  readonly startPfn: number;
  readonly pages: number;
  readonly level: '4K' | '2M' | '1G' | 'none';
  /** x86 bits P 1, RW 2, PSE 0x80, G 0x100, and NX as 2^63 in the text: here nx as its own field. */
  readonly bits: number;
  readonly nx: boolean;
  /** pfn of the page-table page of 4K entries; 0 where there is none. */
  readonly pageTable: number;
}

/** What pages were used for, by the kernel's own view. */
export interface PageUseRun {
  readonly startPfn: number;
  readonly pages: number;
  /** 'buddy', 'ref0', 'slab', 'pagetable', 'hugetlb', 'lru_anon', 'lru_file', 'lru_shmem', 'anon', 'reserved', 'other', 'absent'. */
  readonly use: string;
  readonly order: number;
}

export interface Snapshot {
  readonly number: number;
  readonly kernel: string;
  readonly cpus: number;
  /** Low 48 bits, for the addresses that probe events print. */
  readonly vmemmap: number;
  readonly structPage: number;
  readonly pageOffset: number;
  readonly lastPfn: number;
  /** The kernel carries the freetype series. */
  readonly freetypes: boolean;
  /** The kernel counts CMA as a migratetype, so that Isolate is 5 and not 4. */
  readonly hasCma: boolean;
  readonly variables: ReadonlyMap<string, string>;
  readonly zones: readonly ZoneState[];
  readonly freeLists: readonly FreeListState[];
  readonly pcps: readonly PcpState[];
  readonly pageblocks: readonly PageblockRun[];
  readonly directMap: readonly DirectMapRun[];
  readonly pageUses: readonly PageUseRun[];
  readonly vmevents: ReadonlyMap<string, number>;
}

/** What readStateFile returns. */
export interface StateSnapshot extends Snapshot {
  readonly zones: readonly ZoneRecord[];
}

/** Low 48 bits of a struct page's address to the pfn it stands for. */
export function pfnOfPage(address: number, snapshot: { vmemmap: number; structPage: number }): number {
  return (address - snapshot.vmemmap) / snapshot.structPage;
}
