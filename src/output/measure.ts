/** A number of a run as a table shows it: which metric, under which label, in which unit. */

import { group } from '../kernel/counted.js';
import type { Better } from '../metrics/metric.js';
import { type MetricKey, metricOf } from '../metrics/registry.js';
import type { Recorded, Result, Run } from '../metrics/result.js';
import { valueAt } from '../metrics/values.js';
import { ABSENT } from './document.js';
import { change, percent, points } from './numbers.js';

export interface Measure {
  readonly key: MetricKey;
  /** One of several values of the metric: '64' of shootdowns.ipis. */
  readonly part?: string;
  /** Where the registry's label, with the part behind it, is not clear enough. */
  readonly label?: string;
  /** Shown in units of so many; the label says which. Rounded down: JSON and CSV have the exact number. */
  readonly per?: number;
  /** A row of nothing but zeros is left out: its absence says the same. */
  readonly onlyIfSeen?: true;
  /** A row of nothing but zeros stays, but says that there is nothing: zeros of a derived time look measured. */
  readonly absentIfZero?: true;
}

type CountOf<T> = (of: T) => number | null;

/** The kernel's own counts, of those metrics that a trace can carry. */
const RECORDED: { readonly [key in MetricKey]?: CountOf<Recorded> } = {
  'splits.level2': ({ splits }) => splits?.level2 ?? null,
  'splits.level3': ({ splits }) => splits?.level3 ?? null,
  'shootdowns.flushes': ({ shootdowns }) =>
    shootdowns === null ? null : shootdowns.full + shootdowns.ranged,
  'shootdowns.full': ({ shootdowns }) => shootdowns?.full ?? null,
  'shootdowns.ranged': ({ shootdowns }) => shootdowns?.ranged ?? null,
  'fragmentation.extfrag.all': ({ extfrag }) => extfrag?.all ?? null,
  'fragmentation.extfrag.fragmenting': ({ extfrag }) => extfrag?.fragmenting ?? null,
  'fragmentation.extfrag.forUnmovable': ({ extfrag }) => extfrag?.forUnmovable ?? null,
  'fragmentation.extfrag.unmovableIntoMovable': ({ extfrag }) => extfrag?.unmovableIntoMovable ?? null,
};

/** What follows for the recorded kernel from any run: its requests are the same, and it is known which failed. */
const RECORDED_REQUESTS: { readonly [key in MetricKey]?: CountOf<Run> } = {
  'allocation.served': ({ allocation: { requests, failedInRecording } }) => requests - failedInRecording,
  'allocation.failed.total': ({ allocation }) => allocation.failedInRecording,
  // Where neither of the two failed any, both served the same pages; else it is not known which class failed.
  'shootdowns.perGiB.markedPages': ({ allocation: { failed, failedInRecording }, shootdowns }) =>
    failed.total + failedInRecording === 0 ? shootdowns.perGiB.markedPages : null,
};

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

/** The kernel's own count; null where the trace does not carry it. */
export function recordedMeasure({ key }: Measure, { recorded, runs }: Result): number | null {
  const ofRequests = RECORDED_REQUESTS[key];
  if (ofRequests !== undefined && runs.length > 0) return ofRequests(runs[0]);
  return recorded === null ? null : (RECORDED[key]?.(recorded) ?? null);
}

/** Whether a column for the recorded kernel has anything to say. */
export function hasRecorded({ recorded, runs }: Result): boolean {
  return recorded !== null || runs.some(({ allocation }) => allocation.failedInRecording > 0);
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
