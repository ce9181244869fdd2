/**
 * Every metric, once, in the order in which results print them. Tables, JSON, CSV, HTML, `diff` and the
 * documentation read this list; a new metric is an entry in its group's file, and nothing else.
 */

import { EXIT, UserError } from '../kernel/errors.js';
import { nearest } from '../kernel/nearest.js';
import { ALLOCATION } from './allocation.js';
import { COST } from './cost.js';
import { FRAGMENTATION } from './fragmentation.js';
import type { Metric } from './metric.js';
import { PROBE } from './probe.js';
import { SHOOTDOWNS } from './shootdowns.js';
import { SPLITS } from './splits.js';
import { WORK } from './work.js';

export const METRICS = [
  ...ALLOCATION,
  ...WORK,
  ...FRAGMENTATION,
  ...PROBE,
  ...SPLITS,
  ...SHOOTDOWNS,
  ...COST,
] as const;

/** A metric of the registry, with its key as a literal type. */
export type RegisteredMetric = (typeof METRICS)[number];
export type MetricKey = RegisteredMetric['key'];

const BY_KEY: ReadonlyMap<string, Metric> = new Map(METRICS.map((metric) => [metric.key, metric as Metric]));

/** The metric of a key. */
export function metricOf(key: MetricKey): Metric {
  return BY_KEY.get(key)!;
}

/**
 * The metric that a key belongs to: the key itself ('splits.level2'), or one of its parts
 * ('allocation.failed.byReason.noBlock', 'fragmentation.zones.Normal.freeBlocks.9').
 * Throws UserError (exit code 2) with the nearest key when there is none.
 */
export function findMetric(key: string): Metric {
  for (let prefix = key; prefix !== ''; prefix = prefix.slice(0, Math.max(0, prefix.lastIndexOf('.')))) {
    const metric = BY_KEY.get(prefix);
    // A number has no parts: 'splits.level2.x' is a slip of the pen, not a missing value.
    if (metric !== undefined && (prefix === key || metric.shape !== undefined)) return metric;
  }
  const guess = nearest(key, BY_KEY.keys());
  throw new UserError(EXIT.commandLine, `there is no metric '${key}'`, {
    advice: `${guess === null ? '' : `did you mean '${guess}'? `}'mm-sim list metrics' names them all`,
  });
}
