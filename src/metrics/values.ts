/**
 * A run as a flat list of values under keys, in registry order: what CSV prints, what `diff` compares and
 * what a threshold such as 'shootdowns.ipis.64 > +5%' names.
 *
 * A metric with parts has one key a part: 'fragmentation.freePages.byOrder.9',
 * 'allocation.failed.byReason.noBlock', 'fragmentation.zones.Normal.unusableIndex.9',
 * 'fragmentation.fallbacks.byTypes.movable.unmovable.3.count' (from, to, order).
 */

import { EXIT, UserError } from '../kernel/errors.js';
import { nearest } from '../kernel/nearest.js';
import type { Better, Metric } from './metric.js';
import { findMetric, METRICS } from './registry.js';
import type { Run } from './result.js';

export type Value = number | string | null;

export interface RunValue {
  key: string;
  value: Value;
  unit: string;
}

export interface ValueDifference {
  key: string;
  unit: string;
  better: Better;
  before: Value;
  after: Value;
  /** after - before; null where one of them is no number. */
  change: number | null;
}

/** Every value of a run under its key. */
export function flattenRun(run: Run): RunValue[] {
  return METRICS.flatMap((metric) => flattenMetric(run, metric));
}

/**
 * The value of one key. null where it does not apply to the run.
 * Throws UserError (exit code 2) when no metric has that key, or when the key names several values.
 */
export function readKey(run: Run, key: string): Value {
  const metric = findMetric(key);
  const values = flattenMetric(run, metric);
  const found = values.find((value) => value.key === key);
  if (found !== undefined) return found.value;
  if (values.length === 1 && values[0].key === metric.key) return null;
  if (key !== metric.key && metric.sparse) return 0;
  const keys = values.map((value) => value.key);
  throw new UserError(
    EXIT.commandLine,
    key === metric.key ? `'${key}' has several values` : `'${key}' is not in the result`,
    { advice: `name one, such as '${nearest(key, keys) ?? keys[0] ?? metric.key}'` },
  );
}

/** Every value that one of two runs has, in registry order; equal ones are in the list as well. */
export function compareValues(before: Run, after: Run): ValueDifference[] {
  return METRICS.flatMap((metric: Metric) => {
    const old = new Map(flattenMetric(before, metric).map(({ key, value }) => [key, value]));
    const now = new Map(flattenMetric(after, metric).map(({ key, value }) => [key, value]));
    const units = new Map(
      [...flattenMetric(after, metric), ...flattenMetric(before, metric)].map((v) => [v.key, v.unit]),
    );
    const absent = metric.sparse ? 0 : null;
    return [...new Set([...old.keys(), ...now.keys()])].map((key) => {
      const was = old.get(key) ?? absent;
      const is = now.get(key) ?? absent;
      const change = typeof was === 'number' && typeof is === 'number' ? is - was : null;
      return { key, unit: units.get(key)!, better: metric.better, before: was, after: is, change };
    });
  });
}

/** Values of one metric; a single null under the metric's own key when it does not apply to the run. */
export function flattenMetric(run: Run, metric: Metric): RunValue[] {
  const values: RunValue[] = [];
  collect(valueAt(run, metric.key), metric.key, metric, values);
  return values;
}

/** What stands in a run under a metric's key, as it stands there. */
export function valueAt(run: Run, key: string): unknown {
  let branch: unknown = run;
  for (const name of key.split('.')) {
    if (branch === null || branch === undefined) return null;
    branch = (branch as { [name: string]: unknown })[name];
  }
  return branch ?? null;
}

function collect(value: unknown, key: string, metric: Metric, values: RunValue[]): void {
  if (value === null || typeof value === 'number' || typeof value === 'string') {
    values.push({ key, value, unit: unitOf(metric, key) });
    return;
  }
  if (Array.isArray(value)) {
    if (metric.shape === 'records' && key === metric.key) {
      const nameOf = metric.recordName as (record: unknown) => string;
      for (const record of value)
        collect(fieldsOf(record, metric), `${key}.${nameOf(record)}`, metric, values);
    } else {
      value.forEach((entry, index) => {
        collect(entry, `${key}.${index}`, metric, values);
      });
    }
    return;
  }
  for (const [name, entry] of Object.entries(value as object))
    collect(entry, `${key}.${name}`, metric, values);
}

/** The numbers of a record, without what its name already says. */
function fieldsOf(record: { [field: string]: unknown }, metric: Metric): { [field: string]: unknown } {
  return Object.fromEntries(Object.keys(metric.fields ?? {}).map((field) => [field, record[field]]));
}

function unitOf(metric: Metric, key: string): string {
  if (metric.fields === undefined) return metric.unit;
  const names = key.slice(metric.key.length).split('.');
  const field = names.findLast((name) => metric.fields?.[name] !== undefined);
  return field === undefined ? metric.unit : metric.fields[field];
}
