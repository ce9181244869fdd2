/** Group `allocation`: what was asked for, and what was served. */

import { className, NR_CLASSES, PLAIN } from '../kernel/classes.js';
import { NR_PAGE_ORDERS, PAGE_SIZE } from '../kernel/orders.js';
import { FAILURE_NAMES } from '../pagealloc/core.js';
import { byName, defineMetric } from './metric.js';

/** Names of the reasons of failure, without the empty name of success. */
export const REASONS = FAILURE_NAMES.slice(1) as readonly Exclude<(typeof FAILURE_NAMES)[number], ''>[];

/** Counts that are kept by index of FAILURE_NAMES, under their names: all of them, so that keys are stable. */
export function byReason(counts: ArrayLike<number>) {
  return byName(REASONS, (_, index) => counts[index + 1]);
}

export const ALLOCATION = [
  defineMetric({
    key: 'allocation.requests',
    label: 'requests',
    unit: 'requests',
    better: 'neither',
    formula:
      'allocations of the trace that reached the core; page tables that the core needs itself are not in it',
    source: 'mm-sim',
    read: ({ accounting }) => accounting.requests,
  }),
  defineMetric({
    key: 'allocation.served',
    label: 'requests served',
    unit: 'requests',
    better: 'higher',
    formula: 'requests that got a block',
    source: 'mm-sim',
    read: ({ accounting }) => accounting.served,
  }),
  defineMetric({
    key: 'allocation.failed.total',
    label: 'requests failed',
    unit: 'requests',
    better: 'lower',
    formula: 'requests - served',
    source: 'mm-sim',
    read: ({ accounting }) => accounting.failed,
  }),
  defineMetric({
    key: 'allocation.failed.byReason',
    label: 'requests failed, by reason',
    unit: 'requests',
    shape: 'byName',
    better: 'lower',
    formula: 'the first rule that refused the request; sums to failed.total',
    source: 'page-allocator §5.3, freetype-series §4.5',
    read: ({ accounting }) => byReason(accounting.failedByReason),
  }),
  defineMetric({
    key: 'allocation.failed.byOrder',
    label: 'requests failed, by order',
    unit: 'requests',
    shape: 'byOrder',
    better: 'lower',
    formula: 'index = order of the request; sums to failed.total',
    source: 'mm-sim',
    read: ({ accounting }) => Array.from(accounting.failedByOrder.subarray(0, NR_PAGE_ORDERS)),
  }),
  defineMetric({
    key: 'allocation.failedInRecording',
    label: 'failed in the recording',
    unit: 'requests',
    better: 'neither',
    formula: 'allocation events without a page; replayed like any other',
    source: 'page-allocator §9.1',
    read: ({ accounting }) => accounting.failedInRecording,
  }),
  defineMetric({
    key: 'allocation.freedPages',
    label: 'pages freed',
    unit: 'pages',
    better: 'neither',
    formula: 'pages of the frees that reached the core',
    source: 'mm-sim',
    read: ({ accounting }) => accounting.freedPages,
  }),
  defineMetric({
    key: 'allocation.livePages',
    label: 'live pages',
    unit: 'pages',
    better: 'neither',
    formula: 'pages served and not freed by the end; those that were live at the start are not in it',
    source: 'mm-sim',
    read: ({ accounting }) => accounting.livePages,
  }),
  defineMetric({
    key: 'allocation.peakPages',
    label: 'live pages, most',
    unit: 'pages',
    better: 'neither',
    formula: 'largest livePages after any request',
    source: 'mm-sim',
    read: ({ accounting }) => accounting.peakPages,
  }),
  defineMetric({
    key: 'allocation.bytesServed',
    label: 'bytes served',
    unit: 'bytes',
    better: 'higher',
    formula: 'pages served * 4096',
    source: 'mm-sim',
    read: ({ accounting }) => accounting.pagesServed * PAGE_SIZE,
  }),
  defineMetric({
    key: 'allocation.byClass',
    label: 'requests, by class',
    unit: 'requests',
    shape: 'recordsByName',
    fields: { requests: 'requests', served: 'requests', failed: 'requests', peakPages: 'pages' },
    sparse: true,
    better: 'neither',
    formula: 'requests that bear a class, for each class that occurs; peakPages in pages',
    source: 'mm-sim',
    read: ({ accounting }) => {
      const classes: {
        [name: string]: { requests: number; served: number; failed: number; peakPages: number };
      } = {};
      for (let pageClass = PLAIN + 1; pageClass < NR_CLASSES; pageClass++) {
        if (accounting.classRequests[pageClass] === 0) continue;
        classes[className(pageClass)] = {
          requests: accounting.classRequests[pageClass],
          served: accounting.classServed[pageClass],
          failed: accounting.classFailed[pageClass],
          peakPages: accounting.classPeakPages[pageClass],
        };
      }
      return classes;
    },
  }),
  defineMetric({
    key: 'allocation.nested.pageTables',
    label: 'page tables, nested requests',
    unit: 'pages',
    better: 'lower',
    formula: 'order-0 requests that a split made of the core under test',
    source: 'direct-map-and-rivals §2.3, freetype-series §4.6',
    read: ({ accounting }) => accounting.nestedPageTables,
  }),
  defineMetric({
    key: 'allocation.nested.depthMax',
    label: 'deepest nesting',
    unit: 'levels',
    better: 'lower',
    formula: 'requests inside requests, the most at any time',
    source: 'freetype-series §4.6',
    read: ({ accounting }) => accounting.nestedDepthMax,
  }),
  defineMetric({
    key: 'allocation.nested.failed',
    label: 'page tables refused',
    unit: 'pages',
    better: 'lower',
    formula: 'nested requests that failed; each stops its change of the direct map',
    source: 'direct-map-and-rivals §2.3',
    read: ({ accounting }) => accounting.nestedFailed,
  }),
  defineMetric({
    key: 'allocation.zeroedPages',
    label: 'pages zeroed by flips',
    unit: 'pages',
    better: 'lower',
    formula: 'pages cleared because their block was mapped back',
    source: 'freetype-series §4.9',
    read: ({ counters }) => counters.zeroedPages,
  }),
] as const;
