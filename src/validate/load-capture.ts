/**
 * A capture, loaded for validation: both states, the machine, and all events between them, read once and
 * shared by all parts. What would make the comparison meaningless is refused here, in one line: a marker or
 * a state that is missing, lines that were lost, a kernel whose rules are not known.
 */

import { basename, join } from 'node:path';
import { group } from '../kernel/counted.js';
import { EXIT, UserError } from '../kernel/errors.js';
import { rulesFor } from '../kernel/rules.js';
import { type Capture, findCapture } from '../machine/capture.js';
import type { Machine } from '../machine/machine.js';
import type { StateSnapshot } from '../machine/snapshot.js';
import { machineOfSnapshot } from '../machine/snapshot-machine.js';
import { decodeGfps } from '../trace/gfp.js';
import { migratetypeTable } from '../trace/migratetype.js';
import { type OpenedTrace, openTrace } from '../trace/open.js';
import type { TraceReader } from '../trace/reader.js';
import { refuseLines, refuseLoss } from './capture-loss.js';
import { PlainEventsReader } from './plain-events.js';
import { type CaptureEvents, readBetweenMarkers } from './whole-trace.js';

export interface LoadOptions {
  readonly path: string;
  /** Rules of another kernel than the recorded one. */
  readonly kernel?: string;
  /** As if the trace had the kernel's own events alone. */
  readonly withoutProbes: boolean;
  /** Stands before the reader, to see how far it has come. */
  readonly watch?: (reader: OpenedTrace) => TraceReader;
}

export interface LoadedCapture {
  readonly capture: Capture;
  readonly before: StateSnapshot;
  readonly after: StateSnapshot;
  readonly machine: Machine;
  /** Between the markers. */
  readonly events: CaptureEvents;
  /** Bits of a gfp id of the events, in the values of kernel/gfp.ts. */
  readonly gfpBits: (gfp: number) => number;
  /** The texts of gfp ids. */
  readonly gfps: readonly string[];
  readonly comms: readonly string[];
  /** Name of the trace file, without its folder. */
  readonly traceName: string;
  /** Sentences for the user, without a full stop. */
  readonly notes: readonly string[];
}

const COPY_AGAIN = 'copy the capture again, or record it again';

export async function loadCapture(options: LoadOptions): Promise<LoadedCapture> {
  const { path, kernel } = options;
  const capture = await captureAt(path);
  const notes = [...rulesNotes(capture, kernel), ...problemNotes(capture)];
  await refuseLoss(capture);
  const before = await stateOf(capture, 1);
  const after = await stateOf(capture, 2);
  const machine = machineOfSnapshot(before, { name: capture.name, iomem: await capture.iomem(), kernel });
  const reader = await openTrace(capture.traceFile).catch((error) => {
    throw withAdvice(error);
  });
  try {
    const watched = options.watch?.(reader) ?? reader;
    const events = await readBetweenMarkers(
      options.withoutProbes ? new PlainEventsReader(watched) : watched,
      migratetypeTable(reader.report, before.hasCma),
    );
    refuseLines(capture, reader.report, events);
    const { bits, notes: gfpNotes } = decodeGfps(reader.gfps, reader.report);
    return {
      capture,
      before,
      after,
      machine,
      events,
      gfpBits: (gfp) => bits[gfp],
      gfps: reader.gfps,
      comms: reader.comms,
      traceName: basename(capture.traceFile),
      notes: [...notes, ...gfpNotes],
    };
  } finally {
    await reader.close();
  }
}

async function captureAt(path: string): Promise<Capture> {
  const capture = await findCapture(path);
  if (capture !== null) return capture;
  throw new UserError(
    EXIT.badInput,
    'no capture.json lies there: without the recorded states there is nothing to compare',
    {
      place: { file: path },
      advice: `name a folder with a capture, or see what a plain trace tells with 'mm-sim check'`,
    },
  );
}

/** The nearest rules where the kernel has none of its own; refuses a kernel that is too old for any. */
function rulesNotes({ info, folder }: Capture, kernel: string | undefined): string[] {
  const release = kernel ?? info.kernel.release;
  const choice = rulesFor(release);
  if (choice !== null) {
    const notes = choice.warning === undefined ? [] : [choice.warning];
    const recorded = rulesFor(info.kernel.release)?.rules.version;
    if (recorded !== undefined && recorded !== choice.rules.version)
      notes.push(`the rules of ${choice.rules.version} are used for a capture of ${info.kernel.release}`);
    return notes;
  }
  if (kernel !== undefined) {
    throw new UserError(EXIT.commandLine, `--kernel ${kernel}: the rules of this kernel are not known`, {
      advice: 'use 7.3, 7.2 or 6.12',
    });
  }
  throw new UserError(EXIT.doesNotFit, `kernel ${release}: rules are known from 6.12 on`, {
    place: { file: join(folder, 'capture.json') },
    advice: 'use --kernel 6.12 to see how far those of 6.12 fit, or record a newer kernel',
  });
}

function problemNotes({ info }: Capture): string[] {
  return info.problems.length === 0
    ? []
    : [
        `the recorder found ${group(info.problems.length)} problems (capture.json, problems): ${JSON.stringify(info.problems[0])}`,
      ];
}

async function stateOf(capture: Capture, number: 1 | 2): Promise<StateSnapshot> {
  const { info, folder } = capture;
  const name = number === 1 ? info.state.before : info.state.after;
  if (name === undefined) {
    throw new UserError(EXIT.badInput, 'state.after is missing: there is no state to compare the end with', {
      place: { file: join(folder, 'capture.json') },
      advice: "record it again, or look at the trace with 'mm-sim replay'",
    });
  }
  const place = { file: join(folder, name) };
  const state = await (number === 1 ? capture.before() : (capture.after() as Promise<StateSnapshot>)).catch(
    (error) => {
      throw withAdvice(error);
    },
  );
  if (state.number !== number) {
    throw new UserError(EXIT.doesNotFit, `is snapshot ${state.number} where snapshot ${number} should be`, {
      place,
      advice: COPY_AGAIN,
    });
  }
  if (state.kernel !== info.kernel.release) {
    const problem = `is of kernel ${state.kernel}, but capture.json is of ${info.kernel.release}`;
    throw new UserError(EXIT.doesNotFit, problem, { place, advice: COPY_AGAIN });
  }
  return state;
}

/** A file that is missing or damaged is one of a capture: the way out is to copy it again. */
function withAdvice(error: unknown): unknown {
  if (!(error instanceof UserError) || (error.advice !== undefined && error.advice !== 'check the path'))
    return error;
  return new UserError(error.exitCode, error.message, { place: error.place, advice: COPY_AGAIN });
}
