/**
 * From what a user names (traces, a machine, cores, marks) to a result: finds what lies beside the trace,
 * surveys it, chooses the start state, and runs the cores.
 */

import { rulesFor } from '../kernel/rules.js';
import { type Capture, findCapture, findMarksFile } from '../machine/capture.js';
import { chooseMachine } from '../machine/choose-machine.js';
import type { StateSnapshot } from '../machine/snapshot.js';
import { type Mark, parseMark, readMarksFile } from '../trace/marks.js';
import { mergeReaders } from '../trace/merge.js';
import { type OpenedTrace, openTrace } from '../trace/open.js';
import type { TraceReader } from '../trace/reader.js';
import { ReadingProgress } from './reading-progress.js';
import { runCores } from './run-cores.js';
import {
  cpuNotes,
  refuseAmbiguousLine,
  refuseNoRequests,
  refuseTwoCaptures,
  skippedNotes,
} from './session-checks.js';
import {
  kernelOf,
  livePages,
  machineFor,
  refuseTooSmall,
  startLiveOf,
  startSnapshot,
  startState,
} from './session-machine.js';
import type { SessionOptions, SessionOutcome } from './session-options.js';
import { planOf } from './session-plan.js';
import { type PreparedSession, resultOf } from './session-result.js';
import { type Survey, surveyTrace } from './survey.js';

/** Over the trace: the survey's and the replay's. */
const PASSES = 2;

export async function runSession(given: SessionOptions): Promise<SessionOutcome> {
  const progress = new ReadingProgress(PASSES, given.onProgress ?? (() => {}));
  const session = await prepareSession(given, progress);
  const { reader, files } = await openAll(session.options, false);
  try {
    const runs = await runCores(session.options.cores, progress.watch(reader, files), session.settings);
    const notes = [...session.notes, ...skippedNotes(runs[0].replay.accounting.skipped)];
    return { result: resultOf(session, runs), notes };
  } finally {
    await reader.close();
  }
}

export async function prepareSession(
  given: SessionOptions,
  progress: ReadingProgress,
): Promise<PreparedSession> {
  refuseAmbiguousLine(given);
  // A name or size that is wrong is told before the trace is read.
  await chooseMachine(given.machine);
  const { options, capture } = await withCapture(given);
  const snapshot = await startSnapshot(options, capture);
  const marks = await allMarks(options);
  const { survey, sha256 } = await surveyAll(options, capture, snapshot, progress);
  refuseNoRequests(survey, options);
  refuseTwoCaptures(survey, options);
  const notes = [...survey.check.report.notes, ...survey.gfpNotes];
  const { machine, inferred } = await machineFor(options, capture, snapshot, survey);
  if (inferred !== null) notes.push(inferred);
  const nearestRules = rulesFor(kernelOf(options, capture, survey))?.warning;
  if (nearestRules !== undefined) notes.push(nearestRules);
  if (survey.filesWithSnapshots.size > 0 && options.traces.length > 1) {
    const [file] = survey.filesWithSnapshots;
    notes.push(
      `with several traces the recorded state of ${options.traces[file].name} is not used: start ${startState(options, snapshot)}`,
    );
  }
  if (snapshot !== null && capture !== null) notes.push(...cpuNotes(capture.info.machine.cpus, machine.cpus));
  if (options.placement === 'recorded') refuseTooSmall(survey, machine);
  const start = startState(options, snapshot);
  const live = start === 'trace' ? livePages(survey, machine, options, notes) : null;
  const plan = planOf(options, survey, marks, machine, snapshot, startLiveOf(start, snapshot, live));
  const settings = {
    machine,
    snapshot,
    live,
    plan,
    migratetypes: survey.migratetypes,
    tlbCpus: options.tlbCpus,
    costPreset: options.costPreset,
    writeEvent: options.writeEvent,
    hasSeveralTraces: options.traces.length > 1,
  };
  return { options, settings, capture, survey, sha256, start, notes };
}

/** A capture may be named by its folder. The state of one says nothing of what others were merged into it. */
async function withCapture(
  given: SessionOptions,
): Promise<{ options: SessionOptions; capture: Capture | null }> {
  const captures: (Capture | null)[] = [];
  for (const { path } of given.traces) captures.push(await findCapture(path));
  const traces = given.traces.map(({ path, name }, i) => ({ path: captures[i]?.traceFile ?? path, name }));
  return { options: { ...given, traces }, capture: traces.length === 1 ? captures[0] : null };
}

/** Marks of the command line come first; those beside the trace are its defaults (DESIGN §4). */
async function allMarks({ marks, traces }: SessionOptions): Promise<Mark[]> {
  const given = marks.map(parseMark);
  if (given.length > 0) return given;
  const beside: Mark[] = [];
  for (const { path } of traces) {
    const file = await findMarksFile(path);
    if (file !== null) beside.push(...((await readMarksFile(file)) ?? []));
  }
  return beside;
}

/** All files as one reader; the files by themselves for their checksums. */
async function openAll(
  { traces, inputFormat }: SessionOptions,
  sha256: boolean,
): Promise<{ reader: TraceReader; files: OpenedTrace[] }> {
  const files: OpenedTrace[] = [];
  for (const { path } of traces) files.push(await openTrace(path, { inputFormat, sha256 }));
  const names = traces.map(({ name }) => name);
  return { reader: mergeReaders(files, names), files };
}

async function surveyAll(
  options: SessionOptions,
  capture: Capture | null,
  snapshot: StateSnapshot | null,
  progress: ReadingProgress,
): Promise<{ survey: Survey; sha256: string }> {
  const { reader, files } = await openAll(options, true);
  try {
    const survey = await surveyTrace(progress.watch(reader, files), {
      exactStartState: snapshot !== null,
      buddyLevelEvents:
        capture === null ? undefined : capture.info.trace.events.mm_page_alloc_zone_locked !== undefined,
      synthetic: files.some(({ report }) => report.format === 'csv'),
      vmemmap: snapshot?.vmemmap,
      pageOffset: snapshot?.pageOffset,
      vmeventDelta: capture?.info.vmeventDelta,
      hasCma: snapshot?.hasCma,
    });
    return { survey, sha256: files.map(({ source }) => source.sha256 ?? '').join('+') };
  } finally {
    await reader.close();
  }
}
