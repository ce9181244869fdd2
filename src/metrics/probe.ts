/** Group `probe`: requests of `--probe`, made at intervals and undone at once. Null unless asked for. */

import { byReason } from './allocation.js';
import { defineMetric } from './metric.js';

export const PROBE = [
  defineMetric({
    key: 'probe.tried',
    label: 'probes',
    unit: 'requests',
    better: 'neither',
    formula: 'requests of --probe',
    source: 'field §4',
    read: ({ probe }) => (probe === null ? null : probe.tried),
  }),
  defineMetric({
    key: 'probe.served',
    label: 'probes served',
    unit: 'requests',
    better: 'higher',
    formula: 'probes that got a block; it is given back at once',
    source: 'field §4',
    read: ({ probe }) => (probe === null ? null : probe.served),
  }),
  defineMetric({
    key: 'probe.failed.byReason',
    label: 'probes failed, by reason',
    unit: 'requests',
    shape: 'byName',
    better: 'lower',
    formula: 'sums to tried - served',
    source: 'field §4',
    read: ({ probe }) => (probe === null ? null : byReason(probe.failedByReason)),
  }),
] as const;
