/**
 * The result of `replay` and `compare`, "mm-sim/result@1": what JSON, CSV, tables and `diff` are made of
 * (DESIGN §5). These types are its documentation.
 *
 * Counts are exact integers; shares and indices are thousandths, truncated. Arrays named byOrder,
 * freeBlocks and …Index have 11 entries, index = order. There is no time stamp, no path and nothing of the
 * machine that mm-sim ran on, so that equal inputs give equal bytes.
 *
 * The runs are filled from the registry. The check at the end of this file makes the compiler refuse a
 * metric that these types do not have, and a field that no metric fills.
 */

import type { CostPreset } from '../directmap/cost.js';
import type { FlushCause, LeafCensus } from '../directmap/counts.js';
import type { FREETYPE_NAMES } from '../kernel/migratetypes.js';
import type { REASONS } from './allocation.js';
import type { FallbackRecord, ZoneRecord } from './fragmentation.js';
import type { Metric, RunInputs } from './metric.js';
import { METRICS, type RegisteredMetric } from './registry.js';

export const RESULT_SCHEMA = 'mm-sim/result@1';

export interface Result extends ResultHead {
  runs: Run[];
}

/** What was run on what; the same for all runs of a result. */
export interface ResultHead {
  schema: typeof RESULT_SCHEMA;
  tool: { version: string };
  trace: TraceHead;
  machine: MachineHead;
  marks: MarkHead[];
  recorded: Recorded | null;
}

export type Grade = 'A' | 'B' | 'C' | 'D' | 'S';

export interface TraceHead {
  /** File name without its folder; several names are joined by ' + '. */
  name: string;
  sha256: string;
  format: string;
  /** Release of the recorded kernel; '' when the trace does not say. */
  kernel: string;
  events: number;
  cpus: number;
  spanNs: number;
  grade: Grade;
  /** Why not a better grade: sentences without a full stop. */
  reasons: string[];
}

export interface MachineHead {
  /** Pages that the allocator manages. */
  pages: number;
  zones: { zone: string; startPfn: number; managed: number }[];
  cpus: number;
  /** Version whose rules were used. */
  kernel: string;
  start: 'empty' | 'trace' | 'capture';
}

export interface MarkHead {
  class: string;
  expression: string;
  /** Requests that the mark gave its class. */
  requests: number;
}

/** The kernel's own counts, as far as the trace carries them. */
export interface Recorded {
  splits: { level2: number; level3: number } | null;
  shootdowns: { full: number; ranged: number } | null;
  extfrag: Extfrag | null;
}

export interface CoreHead {
  name: string;
  params: { [name: string]: string | number | boolean };
  /** What the user wrote: 'freetype:series=v2-dev'. */
  spec: string;
}

export interface Run extends RunMetrics {
  core: CoreHead;
}

type Reasons = { [reason in (typeof REASONS)[number]]: number };
type Freetypes = { [freetype in (typeof FREETYPE_NAMES)[number]]: number };
type Flips = { operations: number; blocks: number };
/** Nanoseconds by number of CPUs, at the preset's low, middle and high prices. */
type DerivedNs = { [cpus: string]: { low: number; mid: number; high: number } };

export interface Extfrag {
  all: number;
  fragmenting: number;
  forUnmovable: number;
  unmovableIntoMovable: number;
}

export interface RunMetrics {
  allocation: {
    requests: number;
    served: number;
    failed: { total: number; byReason: Reasons; byOrder: number[] };
    failedInRecording: number;
    freedPages: number;
    livePages: number;
    peakPages: number;
    bytesServed: number;
    byClass: { [className: string]: { requests: number; served: number; failed: number; peakPages: number } };
    nested: { pageTables: number; depthMax: number; failed: number };
    zeroedPages: number;
  };
  work: {
    pcpRefills: number;
    pcpDrains: number;
    zoneLockTakes: number;
    listSteps: number;
    pagesMigrated: number;
    compactionRuns: number;
    compactionWanted: number;
  };
  fragmentation: {
    freePages: { total: number; byOrder: number[]; byFreetype: Freetypes };
    zones: ZoneRecord[];
    pageblocks: { byFreetype: Freetypes; mixed: number };
    fallbacks: { claims: number; steals: number; byTypes: FallbackRecord[] };
    extfrag: Extfrag;
    free2M: { now: number; best: number; min: number };
    unmovableShare: { '2M': number; '32M': number; '1G': number };
    /** null for a core that keeps no pages apart. */
    stranded: { pages: number; peakPages: number; atFailures: number } | null;
  };
  /** null unless `--probe` was given. */
  probe: { tried: number; served: number; failed: { byReason: Reasons } } | null;
  splits: {
    level2: number;
    level3: number;
    pageTablePages: number;
    collapses: number;
    leaves: { before: LeafCensus; after: LeafCensus };
    share: { '2M': number; '1G': number };
    nonGlobal2M: number;
  };
  shootdowns: {
    flushes: number;
    full: number;
    ranged: number;
    pagesFlushed: number;
    byCause: { [cause in FlushCause]: number };
    flips: { toUnmapped: Flips; toMapped: Flips; refused: Reasons };
    ipis: { [cpus: string]: number };
    perGiB: { flushes: number | null; markedPages: number };
    window: { pages: number; pageSeconds: number };
  };
  cost: {
    preset: string;
    /** What one of each is taken to cost, in nanoseconds. */
    prices: { [parameter in keyof CostPreset]: { low: number; mid: number; high: number } };
    derivedNs: { initiator: DerivedNs; stolen: DerivedNs };
  };
}

/** A result with its keys in the order of this file, whatever the order of those it is made of. */
export function makeResult(head: Omit<ResultHead, 'schema'>, runs: readonly Run[]): Result {
  const { tool, trace, machine, marks, recorded } = head;
  return {
    schema: RESULT_SCHEMA,
    tool: { version: tool.version },
    trace: {
      name: trace.name,
      sha256: trace.sha256,
      format: trace.format,
      kernel: trace.kernel,
      events: trace.events,
      cpus: trace.cpus,
      spanNs: trace.spanNs,
      grade: trace.grade,
      reasons: trace.reasons.slice(),
    },
    machine: {
      pages: machine.pages,
      zones: machine.zones.map(({ zone, startPfn, managed }) => ({ zone, startPfn, managed })),
      cpus: machine.cpus,
      kernel: machine.kernel,
      start: machine.start,
    },
    marks: marks.map((mark) => ({ class: mark.class, expression: mark.expression, requests: mark.requests })),
    recorded: recorded === null ? null : orderedRecord(recorded),
    runs: runs.slice(),
  };
}

function orderedRecord({ splits, shootdowns, extfrag }: Recorded): Recorded {
  return {
    splits: splits === null ? null : { level2: splits.level2, level3: splits.level3 },
    shootdowns: shootdowns === null ? null : { full: shootdowns.full, ranged: shootdowns.ranged },
    extfrag:
      extfrag === null
        ? null
        : {
            all: extfrag.all,
            fragmenting: extfrag.fragmenting,
            forUnmovable: extfrag.forUnmovable,
            unmovableIntoMovable: extfrag.unmovableIntoMovable,
          },
  };
}

/** Objects that are null as a whole when none of their numbers applies. */
const NULLABLE = ['fragmentation.stranded', 'probe'];

/** Reads every metric of a run, in registry order. */
export function readRun(inputs: RunInputs, core: CoreHead): Run {
  const run: Branch = { core: { name: core.name, params: core.params, spec: core.spec } };
  for (const metric of METRICS as readonly Metric[]) {
    const value = metric.read(inputs);
    const absent = NULLABLE.find((path) => metric.key.startsWith(`${path}.`));
    if (absent !== undefined && value === null) plant(run, absent, null);
    else plant(run, metric.key, value);
  }
  // The check below holds the registry to RunMetrics, so the object built from it is one.
  return run as unknown as Run;
}

type Branch = { [name: string]: unknown };

function plant(root: Branch, path: string, value: unknown): void {
  const names = path.split('.');
  const last = names.pop()!;
  let branch = root;
  for (const name of names) {
    branch[name] ??= {};
    branch = branch[name] as Branch;
  }
  branch[last] = value;
}

// The check: the tree that the registry's keys and values span, and RunMetrics, each fit the other. When the
// last line is an error, a metric and RunMetrics disagree on a name or a type.

type FirstName<Key extends string> = Key extends `${infer Name}.${string}` ? Name : Key;
type Below<M, Name extends string> =
  M extends Metric<infer Key, infer Value>
    ? Key extends `${Name}.${infer Rest}`
      ? Metric<Rest, Value>
      : never
    : never;
type ValueAt<M, Name extends string> = M extends Metric<Name, infer Value> ? Value : never;
type MayBeNull<M> = M extends Metric<string, infer Value> ? (null extends Value ? M : never) : never;
/** An object of which every number may be null is null as a whole. */
type Grown<M extends { key: string }> = [Exclude<M, MayBeNull<M>>] extends [never]
  ? NonNull<M> | null
  : Tree<M>;
type NonNull<M extends { key: string }> = {
  [Name in FirstName<M['key']>]: Name extends M['key']
    ? NonNullable<ValueAt<M, Name>>
    : NonNull<Below<M, Name>>;
};
type Tree<M extends { key: string }> = {
  [Name in FirstName<M['key']>]: Name extends M['key'] ? ValueAt<M, Name> : Grown<Below<M, Name>>;
};
type Fits<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Assert<True extends true> = True;
/** Not for use: it exists to be compiled. */
export type RegistryFitsResult = Assert<Fits<Tree<RegisteredMetric>, RunMetrics>>;
