/**
 * Every number of a validation, once, in the order in which results print it. Tables, CSV, `--require`,
 * `list metrics` and the JSON Schema read this table; the type below makes the compiler refuse a key that a
 * Validation does not have, and a number of it that is not here.
 */

import type { FirstMiss, Validation } from './validation.js';

export interface ValidationMeasure {
  readonly label: string;
  readonly unit: string;
  /** Keys of the number that 100 % stands for; their sum, where there are several. */
  readonly of?: readonly MeasureKey[];
  readonly better: 'higher' | 'lower' | 'neither';
  readonly formula: string;
  /** Fact section. */
  readonly source: string;
}

/** Paths by dots of all numbers in T. Entries of an array are named by their number: `N` stands for it. */
type NumberPaths<T> = {
  [Key in keyof T & string]: NonNullable<T[Key]> extends number
    ? Key
    : NonNullable<T[Key]> extends readonly (infer Entry)[]
      ? `${Key}.N.${NumberPaths<Entry>}`
      : NonNullable<T[Key]> extends object
        ? `${Key}.${NumberPaths<NonNullable<T[Key]>>}`
        : never;
}[keyof T & string];

/** What names things and counts nothing: the place of the first miss, and the entries' own numbers. */
type NoMeasure =
  | `firstMiss.${keyof FirstMiss}`
  | 'recorded.middle.N.snapshot'
  | 'simulated.freeRunning.firstDifference';

export type MeasureKey = Exclude<NumberPaths<Validation>, NoMeasure>;

export const MEASURES: { readonly [Key in MeasureKey]: ValidationMeasure } = {
  'recorded.allocations': {
    label: 'blocks taken from the free lists',
    unit: 'blocks',
    better: 'neither',
    formula: 'mm_page_alloc_zone_locked and mm_page_alloc_extfrag between the snapshots, one a taking',
    source: 'page-allocator §9.5 R2-R5',
  },
  'recorded.exact': {
    label: 'blocks chosen as the kernel did',
    unit: 'blocks',
    of: ['recorded.allocations'],
    better: 'higher',
    formula: 'same pfn, from its own list or by the same claim or steal; after a miss the model is put right',
    source: 'page-allocator §3, §12.1',
  },
  'recorded.inferred.bypasses': {
    label: 'frees past the pcp lists, inferred',
    unit: 'frees',
    better: 'lower',
    formula: 'frees to the buddy lists that no event tells, found by rule',
    source: 'page-allocator §9.5 R12',
  },
  'recorded.inferred.rotations': {
    label: 'rotations of free lists, inferred',
    unit: 'rotations',
    better: 'lower',
    formula: "lists that compaction turned without an event, read off the kernel's next choice",
    source: 'page-allocator §9.5 R16',
  },
  'recorded.inferred.corrections': {
    label: 'pages and block types set right',
    unit: 'corrections',
    better: 'lower',
    formula:
      'pages free in the model when an event shows them in use, and pageblocks of another type than an event says',
    source: 'page-allocator §9.5 R9, R14',
  },
  'recorded.freeLists': {
    label: 'free lists at the end',
    unit: 'lists',
    better: 'neither',
    formula: 'lists by zone, order and type that are not empty in the model or in snapshot 2',
    source: 'page-allocator §1.2',
  },
  'recorded.freeListsEqual': {
    label: 'free lists equal, in order',
    unit: 'lists',
    of: ['recorded.freeLists'],
    better: 'higher',
    formula: 'lists with the same blocks in the same order',
    source: 'page-allocator §2.3',
  },
  'recorded.listEntries': {
    label: 'free blocks at the end',
    unit: 'blocks',
    better: 'neither',
    formula: 'entries of all free lists of snapshot 2',
    source: 'page-allocator §1.2',
  },
  'recorded.listEntriesEqual': {
    label: 'free blocks at their place',
    unit: 'blocks',
    of: ['recorded.listEntries'],
    better: 'higher',
    formula: "entries of snapshot 2 that stand at the same place of the model's list",
    source: 'page-allocator §2.3',
  },
  'recorded.pageblocks': {
    label: 'pageblocks',
    unit: 'pageblocks',
    better: 'neither',
    formula: 'pageblocks of snapshot 2',
    source: 'page-allocator §1.5',
  },
  'recorded.pageblocksEqual': {
    label: 'pageblock types equal',
    unit: 'pageblocks',
    of: ['recorded.pageblocks'],
    better: 'higher',
    formula: 'same migratetype, isolation and side of the direct map',
    source: 'page-allocator §1.5, freetype-series §2.4',
  },
  'recorded.extfrag.recorded': {
    label: 'fallbacks',
    unit: 'fallbacks',
    better: 'neither',
    formula: 'mm_page_alloc_extfrag without captures by compaction',
    source: 'page-allocator §3.5, §3.7',
  },
  'recorded.extfrag.equal': {
    label: 'fallbacks equal',
    unit: 'fallbacks',
    of: ['recorded.extfrag.recorded'],
    better: 'higher',
    formula: 'same page, claim or steal, fallback order and type',
    source: 'page-allocator §3.4, §12.2',
  },
  'recorded.middle.N.listEntries': {
    label: 'free blocks at snapshot N',
    unit: 'blocks',
    better: 'neither',
    formula: 'entries of all free lists of snapshot N',
    source: 'page-allocator §1.2',
  },
  'recorded.middle.N.listEntriesEqual': {
    label: 'free blocks at their place at snapshot N',
    unit: 'blocks',
    of: ['recorded.middle.N.listEntries'],
    better: 'higher',
    formula: "entries of snapshot N that stand at the same place of the model's list",
    source: 'page-allocator §2.3',
  },

  'simulated.allocations': {
    label: 'requests served',
    unit: 'requests',
    better: 'neither',
    formula: 'mm_page_alloc with a page between the snapshots',
    source: 'page-allocator §9.1',
  },
  'simulated.exact': {
    label: 'pages chosen as the kernel did',
    unit: 'requests',
    of: ['simulated.allocations'],
    better: 'higher',
    formula: 'atHead + reordered',
    source: 'page-allocator §12.3',
  },
  'simulated.atHead': {
    label: "the model's page at the line",
    unit: 'requests',
    of: ['simulated.allocations'],
    better: 'higher',
    formula: "the model's next page is the kernel's",
    source: 'page-allocator §4.2',
  },
  'simulated.reordered': {
    label: "the model's page, told early or late",
    unit: 'requests',
    of: ['simulated.allocations'],
    better: 'neither',
    formula:
      'the page was chosen at its list operation; the interleaving of tasks explains where its line stands',
    source: 'page-allocator §9.5 R13',
  },
  'simulated.missed': {
    label: 'missed',
    unit: 'requests',
    of: ['simulated.allocations'],
    better: 'lower',
    formula: 'allocations - exact; the model then adopts the page of the kernel',
    source: 'page-allocator §12.3',
  },
  'simulated.putRight': {
    label: 'corrections after a miss',
    unit: 'times',
    better: 'lower',
    formula: 'after each miss, and where the lists of the model contradicted themselves',
    source: 'page-allocator §9.5',
  },
  'simulated.silent': {
    label: 'pages taken without a line, inferred',
    unit: 'pages',
    better: 'lower',
    formula: 'pages that left a pcp list without a mm_page_alloc',
    source: 'page-allocator §9.5 R14',
  },
  'simulated.pcpLists': {
    label: 'pcp lists at the end',
    unit: 'lists',
    better: 'neither',
    formula: 'lists by CPU, zone and index that are not empty in the model or in snapshot 2',
    source: 'page-allocator §4.1',
  },
  'simulated.pcpListsEqual': {
    label: 'pcp lists equal, in order',
    unit: 'lists',
    of: ['simulated.pcpLists'],
    better: 'higher',
    formula: 'lists with the same pages in the same order',
    source: 'page-allocator §4.5',
  },
  'simulated.failures.recorded': {
    label: 'requests that the kernel did not serve',
    unit: 'requests',
    better: 'neither',
    formula: 'mm_page_alloc without a page, and announced requests refused at once',
    source: 'page-allocator §9.1, captures FREETYPE.md',
  },
  'simulated.failures.model': {
    label: 'of these the model serves none',
    unit: 'requests',
    of: ['simulated.failures.recorded'],
    better: 'higher',
    formula: 'one step: requests that fail in the model, too',
    source: 'page-allocator §5.5',
  },
  'simulated.freeRunning.buddyEvents': {
    label: 'buddy events',
    unit: 'events',
    better: 'neither',
    formula: 'takings (as above) and mm_page_pcpu_drain between the snapshots',
    source: 'page-allocator §12.3',
  },
  'simulated.freeRunning.sameBuddyEvents': {
    label: 'buddy events before the first difference',
    unit: 'events',
    of: ['simulated.freeRunning.buddyEvents'],
    better: 'higher',
    formula: 'never corrected: takings and drains with the same page and order, from the start on',
    source: 'page-allocator §12.3',
  },
  'simulated.freeRunning.buddyinfoError': {
    label: 'largest error of buddyinfo',
    unit: 'blocks',
    better: 'lower',
    formula: 'never corrected: largest difference of a count at the end, over zones and orders',
    source: 'page-allocator §8.5',
  },
  'simulated.freeRunning.pagetypeinfoError': {
    label: 'largest error of pagetypeinfo',
    unit: 'blocks',
    better: 'lower',
    formula: 'never corrected: largest difference of a count at the end, over zones, types and orders',
    source: 'page-allocator §8.6',
  },
  'simulated.freeRunning.extfrag.recorded': {
    label: 'fallbacks, recorded',
    unit: 'fallbacks',
    better: 'neither',
    formula: 'mm_page_alloc_extfrag without captures by compaction',
    source: 'page-allocator §3.4',
  },
  'simulated.freeRunning.extfrag.predicted': {
    label: 'fallbacks, predicted',
    unit: 'fallbacks',
    of: ['simulated.freeRunning.extfrag.recorded'],
    better: 'neither',
    formula: 'never corrected: claims and steals that the model made by itself',
    source: 'page-allocator §3.4',
  },
  'simulated.freeRunning.inLineOrder.sameBuddyEvents': {
    label: 'the same, in the order of lines',
    unit: 'events',
    of: ['simulated.freeRunning.buddyEvents'],
    better: 'higher',
    formula: 'as above, but requests take their pages in the order of their lines: R13 infers no other',
    source: 'page-allocator §9.5 R13',
  },
  'simulated.freeRunning.inLineOrder.buddyinfoError': {
    label: 'largest error of buddyinfo, in the order of lines',
    unit: 'blocks',
    better: 'lower',
    formula: 'as above, in the order of lines',
    source: 'page-allocator §8.5',
  },
  'simulated.freeRunning.inLineOrder.predicted': {
    label: 'fallbacks, predicted in the order of lines',
    unit: 'fallbacks',
    of: ['simulated.freeRunning.extfrag.recorded'],
    better: 'neither',
    formula: 'as above, in the order of lines',
    source: 'page-allocator §3.4',
  },

  ...twice('directMap.level2Splits', '2M leaves split', 'splits', {
    recorded: 'direct_map_level2_splits, difference of the snapshots',
    model: 'splits that the recorded direct-map operations make in the model',
    source: 'direct-map-and-rivals §2.3',
  }),
  ...twice('directMap.level3Splits', '1G leaves split', 'splits', {
    recorded: 'direct_map_level3_splits, difference of the snapshots',
    model: 'splits that the recorded direct-map operations make in the model',
    source: 'direct-map-and-rivals §2.3',
  }),
  ...twice('directMap.fullFlushes', 'full flushes', 'flushes', {
    recorded: 'flush_tlb_all, and flush_tlb_kernel_range above the ceiling',
    model: 'flushes of all CPUs that the recorded direct-map operations make in the model',
    source: 'direct-map-and-rivals §3.1',
  }),
  ...twice('directMap.rangedFlushes', 'ranged flushes', 'flushes', {
    recorded: 'flush_tlb_kernel_range up to the ceiling',
    model: 'flushes of a range that the recorded direct-map operations make in the model',
    source: 'direct-map-and-rivals §3.1',
  }),
  'directMap.otherFlushes': {
    label: 'other flushes',
    unit: 'flushes',
    better: 'neither',
    formula:
      'recorded flushes that no direct-map operation of the trace explains: set_memory_*(), vmalloc purges',
    source: 'direct-map-and-rivals §3.3',
  },
  'directMap.leaves': {
    label: 'pages of the direct map',
    unit: 'pages',
    better: 'neither',
    formula: 'pages that the directmap rows of snapshot 2 name',
    source: 'direct-map-and-rivals §1.2',
  },
  'directMap.leavesEqual': {
    label: 'pages under the same leaf',
    unit: 'pages',
    of: ['directMap.leaves'],
    better: 'higher',
    formula: 'same leaf size and same presence in the model at the end',
    source: 'direct-map-and-rivals §2.3',
  },

  ...twice('flips.toUnmapped', 'flips to unmapped', 'flips', {
    recorded: 'probe flip with mapped=0 that was done',
    model: 'flips that the model makes for the recorded requests',
    source: 'freetype-series §4.2',
  }),
  ...twice('flips.toMapped', 'flips to mapped', 'flips', {
    recorded: 'probe flip with mapped=1 that was done',
    model: 'flips that the model makes for the recorded requests',
    source: 'freetype-series §4.2',
  }),
  ...twice('flips.refused', 'flips refused', 'flips', {
    recorded: 'probe flip that failed, and requests that may not flip',
    model: 'refusals of the model for the recorded requests',
    source: 'freetype-series §4.5',
  }),
  'flips.equal': {
    label: 'flips equal',
    unit: 'flips',
    of: ['flips.toUnmapped.recorded', 'flips.toMapped.recorded'],
    better: 'higher',
    formula: 'same block, direction and moment',
    source: 'freetype-observed §4',
  },

  'metrics.lines': {
    label: "lines of the kernel's own metrics",
    unit: 'lines',
    better: 'neither',
    formula:
      'lines with numbers of buddyinfo, pagetypeinfo, extfrag_index and unusable_index beside both snapshots',
    source: 'page-allocator §8',
  },
  'metrics.equal': {
    label: 'lines equal',
    unit: 'lines',
    of: ['metrics.lines'],
    better: 'higher',
    formula: 'lines that the model prints from its lists as the kernel did, byte for byte',
    source: 'page-allocator §8, §12.4',
  },
};

/** A count from the recording and the same from the model. */
function twice<Key extends string>(
  key: Key & (`${Key}.recorded` extends MeasureKey ? Key : never),
  label: string,
  unit: string,
  words: { readonly recorded: string; readonly model: string; readonly source: string },
): { readonly [Part in `${Key}.recorded` | `${Key}.model`]: ValidationMeasure } {
  const { recorded, model, source } = words;
  return {
    [`${key}.recorded`]: { label: `${label}, recorded`, unit, better: 'neither', formula: recorded, source },
    [`${key}.model`]: {
      label: `${label}, model`,
      unit,
      of: [`${key}.recorded` as MeasureKey],
      better: 'neither',
      formula: model,
      source,
    },
  } as { readonly [Part in `${Key}.recorded` | `${Key}.model`]: ValidationMeasure };
}

/** In registry order. */
export const MEASURE_KEYS = Object.keys(MEASURES) as MeasureKey[];
