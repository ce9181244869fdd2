/**
 * A validation from end to end: loads a capture once, runs every part on the shared events, and puts the
 * numbers together. Parts know nothing of each other; what each compares stands in its own file.
 */

import { KIND } from '../trace/events.js';
import { directMapResult } from './direct-map.js';
import { type FirstMissContext, type LevelMiss, missContext } from './first-miss.js';
import { type DifferingLine, type KernelMetrics, kernelMetricsResult } from './kernel-metrics.js';
import { type LoadedCapture, type LoadOptions, loadCapture } from './load-capture.js';
import { type RecordedLevel, recordedLevel } from './recorded-level.js';
import { type SimulatedLevel, simulatedLevel } from './simulated-level.js';
import { type FirstMiss, VALIDATION_SCHEMA, type Validation } from './validation.js';

export interface ValidateOptions extends LoadOptions {
  readonly version: string;
  /** Look closer at the first miss. */
  readonly firstMiss: boolean;
}

/** What people get beside the result. */
export interface ValidationDetails {
  readonly cpus: number;
  readonly events: number;
  readonly withoutProbes: boolean;
  /** The kernel carries the freetype series. */
  readonly hasFreetypes: boolean;
  /** The trace has runs of compaction, which turn lists without an event. */
  readonly hasCompaction: boolean;
  /** Free lists with the kernel's blocks in another order, and lists with other blocks. */
  readonly rotatedLists: readonly string[];
  readonly differingLists: readonly string[];
  /** Null unless it was asked for, or where nothing was missed. */
  readonly firstMissContext: FirstMissContext | null;
  readonly wantsFirstMiss: boolean;
  /** Lines of the kernel's metrics that are not the model's. */
  readonly metricLines: readonly DifferingLine[];
}

export interface ValidationReport {
  readonly result: Validation;
  readonly details: ValidationDetails;
  /** Sentences for the user, without a full stop. */
  readonly notes: readonly string[];
}

/** What the parts found. */
interface Parts {
  readonly recorded: RecordedLevel;
  readonly simulated: SimulatedLevel;
  readonly metrics: KernelMetrics;
}

export async function validateCapture(options: ValidateOptions): Promise<ValidationReport> {
  const loaded = await loadCapture(options);
  const recorded = await recordedLevel(loaded);
  const simulated = await simulatedLevel(loaded);
  const metrics = await kernelMetricsResult({ ...loaded, allocator: recorded.allocator });
  const miss = firstMissOf(recorded, simulated);
  const context = options.firstMiss && miss !== null ? await missContext(loaded, miss) : null;
  return {
    result: resultOf(options, loaded, { recorded, simulated, metrics }),
    details: {
      cpus: loaded.machine.cpus,
      events: loaded.events.length,
      withoutProbes: options.withoutProbes,
      hasFreetypes: loaded.before.freetypes,
      hasCompaction: loaded.events.kind.includes(KIND.compactionBegin),
      rotatedLists: recorded.states.rotatedLists,
      differingLists: recorded.states.differingLists,
      firstMissContext: context,
      wantsFirstMiss: options.firstMiss,
      metricLines: metrics.differing,
    },
    notes: [...loaded.notes, ...recorded.notes, ...simulated.notes],
  };
}

function resultOf(
  { version, withoutProbes }: ValidateOptions,
  loaded: LoadedCapture,
  { recorded, simulated, metrics }: Parts,
): Validation {
  return {
    schema: VALIDATION_SCHEMA,
    tool: { version },
    capture: loaded.capture.name,
    kernel: loaded.before.kernel,
    rules: loaded.machine.rules.version,
    recorded: recorded.result,
    simulated: simulated.result,
    probes: !withoutProbes,
    directMap: withoutProbes
      ? null
      : directMapResult({ ...loaded, vmeventDelta: loaded.capture.info.vmeventDelta }),
    flips: simulated.flips,
    metrics: { lines: metrics.lines, equal: metrics.equal },
    firstMiss: placed(loaded, firstMissOf(recorded, simulated)),
  };
}

/** Buddy level first: requests cannot go right on lists that go wrong. */
function firstMissOf(recorded: RecordedLevel, simulated: SimulatedLevel): LevelMiss | null {
  if (recorded.firstMiss !== null) return { ...recorded.firstMiss, level: 'recorded' };
  return simulated.firstMiss === null ? null : { ...simulated.firstMiss, level: 'simulated' };
}

function placed({ events, traceName }: LoadedCapture, miss: LevelMiss | null): FirstMiss | null {
  if (miss === null) return null;
  const level = miss.level === 'recorded' ? 'buddy level' : 'from the requests alone';
  return { file: traceName, line: events.line[miss.at], reason: `${level}: ${miss.reason}` };
}
