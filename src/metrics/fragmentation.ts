/**
 * Group `fragmentation`: the state at the end, as /proc/buddyinfo would show it. Pages on pcp lists count
 * as allocated, and isolated blocks as free, because that is what the kernel's own files do (page-allocator §8).
 */

import {
  FREETYPE_NAMES,
  MIGRATE_MOVABLE,
  MIGRATE_PCPTYPES,
  MIGRATE_UNMOVABLE,
} from '../kernel/migratetypes.js';
import { NR_PAGE_ORDERS, PAGEBLOCK_ORDER, PAGEBLOCK_PAGES } from '../kernel/orders.js';
import { type AllocatorCounters, FALLBACK_CLAIM, FALLBACK_STEAL } from '../pagealloc/counters.js';
import type { MemoryView } from '../pagealloc/memory-view.js';
import { byOrder, fragmentationIndex, freePagesOf, unusableFreeIndex } from './kernel-indices.js';
import { byName, defineMetric, thousandths } from './metric.js';

export interface ZoneRecord {
  zone: string;
  freeBlocks: number[];
  unusableIndex: number[];
  extfragIndex: number[];
}

export interface FallbackRecord {
  /** Type of the list that gave the page. */
  from: string;
  /** Type of the request. */
  to: string;
  /** Order of the page found. */
  order: number;
  count: number;
}

export const FRAGMENTATION = [
  defineMetric({
    key: 'fragmentation.freePages.total',
    label: 'free pages',
    unit: 'pages',
    better: 'neither',
    formula: 'sum of nr_free[order] << order over all zones and types',
    source: 'page-allocator §8.5',
    read: ({ memory }) =>
      memory.zones.reduce((sum, _, zone) => sum + freePagesOf(freeBlocks(memory, zone)), 0),
  }),
  defineMetric({
    key: 'fragmentation.freePages.byOrder',
    label: 'free pages, by order',
    unit: 'pages',
    shape: 'byOrder',
    better: 'neither',
    formula: 'index = order of the free block that holds the page; sums to freePages.total',
    source: 'page-allocator §8.5',
    read: ({ memory }) => {
      const pages = new Array<number>(NR_PAGE_ORDERS).fill(0);
      for (let zone = 0; zone < memory.zones.length; zone++) {
        freeBlocks(memory, zone).forEach((blocks, order) => {
          pages[order] += blocks * 2 ** order;
        });
      }
      return pages;
    },
  }),
  defineMetric({
    key: 'fragmentation.freePages.byFreetype',
    label: 'free pages, by freetype',
    unit: 'pages',
    shape: 'byName',
    better: 'neither',
    formula: 'pages on the lists of each freetype; sums to freePages.total',
    source: 'page-allocator §8.6, freetype-series §2.2',
    read: ({ memory }) => byName(FREETYPE_NAMES, (_, freetype) => freePagesOfType(memory, freetype)),
  }),
  defineMetric({
    key: 'fragmentation.zones',
    label: 'free blocks and indices, by zone',
    unit: 'blocks; thousandths',
    shape: 'records',
    fields: { freeBlocks: 'blocks', unusableIndex: 'thousandths', extfragIndex: 'thousandths' },
    better: 'neither',
    formula:
      'nr_free, unusable_free_index and fragmentation_index of each zone, by order, as debugfs prints them',
    source: 'page-allocator §8.1, §8.2, §8.4',
    recordName: (record: ZoneRecord) => record.zone,
    read: ({ memory }): ZoneRecord[] =>
      memory.zones.map(({ name }, zone) => {
        const blocks = freeBlocks(memory, zone);
        return {
          zone: name,
          freeBlocks: blocks,
          unusableIndex: byOrder(unusableFreeIndex, blocks),
          extfragIndex: byOrder(fragmentationIndex, blocks),
        };
      }),
  }),
  defineMetric({
    key: 'fragmentation.pageblocks.byFreetype',
    label: 'pageblocks, by freetype',
    unit: 'blocks',
    shape: 'byName',
    better: 'neither',
    formula: 'pageblocks of each freetype, over all zones',
    source: 'page-allocator §8.6',
    read: ({ memory }) => {
      const blocks = memory.pageblocksByFreetype();
      return byName(FREETYPE_NAMES, (_, freetype) => blocks[freetype]);
    },
  }),
  defineMetric({
    key: 'fragmentation.pageblocks.mixed',
    label: 'mixed pageblocks',
    unit: 'blocks',
    better: 'lower',
    formula: 'pageblocks that hold an allocated page of another request type than their own',
    source: 'page-allocator §8.7',
    read: ({ memory }) => memory.mixedPageblocks(),
  }),
  defineMetric({
    key: 'fragmentation.fallbacks.claims',
    label: 'fallbacks: claims',
    unit: 'claims',
    better: 'lower',
    formula: 'fallbacks that changed the type of the pageblock',
    source: 'page-allocator §3.5',
    read: ({ counters }) => countFallbacks(counters, (kind) => kind === FALLBACK_CLAIM),
  }),
  defineMetric({
    key: 'fragmentation.fallbacks.steals',
    label: 'fallbacks: steals',
    unit: 'steals',
    better: 'lower',
    formula: 'fallbacks that took one page and left the pageblock its type',
    source: 'page-allocator §3.7',
    read: ({ counters }) => countFallbacks(counters, (kind) => kind === FALLBACK_STEAL),
  }),
  defineMetric({
    key: 'fragmentation.fallbacks.byTypes',
    label: 'fallbacks, by types and order',
    unit: 'fallbacks',
    shape: 'records',
    fields: { count: 'fallbacks' },
    sparse: true,
    better: 'lower',
    formula:
      'claims + steals; from = type of the list that gave, to = type of the request, order = of the page found',
    source: 'page-allocator §3.4',
    recordName: ({ from, to, order }: FallbackRecord) => `${from}.${to}.${order}`,
    read: ({ counters }): FallbackRecord[] => {
      const records: FallbackRecord[] = [];
      for (let from = 0; from < MIGRATE_PCPTYPES; from++) {
        for (let to = 0; to < MIGRATE_PCPTYPES; to++) {
          for (let order = 0; order < NR_PAGE_ORDERS; order++) {
            const count =
              counters.fallbackCount(FALLBACK_CLAIM, to, from, order) +
              counters.fallbackCount(FALLBACK_STEAL, to, from, order);
            if (count > 0) records.push({ from: FREETYPE_NAMES[from], to: FREETYPE_NAMES[to], order, count });
          }
        }
      }
      return records;
    },
  }),
  // The four counts are nested, each within the one before (field §3).
  defineMetric({
    key: 'fragmentation.extfrag.all',
    label: 'extfrag events',
    unit: 'events',
    better: 'lower',
    formula: 'mm_page_alloc_extfrag: claims + steals',
    source: 'field §3',
    read: ({ counters }) => countFallbacks(counters, () => true),
  }),
  defineMetric({
    key: 'fragmentation.extfrag.fragmenting',
    label: 'extfrag, fragmenting',
    unit: 'events',
    better: 'lower',
    formula: 'of these, fallback_order < pageblock_order',
    source: 'field §3',
    read: ({ counters }) => countFallbacks(counters, isFragmenting),
  }),
  defineMetric({
    key: 'fragmentation.extfrag.forUnmovable',
    label: 'extfrag, for unmovable',
    unit: 'events',
    better: 'lower',
    formula: 'of these, for a request of type unmovable',
    source: 'field §3',
    read: ({ counters }) => countFallbacks(counters, isForUnmovable),
  }),
  defineMetric({
    key: 'fragmentation.extfrag.unmovableIntoMovable',
    label: 'extfrag, into movable',
    unit: 'events',
    better: 'lower',
    // mmtests counts type 2 here, which is reclaimable since 4.4: its number is another one.
    formula: 'of these, from a list of type movable (mmtests counts type 2, reclaimable since 4.4)',
    source: 'field §3',
    read: ({ counters }) => countFallbacks(counters, isUnmovableIntoMovable),
  }),
  defineMetric({
    key: 'fragmentation.free2M.now',
    label: '2M blocks free',
    unit: 'blocks',
    better: 'higher',
    formula: 'wholly free, aligned runs of 512 pages on the buddy lists',
    source: 'page-allocator §8.5',
    read: ({ memory }) => memory.free2M(),
  }),
  defineMetric({
    key: 'fragmentation.free2M.best',
    label: '2M blocks free, at best',
    unit: 'blocks',
    better: 'neither',
    // By zone: no block reaches over the border of its zone.
    formula: 'what the same free pages could form: floor(free pages / 512), summed over zones',
    source: 'field §1.1',
    read: ({ memory }) =>
      memory.zones.reduce(
        (sum, _, zone) => sum + Math.floor(freePagesOf(freeBlocks(memory, zone)) / PAGEBLOCK_PAGES),
        0,
      ),
  }),
  defineMetric({
    key: 'fragmentation.free2M.min',
    label: '2M blocks free, fewest',
    unit: 'blocks',
    better: 'higher',
    formula: 'smallest free2M.now at the start and after any request',
    source: 'mm-sim',
    read: ({ accounting, memory }) => (accounting.free2MMin < 0 ? memory.free2M() : accounting.free2MMin),
  }),
  defineMetric({
    key: 'fragmentation.unmovableShare',
    label: 'ranges with unmovable',
    unit: 'thousandths',
    shape: 'byName',
    better: 'lower',
    formula:
      'aligned ranges that hold an allocated unmovable or reclaimable page * 1000 / all ranges, truncated',
    source: 'field §2',
    read: ({ memory }) => ({
      '2M': thousandths(...memory.unmovableRanges(9)),
      '32M': thousandths(...memory.unmovableRanges(13)),
      '1G': thousandths(...memory.unmovableRanges(18)),
    }),
  }),
  defineMetric({
    key: 'fragmentation.stranded.pages',
    label: 'stranded pages',
    unit: 'pages',
    better: 'lower',
    formula:
      'free pages of the pool, on buddy and pcp lists, which a plain request cannot use without a flip',
    source: 'freetype-series §3.2, §4.7',
    read: ({ pool }) => (pool === null ? null : pool.pages()),
  }),
  defineMetric({
    key: 'fragmentation.stranded.peakPages',
    label: 'stranded pages, most',
    unit: 'pages',
    better: 'lower',
    formula: 'largest stranded.pages at any time',
    source: 'mm-sim',
    read: ({ pool }) => (pool === null ? null : pool.most()),
  }),
  defineMetric({
    key: 'fragmentation.stranded.atFailures',
    label: 'stranded pages, at failures',
    unit: 'pages',
    better: 'lower',
    formula: 'free pages of the class that the asker cannot use, the most at any failed request',
    source: 'mm-sim',
    read: ({ accounting, pool }) => (pool === null ? null : accounting.strandedAtFailures),
  }),
] as const;

/** Free blocks of a zone by order, all types together, as /proc/buddyinfo has them. */
function freeBlocks(memory: MemoryView, zone: number): number[] {
  return Array.from({ length: NR_PAGE_ORDERS }, (_, order) =>
    FREETYPE_NAMES.reduce((sum, _name, freetype) => sum + memory.freeListLength(zone, order, freetype), 0),
  );
}

function freePagesOfType(memory: MemoryView, freetype: number): number {
  let pages = 0;
  for (let zone = 0; zone < memory.zones.length; zone++) {
    for (let order = 0; order < NR_PAGE_ORDERS; order++)
      pages += memory.freeListLength(zone, order, freetype) * 2 ** order;
  }
  return pages;
}

type FallbackTest = (kind: number, start: number, fallback: number, order: number) => boolean;

const isFragmenting: FallbackTest = (_kind, _start, _fallback, order) => order < PAGEBLOCK_ORDER;
const isForUnmovable: FallbackTest = (kind, start, fallback, order) =>
  isFragmenting(kind, start, fallback, order) && start === MIGRATE_UNMOVABLE;
const isUnmovableIntoMovable: FallbackTest = (kind, start, fallback, order) =>
  isForUnmovable(kind, start, fallback, order) && fallback === MIGRATE_MOVABLE;

function countFallbacks(counters: AllocatorCounters, test: FallbackTest): number {
  let sum = 0;
  for (const kind of [FALLBACK_CLAIM, FALLBACK_STEAL]) {
    for (let start = 0; start < MIGRATE_PCPTYPES; start++) {
      for (let fallback = 0; fallback < MIGRATE_PCPTYPES; fallback++) {
        for (let order = 0; order < NR_PAGE_ORDERS; order++) {
          if (test(kind, start, fallback, order)) sum += counters.fallbackCount(kind, start, fallback, order);
        }
      }
    }
  }
  return sum;
}
