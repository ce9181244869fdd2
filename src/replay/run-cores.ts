/**
 * A trace through one or several cores: builds each core with parts of its own, reads the trace once, feeds
 * every batch to all of them, and reads the metrics.
 */

import type { CoreChoice } from '../cores/choose-core.js';
import { DirectMap } from '../directmap/direct-map.js';
import { className } from '../kernel/classes.js';
import { EXIT, UserError } from '../kernel/errors.js';
import type { Machine } from '../machine/machine.js';
import type { Snapshot } from '../machine/snapshot.js';
import type { NamedCostPreset } from '../metrics/cost.js';
import type { RunInputs } from '../metrics/metric.js';
import { type Run, readRun } from '../metrics/result.js';
import { type Core, type LivePages, NO_OBSERVER } from '../pagealloc/core.js';
import { AllocatorCounters } from '../pagealloc/counters.js';
import { EMPTY_MEMORY } from '../pagealloc/memory-view.js';
import { type MigratetypeTable, renumberMigratetype } from '../trace/migratetype.js';
import type { TraceReader } from '../trace/reader.js';
import { EventRecorder } from './event-recorder.js';
import type { ReplayPlan } from './plan.js';
import { classesSeen, Replay } from './replay.js';

export interface RunSettings {
  readonly machine: Machine;
  readonly snapshot: Snapshot | null;
  readonly live: LivePages | null;
  readonly plan: ReplayPlan;
  readonly migratetypes: MigratetypeTable;
  readonly tlbCpus: readonly number[];
  readonly costPreset: NamedCostPreset;
  /** Gets a JSON line an event of every run, when asked for. */
  readonly writeEvent: ((line: string) => void) | null;
  /** More than one trace was merged: events then name theirs, the first being 1. */
  readonly hasSeveralTraces: boolean;
}

export interface CoreRun {
  readonly run: Run;
  readonly replay: Replay;
}

/** A core with parts of its own, and the replay that feeds it. */
export interface Lane {
  readonly choice: CoreChoice;
  readonly core: Core;
  readonly directMap: DirectMap;
  readonly replay: Replay;
}

/** Runs side by side over one reading of the trace. The reader is left at its end, or where all were done. */
export async function runCores(
  choices: readonly CoreChoice[],
  reader: TraceReader,
  settings: RunSettings,
): Promise<CoreRun[]> {
  const lanes = choices.map((choice) => makeLane(choice, settings));
  for (let columns = await reader.next(); columns !== null; columns = await reader.next()) {
    renumberMigratetype(columns, settings.migratetypes);
    for (const { replay } of lanes) replay.feed(columns);
    if (lanes.every(({ replay }) => replay.isDone)) break;
  }
  return lanes.map((lane) => finishLane(lane, settings));
}

export function makeLane(choice: CoreChoice, settings: RunSettings): Lane {
  const { machine, snapshot, live, plan, writeEvent } = settings;
  const directMap = new DirectMap(machine, snapshot);
  const recorder =
    writeEvent === null ? null : new EventRecorder(choice.spec, writeEvent, settings.hasSeveralTraces);
  if (recorder !== null) directMap.observer = recorder;
  const parts = {
    machine,
    directMap,
    snapshot,
    live,
    observer: recorder ?? NO_OBSERVER,
    kswapdIsRecorded: plan.hasKswapd,
  };
  const core = choice.entry.create(parts, choice.parameters);
  if (plan.placement === 'recorded' && core.allocAt === undefined) {
    throw new UserError(
      EXIT.doesNotFit,
      `core ${choice.spec} places pages itself; it cannot follow recorded placement`,
      {
        advice: 'leave out --placement recorded, or use core baseline',
      },
    );
  }
  return { choice, core, directMap, replay: new Replay(core, directMap, machine, plan, recorder) };
}

function finishLane({ choice, core, directMap, replay }: Lane, settings: RunSettings): CoreRun {
  replay.finish();
  refuseUnservedClasses(choice, replay);
  const measures = core.measures?.();
  const inputs: RunInputs = {
    accounting: replay.accounting,
    counters: measures?.counters ?? new AllocatorCounters(),
    memory: measures?.memory ?? EMPTY_MEMORY,
    directMap: {
      counts: directMap.counts,
      before: directMap.censusBefore,
      after: directMap.census(),
      mappedPages: directMap.mappedPages(),
      nonGlobal2M: directMap.nonGlobal2M(),
    },
    tlbCpus: settings.tlbCpus,
    machine: settings.machine,
    costPreset: settings.costPreset,
    probe: null,
    pool: measures?.pool ?? null,
  };
  const { info } = choice.entry;
  return {
    run: readRun(inputs, { name: info.name, params: { ...choice.parameters }, spec: choice.spec }),
    replay,
  };
}

/** A core that serves none of the trace's classes would answer a question that nobody asked (DESIGN §4). */
function refuseUnservedClasses({ entry, spec }: CoreChoice, replay: Replay): void {
  const seen = classesSeen(replay.accounting).map(className);
  if (seen.length === 0 || seen.some((name) => entry.info.classes.includes(name.replace(/:.*$/, '')))) return;
  throw new UserError(
    EXIT.doesNotFit,
    `core ${spec} serves ${entry.info.classes.join(', ')}; the trace marks only ${seen.join(', ')}`,
    { advice: 'choose another core or other marks' },
  );
}
