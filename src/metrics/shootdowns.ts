/**
 * Group `shootdowns`: TLB flushes that other CPUs take part in. Flushes are counted by effect: a range
 * above the ceiling is a full flush (direct-map-and-rivals §3.1).
 */

import { FLUSH_CAUSES } from '../directmap/counts.js';
import { ipisFor } from '../directmap/ipis.js';
import { PLAIN } from '../kernel/classes.js';
import { PAGE_SIZE } from '../kernel/orders.js';
import type { Accounting } from './accounting.js';
import { byReason } from './allocation.js';
import { byName, defineMetric } from './metric.js';

const PAGES_PER_GIB = 2 ** 30 / PAGE_SIZE;

export const SHOOTDOWNS = [
  defineMetric({
    key: 'shootdowns.flushes',
    label: 'flushes',
    unit: 'flushes',
    better: 'lower',
    formula: 'full + ranged',
    source: 'direct-map-and-rivals §3.1',
    read: ({ directMap: { counts } }) => counts.fullFlushes + counts.rangedFlushes,
  }),
  defineMetric({
    key: 'shootdowns.full',
    label: 'full flushes',
    unit: 'flushes',
    better: 'lower',
    formula: 'flush_tlb_all, and ranges of more pages than tlb_single_page_flush_ceiling',
    source: 'direct-map-and-rivals §3.1',
    read: ({ directMap: { counts } }) => counts.fullFlushes,
  }),
  defineMetric({
    key: 'shootdowns.ranged',
    label: 'ranged flushes',
    unit: 'flushes',
    better: 'lower',
    formula: 'ranges up to the ceiling: every online CPU runs one INVLPG a page',
    source: 'direct-map-and-rivals §3.1',
    read: ({ directMap: { counts } }) => counts.rangedFlushes,
  }),
  defineMetric({
    key: 'shootdowns.pagesFlushed',
    label: 'pages of ranged flushes',
    unit: 'pages',
    better: 'lower',
    formula: 'sum of the lengths of ranged flushes, in 4K pages',
    source: 'direct-map-and-rivals §3.1',
    read: ({ directMap: { counts } }) => counts.pagesFlushed,
  }),
  defineMetric({
    key: 'shootdowns.byCause',
    label: 'flushes, by cause',
    unit: 'flushes',
    shape: 'byName',
    better: 'lower',
    formula: 'what made the flush necessary; sums to flushes',
    source: 'direct-map-and-rivals §2.5, freetype-series §4.4',
    read: ({ directMap: { counts } }) => byName(FLUSH_CAUSES, (_, index) => counts.byCause[index]),
  }),
  defineMetric({
    key: 'shootdowns.flips.toUnmapped.operations',
    label: 'flips to unmapped',
    unit: 'flips',
    better: 'lower',
    formula: 'changes of whole pageblocks; one of order 10 counts once',
    source: 'freetype-series §4.2',
    read: ({ counters }) => counters.flipsToUnmapped,
  }),
  defineMetric({
    key: 'shootdowns.flips.toUnmapped.blocks',
    label: 'pageblocks flipped to unmapped',
    unit: 'blocks',
    better: 'lower',
    formula: 'pageblocks of these flips, one or two each',
    source: 'freetype-series §4.2',
    read: ({ counters }) => counters.blocksToUnmapped,
  }),
  defineMetric({
    key: 'shootdowns.flips.toMapped.operations',
    label: 'flips to mapped',
    unit: 'flips',
    better: 'lower',
    formula: 'as above, in the other direction; each clears its pages and needs no flush',
    source: 'freetype-series §4.4, §4.9',
    read: ({ counters }) => counters.flipsToMapped,
  }),
  defineMetric({
    key: 'shootdowns.flips.toMapped.blocks',
    label: 'pageblocks flipped to mapped',
    unit: 'blocks',
    better: 'lower',
    formula: 'pageblocks of these flips, one or two each',
    source: 'freetype-series §4.2',
    read: ({ counters }) => counters.blocksToMapped,
  }),
  defineMetric({
    key: 'shootdowns.flips.refused',
    label: 'flips refused, by reason',
    unit: 'flips',
    shape: 'byName',
    better: 'lower',
    formula: 'flips that were wanted and not made; the request may still be served in another way',
    source: 'freetype-series §4.5',
    read: ({ counters }) => byReason(counters.flipsRefused),
  }),
  defineMetric({
    key: 'shootdowns.ipis',
    label: 'IPIs',
    unit: 'IPIs',
    shape: 'byName',
    better: 'lower',
    formula: 'flushes * (CPUs - 1), less what AMD broadcast invalidation saves; arithmetic, an upper bound',
    source: 'direct-map-and-rivals §3.2',
    read: ({ directMap: { counts }, machine, tlbCpus }) =>
      byName(tlbCpus.map(String), (_, index) => ipisFor(counts, tlbCpus[index], machine.invlpgb)),
  }),
  defineMetric({
    key: 'shootdowns.perGiB.flushes',
    label: 'flushes per marked GiB',
    unit: 'flushes',
    better: 'lower',
    formula: 'flushes * 262144 / perGiB.markedPages, truncated; null when no marked page was served',
    source: 'mm-sim',
    read: ({ accounting, directMap: { counts } }) => {
      const pages = markedPages(accounting);
      return pages === 0
        ? null
        : Math.trunc(((counts.fullFlushes + counts.rangedFlushes) * PAGES_PER_GIB) / pages);
    },
  }),
  defineMetric({
    key: 'shootdowns.perGiB.markedPages',
    label: 'marked pages served',
    unit: 'pages',
    better: 'neither',
    formula: 'pages of the requests of any class that were served',
    source: 'mm-sim',
    read: ({ accounting }) => markedPages(accounting),
  }),
  defineMetric({
    key: 'shootdowns.window.pages',
    label: 'pages not yet in force',
    unit: 'pages',
    better: 'lower',
    formula: 'pages promised to a class while the flush that enforces it was still owed',
    source: 'direct-map-and-rivals §12.2',
    read: ({ directMap: { counts } }) => counts.windowPagesTotal,
  }),
  defineMetric({
    key: 'shootdowns.window.pageSeconds',
    label: 'page-seconds not in force',
    unit: 'page-seconds',
    better: 'lower',
    formula: 'the same pages, times how long each waited, truncated',
    source: 'direct-map-and-rivals §12.2',
    read: ({ directMap: { counts } }) => Math.trunc(counts.windowPageNs / 1e9),
  }),
] as const;

function markedPages(accounting: Accounting): number {
  let pages = 0;
  for (let pageClass = PLAIN + 1; pageClass < accounting.classPages.length; pageClass++) {
    pages += accounting.classPages[pageClass];
  }
  return pages;
}
