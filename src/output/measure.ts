/** A number of a run as a table shows it: which metric, under which label, in which unit. */

import type { Better } from '../metrics/metric.js';
import { type MetricKey, metricOf } from '../metrics/registry.js';
import type { Recorded, Run } from '../metrics/result.js';
import { valueAt } from '../metrics/values.js';
import { ABSENT } from './document.js';
import { change, group, percent, points } from './numbers.js';

export interface Measure {
  readonly key: MetricKey;
  /** One of several values of the metric: '64' of shootdowns.ipis. */
  readonly part?: string;
  /** Where the registry's label, with the part behind it, is not clear enough. */
  readonly label?: string;
  /** Shown in units of so many; the label says which. Rounded down: JSON and CSV have the exact number. */
  readonly per?: number;
  /** The kernel's own count. */
  readonly recorded?: (recorded: Recorded) => number | null;
  /** A row of nothing but zeros is left out: its absence says the same. */
  readonly onlyIfSeen?: true;
}

export function labelOf({ key, part, label }: Measure): string {
  return label ?? `${metricOf(key).label}${part === undefined ? '' : `, ${part}`}`;
}

export function betterOf({ key }: Measure): Better {
  return metricOf(key).better;
}

/** The value in a run; null where it does not apply. */
export function measure({ key, part }: Measure, run: Run): number | null {
  return valueAt(run, part === undefined ? key : `${key}.${part}`) as number | null;
}

export function measureText({ key, per }: Measure, value: number | null): string {
  if (value === null) return ABSENT;
  if (isShare(key)) return percent(value);
  return group(per === undefined ? value : Math.floor(value / per));
}

export function changeText({ key }: Measure, before: number, after: number): string {
  return isShare(key) ? points(before, after) : change(before, after);
}

function isShare(key: MetricKey): boolean {
  return metricOf(key).unit === 'thousandths';
}

/** Numbers of CPUs for which a run has IPIs and derived times, ascending. */
export function tlbCpusOf(run: Run): number[] {
  return Object.keys(run.shootdowns.ipis)
    .map(Number)
    .sort((a, b) => a - b);
}
