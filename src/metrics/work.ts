/** Group `work`: what the fast path costs, in operations. */

import { defineMetric } from './metric.js';

export const WORK = [
  defineMetric({
    key: 'work.pcpRefills',
    label: 'pcp refills',
    unit: 'refills',
    better: 'lower',
    formula: 'calls of rmqueue_bulk that found at least one page',
    source: 'page-allocator §4.3',
    read: ({ counters }) => counters.pcpRefills,
  }),
  defineMetric({
    key: 'work.pcpDrains',
    label: 'pcp drains',
    unit: 'drains',
    better: 'lower',
    formula: 'calls that gave pages of a pcp list back to the buddy lists',
    source: 'page-allocator §4.5, §4.8',
    read: ({ counters }) => counters.pcpDrains,
  }),
  defineMetric({
    key: 'work.zoneLockTakes',
    label: 'zone lock takes',
    unit: 'takes',
    better: 'lower',
    formula: 'times that zone->lock would be taken',
    source: 'page-allocator §2.8, §3.10',
    read: ({ counters }) => counters.zoneLockTakes,
  }),
  defineMetric({
    key: 'work.listSteps',
    label: 'free-list steps',
    unit: 'steps',
    better: 'lower',
    formula: 'entries added to, removed from or moved between free lists',
    source: 'page-allocator §2.1',
    read: ({ counters }) => counters.listSteps,
  }),
  defineMetric({
    key: 'work.pagesMigrated',
    label: 'pages migrated',
    unit: 'pages',
    better: 'lower',
    formula: 'pages that compaction moved',
    source: 'page-allocator §7.1',
    read: ({ counters }) => counters.pagesMigrated,
  }),
  defineMetric({
    key: 'work.compactionRuns',
    label: 'compaction runs',
    unit: 'runs',
    better: 'lower',
    formula: 'runs of compaction over a zone',
    source: 'page-allocator §7.1',
    read: ({ counters }) => counters.compactionRuns,
  }),
  defineMetric({
    key: 'work.compactionWanted',
    label: 'compaction wanted',
    unit: 'requests',
    better: 'lower',
    formula: 'requests that would have compacted: order above 0, or unmapped, and no page without it',
    source: 'page-allocator §5.5, freetype-series §5.1',
    read: ({ counters }) => counters.compactionWanted,
  }),
] as const;
