/**
 * Every event that mm-sim keeps, once: the kernel's name, the kind, and which printed field goes into
 * which column. The scanner, the packed format, `check` and validation read this table.
 * Kernel events: page-allocator §9.1, trace-formats §5; probe events (group mmsim) and markers: the
 * capture kit's README. Events not named here are counted by name and go no further.
 */

export type Column = 'pfn' | 'order' | 'migratetype' | 'gfp' | 'pageClass' | 'a' | 'b' | 'c';

/**
 * How the value is printed. `pfn`: decimal, or hexadecimal by its 0x (trace-formats §5.4). `number`: the
 * same, may be negative. `address`: a kernel address, of which the low 48 bits are kept (an exact double).
 * `gfp`: names joined by | or a number. `name`: a word that is looked up in `words`. `range`: `(start ~ end)`;
 * the end goes into column c.
 */
export type FieldForm = 'pfn' | 'number' | 'address' | 'gfp' | 'name' | 'range';

export interface EventField {
  readonly key: string;
  readonly column: Column;
  readonly form: FieldForm;
  /** For form `name`: the words in the order of their numbers. */
  readonly words?: readonly string[];
  /** An event without this field is malformed. */
  readonly required?: boolean;
  /** The number is a migratetype in the recorded kernel's numbering (migratetype.ts). */
  readonly isMigratetype?: boolean;
}

export interface EventDefinition {
  readonly name: string;
  readonly kind: number;
  readonly fields: readonly EventField[];
}

export const KIND = {
  none: 0,
  alloc: 1,
  free: 2,
  freeBatched: 3,
  zoneLocked: 4,
  extfrag: 5,
  pcpuDrain: 6,
  // compaction and reclaim, as far as they tell what happened to free pages
  compactionBegin: 10,
  compactionEnd: 11,
  compactionIsolateMigratepages: 12,
  compactionIsolateFreepages: 13,
  compactionFastIsolateFreepages: 14,
  compactionTryToCompact: 15,
  compactionFinished: 16,
  compactionSuitable: 17,
  compactionMigratepages: 18,
  kswapdWake: 20,
  kswapdSleep: 21,
  wakeupKswapd: 22,
  directReclaimBegin: 23,
  directReclaimEnd: 24,
  testPagesIsolated: 25,
  // probes of the capture kit: list operations
  decayPcpHigh: 40,
  freeOnePage: 41,
  freePrepared: 42,
  moveFreepagesBlock: 43,
  moveFreepagesBlockPfn: 44,
  reserveHighatomic: 45,
  unreserveHighatomic: 46,
  isolateFreePage: 47,
  isolateFreePageRet: 48,
  putbackIsolatedPage: 49,
  compactionFree: 50,
  allocContigRange: 51,
  setupPerZoneWmarks: 52,
  pcpPut: 53,
  freePagesOk: 54,
  drainPagesZone: 55,
  drainZonePages: 56,
  allocPagesBulk: 57,
  claimBlock: 58,
  isolationSuitableReset: 59,
  wakeupKswapdProbe: 60,
  moveFreelistTail: 61,
  // probes: direct map and TLB
  setDirectMapInvalid: 70,
  setDirectMapDefault: 71,
  setDirectMapValid: 72,
  flushTlbAll: 73,
  flushTlbKernelRange: 74,
  cpaFlush: 75,
  cpaSplit: 76,
  flip: 77,
  // probes: page tables
  ptCtor: 80,
  ptDtor: 81,
  // markers of the capture kit (text, read by markers.ts)
  snapshot: 90,
  requestAlloc: 91,
  requestFree: 92,
  requestDrainAll: 93,
  requestDrainLocal: 94,
  resultPage: 95,
  resultNone: 96,
  bulkPage: 97,
  /** Events were lost before this line; a = how many (0 when not said), cpu = where. */
  lost: 100,
} as const;

const pfn: EventField = { key: 'pfn', column: 'pfn', form: 'pfn', required: true };
const order: EventField = { key: 'order', column: 'order', form: 'number' };
const migratetype: EventField = {
  key: 'migratetype',
  column: 'migratetype',
  form: 'number',
  isMigratetype: true,
};
const gfp: EventField = { key: 'gfp_flags', column: 'gfp', form: 'gfp' };
const zone: EventField = { key: 'zone', column: 'a', form: 'address' };
/** Address of a struct page; pfn = (page - vmemmap) / 64. */
const page: EventField = { key: 'page', column: 'pfn', form: 'address', required: true };
/** Where the two scanners of compaction stand. */
const compactionScanners: readonly EventField[] = [
  { key: 'zone_start', column: 'a', form: 'number' },
  { key: 'migrate_pfn', column: 'b', form: 'number' },
  { key: 'free_pfn', column: 'c', form: 'number' },
];
const isolated: readonly EventField[] = [
  { key: 'range', column: 'pfn', form: 'range' },
  { key: 'nr_scanned', column: 'a', form: 'number' },
  { key: 'nr_taken', column: 'b', form: 'number' },
];

export const EVENTS: readonly EventDefinition[] = [
  { name: 'mm_page_alloc', kind: KIND.alloc, fields: [pfn, { ...order, required: true }, migratetype, gfp] },
  { name: 'mm_page_free', kind: KIND.free, fields: [pfn, order] },
  // 2.6.32 to 3.2 (trace-formats §5.1)
  { name: 'mm_page_free_direct', kind: KIND.free, fields: [pfn, order] },
  { name: 'mm_page_free_batched', kind: KIND.freeBatched, fields: [pfn, order] },
  { name: 'mm_pagevec_free', kind: KIND.freeBatched, fields: [pfn, order] },
  {
    name: 'mm_page_alloc_zone_locked',
    kind: KIND.zoneLocked,
    fields: [pfn, order, migratetype, { key: 'percpu_refill', column: 'a', form: 'number' }],
  },
  {
    name: 'mm_page_alloc_extfrag',
    kind: KIND.extfrag,
    fields: [
      pfn,
      { key: 'alloc_order', column: 'order', form: 'number', required: true },
      {
        key: 'alloc_migratetype',
        column: 'migratetype',
        form: 'number',
        isMigratetype: true,
        required: true,
      },
      { key: 'fallback_order', column: 'a', form: 'number', required: true },
      { key: 'fallback_migratetype', column: 'b', form: 'number', isMigratetype: true, required: true },
      { key: 'change_ownership', column: 'c', form: 'number' },
    ],
  },
  { name: 'mm_page_pcpu_drain', kind: KIND.pcpuDrain, fields: [pfn, order, migratetype] },
  {
    name: 'mm_compaction_begin',
    kind: KIND.compactionBegin,
    fields: compactionScanners,
  },
  {
    name: 'mm_compaction_end',
    kind: KIND.compactionEnd,
    fields: compactionScanners,
  },
  {
    name: 'mm_compaction_isolate_migratepages',
    kind: KIND.compactionIsolateMigratepages,
    fields: isolated,
  },
  {
    name: 'mm_compaction_isolate_freepages',
    kind: KIND.compactionIsolateFreepages,
    fields: isolated,
  },
  {
    name: 'mm_compaction_fast_isolate_freepages',
    kind: KIND.compactionFastIsolateFreepages,
    fields: isolated,
  },
  {
    name: 'mm_compaction_try_to_compact_pages',
    kind: KIND.compactionTryToCompact,
    fields: [
      order,
      { key: 'gfp_mask', column: 'gfp', form: 'gfp' },
      { key: 'priority', column: 'a', form: 'number' },
    ],
  },
  { name: 'mm_compaction_finished', kind: KIND.compactionFinished, fields: [order] },
  { name: 'mm_compaction_suitable', kind: KIND.compactionSuitable, fields: [order] },
  {
    name: 'mm_compaction_migratepages',
    kind: KIND.compactionMigratepages,
    fields: [
      { key: 'nr_migrated', column: 'a', form: 'number' },
      { key: 'nr_failed', column: 'b', form: 'number' },
    ],
  },
  { name: 'mm_vmscan_kswapd_wake', kind: KIND.kswapdWake, fields: [order] },
  { name: 'mm_vmscan_kswapd_sleep', kind: KIND.kswapdSleep, fields: [] },
  { name: 'mm_vmscan_wakeup_kswapd', kind: KIND.wakeupKswapd, fields: [order, gfp] },
  { name: 'mm_vmscan_direct_reclaim_begin', kind: KIND.directReclaimBegin, fields: [order, gfp] },
  {
    name: 'mm_vmscan_direct_reclaim_end',
    kind: KIND.directReclaimEnd,
    fields: [{ key: 'nr_reclaimed', column: 'a', form: 'number' }],
  },
  {
    name: 'test_pages_isolated',
    kind: KIND.testPagesIsolated,
    fields: [
      { key: 'start_pfn', column: 'pfn', form: 'pfn' },
      { key: 'end_pfn', column: 'a', form: 'number' },
    ],
  },

  {
    name: 'decay_pcp_high',
    kind: KIND.decayPcpHigh,
    fields: [
      zone,
      { key: 'pcp', column: 'b', form: 'address' },
      { key: 'count', column: 'pfn', form: 'number' },
      { key: 'high', column: 'c', form: 'number' },
    ],
  },
  {
    name: 'free_one_page',
    kind: KIND.freeOnePage,
    fields: [zone, pfn, order, { key: 'fpi', column: 'b', form: 'number' }],
  },
  {
    name: 'free_prepared',
    kind: KIND.freePrepared,
    fields: [page, { key: 'nr', column: 'a', form: 'number' }],
  },
  {
    name: 'move_freepages_block',
    kind: KIND.moveFreepagesBlock,
    fields: [
      zone,
      page,
      { key: 'old_mt', column: 'b', form: 'number', isMigratetype: true },
      { key: 'new_mt', column: 'migratetype', form: 'number', isMigratetype: true },
      { key: 'unmapped', column: 'c', form: 'number' },
    ],
  },
  {
    name: 'move_freepages_block_pfn',
    kind: KIND.moveFreepagesBlockPfn,
    fields: [
      zone,
      { key: 'start_pfn', column: 'pfn', form: 'pfn', required: true },
      { key: 'old_mt', column: 'b', form: 'number', isMigratetype: true },
      { key: 'new_mt', column: 'migratetype', form: 'number', isMigratetype: true },
      { key: 'unmapped', column: 'c', form: 'number' },
    ],
  },
  {
    name: 'reserve_highatomic',
    kind: KIND.reserveHighatomic,
    fields: [{ ...page, required: false }, order, zone],
  },
  {
    name: 'unreserve_highatomic',
    kind: KIND.unreserveHighatomic,
    fields: [{ key: 'force', column: 'a', form: 'number' }],
  },
  { name: 'isolate_free_page', kind: KIND.isolateFreePage, fields: [page, order] },
  {
    name: 'isolate_free_page_ret',
    kind: KIND.isolateFreePageRet,
    fields: [{ key: 'got', column: 'a', form: 'number' }],
  },
  {
    name: 'putback_isolated_page',
    kind: KIND.putbackIsolatedPage,
    fields: [page, order, { key: 'mt', column: 'migratetype', form: 'number', isMigratetype: true }],
  },
  { name: 'compaction_free', kind: KIND.compactionFree, fields: [{ ...page, key: 'folio' }] },
  {
    name: 'alloc_contig_range',
    kind: KIND.allocContigRange,
    fields: [
      { key: 'start', column: 'pfn', form: 'pfn' },
      { key: 'end', column: 'a', form: 'number' },
    ],
  },
  { name: 'setup_per_zone_wmarks', kind: KIND.setupPerZoneWmarks, fields: [] },
  {
    name: 'pcp_put',
    kind: KIND.pcpPut,
    fields: [
      zone,
      { key: 'pcp', column: 'b', form: 'address' },
      page,
      { key: 'mt', column: 'migratetype', form: 'number', isMigratetype: true },
      order,
    ],
  },
  {
    name: 'free_pages_ok',
    kind: KIND.freePagesOk,
    fields: [page, order, { key: 'fpi', column: 'b', form: 'number' }],
  },
  {
    name: 'drain_pages_zone',
    kind: KIND.drainPagesZone,
    fields: [{ key: 'cpu', column: 'b', form: 'number' }, zone],
  },
  {
    name: 'drain_zone_pages',
    kind: KIND.drainZonePages,
    fields: [zone, { key: 'pcp', column: 'b', form: 'address' }],
  },
  {
    name: 'alloc_pages_bulk',
    kind: KIND.allocPagesBulk,
    fields: [
      { ...gfp, key: 'gfp' },
      { key: 'nr', column: 'a', form: 'number' },
    ],
  },
  {
    name: 'claim_block',
    kind: KIND.claimBlock,
    fields: [
      zone,
      page,
      { key: 'current_order', column: 'b', form: 'number' },
      order,
      { key: 'start_mt', column: 'migratetype', form: 'number', isMigratetype: true },
      { key: 'block_mt', column: 'c', form: 'number', isMigratetype: true },
      // 1 on the freetype kernel, which is UNMAPPED of kernel/classes.ts.
      { key: 'unmapped', column: 'pageClass', form: 'number' },
    ],
  },
  { name: 'isolation_suitable_reset', kind: KIND.isolationSuitableReset, fields: [zone] },
  {
    name: 'wakeup_kswapd',
    kind: KIND.wakeupKswapdProbe,
    fields: [zone, order, { key: 'boost', column: 'b', form: 'number' }],
  },
  {
    name: 'move_freelist_tail',
    kind: KIND.moveFreelistTail,
    fields: [{ key: 'list', column: 'a', form: 'address' }, page],
  },

  { name: 'set_direct_map_invalid', kind: KIND.setDirectMapInvalid, fields: [page] },
  { name: 'set_direct_map_default', kind: KIND.setDirectMapDefault, fields: [page] },
  {
    name: 'set_direct_map_valid',
    kind: KIND.setDirectMapValid,
    fields: [page, { key: 'nr', column: 'a', form: 'number' }, { key: 'valid', column: 'b', form: 'number' }],
  },
  { name: 'flush_tlb_all', kind: KIND.flushTlbAll, fields: [] },
  {
    name: 'flush_tlb_kernel_range',
    kind: KIND.flushTlbKernelRange,
    fields: [
      { key: 'start', column: 'a', form: 'address' },
      { key: 'end', column: 'b', form: 'address' },
    ],
  },
  { name: 'cpa_flush', kind: KIND.cpaFlush, fields: [{ key: 'numpages', column: 'a', form: 'number' }] },
  { name: 'cpa_split', kind: KIND.cpaSplit, fields: [] },
  {
    name: 'flip',
    kind: KIND.flip,
    fields: [
      pfn,
      { key: 'blocks', column: 'a', form: 'number' },
      { key: 'mapped', column: 'b', form: 'number' },
      { key: 'request_order', column: 'order', form: 'number' },
      { key: 'what', column: 'c', form: 'number' },
    ],
  },
  { name: 'pt_ctor', kind: KIND.ptCtor, fields: [page, { key: 'nr', column: 'a', form: 'number' }] },
  { name: 'pt_dtor', kind: KIND.ptDtor, fields: [page, { key: 'nr', column: 'a', form: 'number' }] },
];
