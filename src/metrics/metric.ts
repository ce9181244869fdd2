/**
 * What a metric is, and what it may read. A metric is defined once, in the file of its group; registry.ts
 * collects them, and everything that prints, compares, documents or checks a number asks the registry.
 */

import type { DirectMapCounts, LeafCensus } from '../directmap/counts.js';
import type { Machine } from '../machine/machine.js';
import type { PoolView } from '../pagealloc/core.js';
import type { AllocatorCounters } from '../pagealloc/counters.js';
import type { MemoryView } from '../pagealloc/memory-view.js';
import type { Accounting } from './accounting.js';
import type { NamedCostPreset } from './cost.js';

/** Everything that is known of a run when it has ended. */
export interface RunInputs {
  readonly accounting: Accounting;
  readonly counters: AllocatorCounters;
  readonly memory: MemoryView;
  readonly directMap: {
    readonly counts: DirectMapCounts;
    /** Leaves at the start and at the end. */
    readonly before: LeafCensus;
    readonly after: LeafCensus;
    /** Pages that the direct map covers, at any leaf size. */
    readonly mappedPages: number;
    /** 2M leaves that lost the global bit. */
    readonly nonGlobal2M: number;
  };
  /** Numbers of online CPUs for which IPIs and times are computed. */
  readonly tlbCpus: readonly number[];
  readonly machine: Machine;
  readonly costPreset: NamedCostPreset;
  readonly probe: ProbeCounts | null;
  /** Free pages that the core keeps apart for a marked class; null for a core without a pool. */
  readonly pool: PoolView | null;
}

/** Requests of `--probe`, made and undone at once. */
export interface ProbeCounts {
  readonly tried: number;
  readonly served: number;
  /** By index of FAILURE_NAMES. */
  readonly failedByReason: ArrayLike<number>;
}

export type Better = 'higher' | 'lower' | 'neither';

/**
 * What a value looks like: `byOrder`, 11 numbers, index = order; `byName`, numbers under names;
 * `recordsByName`, such objects under names; `records`, a list of objects; `word`, a name.
 */
export type Shape = 'byOrder' | 'byName' | 'recordsByName' | 'records' | 'word';

/** Counts by name; the order of the names is fixed by the metric. */
export type ByName = { readonly [name: string]: number };

export type MetricValue =
  | number
  | string
  | null
  | readonly number[]
  | ByName
  | { readonly [name: string]: ByName }
  | readonly object[];

export interface Metric<Key extends string = string, Value extends MetricValue = MetricValue> {
  /** Path in the result, by dots: 'fragmentation.freePages.byOrder'. */
  readonly key: Key;
  readonly label: string;
  readonly unit: string;
  /** Left out for a single number. */
  readonly shape?: Shape;
  readonly better: Better;
  /** How the number comes about, for a reader who doubts it. */
  readonly formula: string;
  /** Fact section, or 'mm-sim' for a count of the simulation itself. */
  readonly source: string;
  read(inputs: RunInputs): Value;
  /** For shapes of records: their numbers (or arrays by order) and the unit of each. */
  readonly fields?: { readonly [field: string]: string };
  /**
   * For shape `records`: what a record is called in keys such as 'fragmentation.zones.Normal.freeBlocks.9'.
   * A position would name another record as soon as one is added before it.
   */
  readonly recordName?: (record: never) => string;
  /** Only names that occur are listed; those that are not count as 0. */
  readonly sparse?: true;
}

/** Checks a metric's type and keeps its key as a literal, from which the type of a run is derived. */
export function defineMetric<const Key extends string, Value extends MetricValue>(
  metric: Metric<Key, Value>,
): Metric<Key, Value> {
  return metric;
}

/** Thousandths of a whole, truncated as the kernel does; 0 of nothing is 0. */
export function thousandths(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.trunc((part * 1000) / whole);
}

/** An object with the names in the order given. */
export function byName<Name extends string, Value = number>(
  names: readonly Name[],
  count: (name: Name, index: number) => Value,
): {
  [name in Name]: Value;
} {
  const counts = {} as { [name in Name]: Value };
  names.forEach((name, index) => {
    counts[name] = count(name, index);
  });
  return counts;
}
