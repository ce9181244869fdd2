/** Group `splits`: what became of the direct map's large leaves. */

import type { LeafCensus } from '../directmap/counts.js';
import { PAGEBLOCK_PAGES } from '../kernel/orders.js';
import { defineMetric, thousandths } from './metric.js';

/** Pages under one 1G leaf. */
const PAGES_1G = 2 ** 18;

export const SPLITS = [
  defineMetric({
    key: 'splits.level2',
    label: '2M leaves split',
    unit: 'splits',
    better: 'lower',
    formula: 'direct_map_level2_splits: 2M leaves broken into 4K entries',
    source: 'direct-map-and-rivals §1.4, §2.3',
    read: ({ directMap }) => directMap.counts.level2Splits,
  }),
  defineMetric({
    key: 'splits.level3',
    label: '1G leaves split',
    unit: 'splits',
    better: 'lower',
    formula: 'direct_map_level3_splits: 1G leaves broken into 2M leaves',
    source: 'direct-map-and-rivals §1.4, §2.3',
    read: ({ directMap }) => directMap.counts.level3Splits,
  }),
  defineMetric({
    key: 'splits.pageTablePages',
    label: 'page-table pages for splits',
    unit: 'pages',
    better: 'lower',
    formula: 'one page a split',
    source: 'direct-map-and-rivals §2.3',
    read: ({ directMap }) => directMap.counts.pageTablePages,
  }),
  defineMetric({
    key: 'splits.collapses',
    label: 'leaves collapsed',
    unit: 'leaves',
    better: 'higher',
    formula: 'direct_map_level2_collapses + direct_map_level3_collapses',
    source: 'direct-map-and-rivals §2.7',
    read: ({ directMap }) => directMap.counts.collapses,
  }),
  defineMetric({
    key: 'splits.leaves.before',
    label: 'leaves at the start',
    unit: 'leaves',
    shape: 'byName',
    better: 'neither',
    formula: 'a census of the direct map, not the counters of /proc/meminfo, which over-count',
    source: 'direct-map-and-rivals §1.2, §1.4',
    read: ({ directMap }) => census(directMap.before),
  }),
  defineMetric({
    key: 'splits.leaves.after',
    label: 'leaves at the end',
    unit: 'leaves',
    shape: 'byName',
    better: 'neither',
    formula: 'a census of the direct map, not the counters of /proc/meminfo, which over-count',
    source: 'direct-map-and-rivals §1.2, §1.4',
    read: ({ directMap }) => census(directMap.after),
  }),
  defineMetric({
    key: 'splits.share',
    label: 'memory under leaves',
    unit: 'thousandths',
    shape: 'byName',
    better: 'higher',
    formula: 'leaves.after * their pages * 1000 / pages of the direct map, truncated',
    source: 'direct-map-and-rivals §5',
    read: ({ directMap: { after, mappedPages } }) => ({
      '2M': thousandths(after['2M'] * PAGEBLOCK_PAGES, mappedPages),
      '1G': thousandths(after['1G'] * PAGES_1G, mappedPages),
    }),
  }),
  defineMetric({
    key: 'splits.nonGlobal2M',
    label: '2M leaves not global',
    unit: 'leaves',
    better: 'lower',
    formula: '2M leaves that lost the global bit when they were made invalid and valid again',
    source: 'direct-map-and-rivals §2.8',
    read: ({ directMap }) => directMap.nonGlobal2M,
  }),
] as const;

function census(leaves: LeafCensus) {
  return { '4K': leaves['4K'], '2M': leaves['2M'], '1G': leaves['1G'] };
}
