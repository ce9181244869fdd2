/**
 * Migratetypes in the numbering of a kernel with CMA (7.3): traces and states of other kernels are
 * renumbered where they are read. Source: page-allocator §0.3; the swap of 1 and 2 in 4.4: trace-formats §5.6.
 */

export const MIGRATE_UNMOVABLE = 0;
export const MIGRATE_MOVABLE = 1;
export const MIGRATE_RECLAIMABLE = 2;
/** Types below this one may merge, may be claimed, and have pcp lists. */
export const MIGRATE_PCPTYPES = 3;
export const MIGRATE_HIGHATOMIC = 3;
export const MIGRATE_CMA = 4;
export const MIGRATE_ISOLATE = 5;
export const MIGRATE_TYPES = 6;

/**
 * A freetype is a migratetype plus flags, and only the combinations with a free list have an index:
 * each migratetype without flags, and unmovable pages that are absent from the direct map
 * (freetype-series §2.2).
 */
export const FREETYPE_UNMAPPED_UNMOVABLE = MIGRATE_TYPES;
export const NR_FREETYPE_IDXS = MIGRATE_TYPES + 1;

/**
 * Types whose lists are raided when the own ones are empty, in order of search, by start type
 * (page-allocator §0.3). Highatomic, CMA and isolated pages have none and are never raided.
 */
export const FALLBACKS: readonly (readonly [number, number])[] = [
  [MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE],
  [MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE],
  [MIGRATE_UNMOVABLE, MIGRATE_MOVABLE],
];

/** Names of freetypes in results, by freetype index (DESIGN §5). */
export const FREETYPE_NAMES = [
  'unmovable',
  'movable',
  'reclaimable',
  'highatomic',
  'cma',
  'isolate',
  'unmovable+unmapped',
] as const;

/** Names as /proc/pagetypeinfo prints them (page-allocator §8.6). */
export const PAGETYPEINFO_NAMES = [
  'Unmovable',
  'Movable',
  'Reclaimable',
  'HighAtomic',
  'CMA',
  'Isolate',
] as const;
