/**
 * From what a user names (traces, a machine, cores, marks) to a result: finds what lies beside the trace,
 * surveys it, chooses the start state, and runs the cores.
 */

import { basename } from 'node:path';
import type { CoreChoice } from '../cores/choose-core.js';
import { className } from '../kernel/classes.js';
import { EXIT, UserError } from '../kernel/errors.js';
import { rulesFor } from '../kernel/rules.js';
import { buildMachine } from '../machine/build-machine.js';
import { type Capture, findCapture, findMarksFile } from '../machine/capture.js';
import { chooseMachine, type MachineChoice, machineOptions } from '../machine/choose-machine.js';
import { type Machine, managedPages } from '../machine/machine.js';
import { formatSize } from '../machine/size.js';
import type { StateSnapshot } from '../machine/snapshot.js';
import { machineOfSnapshot } from '../machine/snapshot-machine.js';
import type { NamedCostPreset } from '../metrics/cost.js';
import { RESULT_SCHEMA, type Result } from '../metrics/result.js';
import type { LivePages } from '../pagealloc/core.js';
import { type Mark, parseMark, readMarksFile } from '../trace/marks.js';
import { mergeReaders } from '../trace/merge.js';
import { type OpenedTrace, openTrace } from '../trace/open.js';
import type { TraceReader } from '../trace/reader.js';
import { DEFAULT_VMEMMAP } from '../trace/struct-page.js';
import type { ReplayPlan, StartLive } from './plan.js';
import { type OnProgress, ReadingProgress } from './reading-progress.js';
import { type CoreRun, type RunSettings, runCores } from './run-cores.js';
import { liveInRuns, liveInSnapshot, NOTHING_LIVE } from './start-live.js';
import { type Survey, surveyTrace } from './survey.js';

/** Over the trace: the survey's and the replay's. */
const PASSES = 2;

export type Start = 'empty' | 'trace' | 'capture';

export interface SessionOptions {
  readonly version: string;
  /** Files, in the order given; the name of each in results. */
  readonly traces: readonly { readonly path: string; readonly name: string }[];
  readonly cores: readonly CoreChoice[];
  readonly machine: MachineChoice;
  readonly start?: Start;
  readonly placement: 'simulated' | 'recorded';
  readonly marks: readonly string[];
  readonly inputFormat?: string;
  /** Before the event of this line, or after this time; Infinity for neither. */
  readonly untilLine: number;
  readonly untilNs: number;
  readonly tlbCpus: readonly number[];
  readonly costPreset: NamedCostPreset;
  readonly writeEvent: ((line: string) => void) | null;
  readonly onProgress?: OnProgress;
}

export interface SessionOutcome {
  readonly result: Result;
  /** Sentences for the user about what was assumed, for standard error; none repeats the result. */
  readonly notes: readonly string[];
}

/** What all runs of a session start from: made by the first reading of the trace, changed by no run. */
export interface PreparedSession {
  /** As given, with the folder of a capture replaced by its trace. */
  readonly options: SessionOptions;
  readonly settings: RunSettings;
  readonly capture: Capture | null;
  readonly survey: Survey;
  readonly sha256: string;
  readonly start: Start;
  readonly notes: readonly string[];
}

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

function resultOf(
  { options, settings, capture, survey, sha256, start }: PreparedSession,
  runs: readonly CoreRun[],
): Result {
  const { machine, plan } = settings;
  const { replay } = runs[0];
  const { result: check, report } = survey.check;
  return {
    schema: RESULT_SCHEMA,
    tool: { version: options.version },
    trace: {
      name: capture?.name ?? options.traces.map(({ name }) => basename(name)).join(' + '),
      sha256,
      format: report.format,
      kernel: capture?.info.kernel.release ?? report.release,
      events: totalEvents(check.events.byKind),
      cpus: capture?.info.machine.cpus ?? check.cpus,
      spanNs: check.spanNs ?? 0,
      grade: check.grade,
      reasons: [...check.reasons, ...deviations(options)],
    },
    machine: {
      pages: managedPages(machine),
      zones: machine.zones.map(({ name, startPfn, managed }) => ({ zone: name, startPfn, managed })),
      cpus: machine.cpus,
      kernel: machine.rules.version,
      start,
    },
    marks: plan.marks.map(({ pageClass, expression }, i) => ({
      class: className(pageClass),
      expression,
      requests: replay.markTable.requests[i],
    })),
    recorded: recordedCounts(survey, options),
    runs: runs.map(({ run }) => run),
  };
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

async function startSnapshot(
  { start, machine }: SessionOptions,
  capture: Capture | null,
): Promise<StateSnapshot | null> {
  if (start !== undefined && start !== 'capture') return null;
  if (capture === null) {
    if (start === 'capture') {
      throw new UserError(EXIT.doesNotFit, 'no recorded start state lies beside the trace', {
        advice: 'use --start trace or --start empty',
      });
    }
    return null;
  }
  const hasOwnMachine = machine.machine !== undefined || machine.memory !== undefined;
  if (!hasOwnMachine) return capture.before();
  if (start !== 'capture') return null;
  throw new UserError(EXIT.doesNotFit, 'a recorded start state fits the recorded machine alone', {
    advice: 'leave out --machine and --memory, or use --start trace',
  });
}

function startState({ start }: SessionOptions, snapshot: StateSnapshot | null): Start {
  return start ?? (snapshot === null ? 'trace' : 'capture');
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

/** What the user says, else the recorded machine, else one that the trace fits into. */
async function machineFor(
  options: SessionOptions,
  capture: Capture | null,
  snapshot: StateSnapshot | null,
  survey: Survey,
): Promise<{ machine: Machine; inferred: string | null }> {
  const { machine: choice } = options;
  const { details, result } = survey.check;
  if (snapshot !== null && capture !== null) {
    const iomem = await capture.iomem();
    const extra = { name: capture.name, iomem, cpus: choice.cpus, kernel: choice.kernel };
    return { machine: machineOfSnapshot(snapshot, extra), inferred: null };
  }
  const release = kernelOf(options, capture, survey);
  const kernel = choice.kernel ?? (rulesFor(release) !== null ? release : undefined);
  const cpus = choice.cpus ?? Math.max(result.cpus, 1);
  if (choice.machine !== undefined || choice.memory !== undefined) {
    const base = await machineOptions({ ...choice, kernel });
    const machine = buildMachine({ ...base, cpus: choice.cpus ?? base.cpus ?? cpus });
    return { machine, inferred: null };
  }
  const memory = smallestMemory(details.highestPfn);
  const machine = buildMachine({
    ...(await machineOptions({ memory: formatSize(memory), cpus, kernel })),
    cpus,
  });
  return {
    machine,
    inferred: `no --machine: ${formatSize(memory)} and ${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'} hold all pages of the trace`,
  };
}

/** What the user says, else the recording, else ''. */
function kernelOf({ machine }: SessionOptions, capture: Capture | null, { check }: Survey): string {
  return machine.kernel ?? capture?.info.kernel.release ?? check.report.release;
}

/** The smallest power of two, from 1 GiB on, whose memory map reaches the page. */
function smallestMemory(highestPfn: number): number {
  for (let memory = 2 ** 30; ; memory *= 2) {
    const reaches = buildMachine({ name: 'probe', memory }).endPfn;
    if (reaches > highestPfn || memory >= 2 ** 46) return memory;
  }
}

function livePages(
  survey: Survey,
  machine: Machine,
  { machine: choice }: SessionOptions,
  notes: string[],
): LivePages {
  const { start: first } = survey.check.details;
  if (choice.machine !== undefined || choice.memory !== undefined)
    refuseTooSmall(survey, machine, ', or --start empty');
  if (first.pages > 0) {
    const doubt = first.doubtfulPages > 0 ? `, ${grouped(first.doubtfulPages)} of them in doubt` : '';
    notes.push(
      `start trace: ${grouped(first.pages)} pages were in use when the trace began${doubt}; all others count as free`,
    );
  }
  return { start: first.start, end: first.end, migratetype: new Int8Array(first.start.length).fill(-1) };
}

/** Files of one call are of one machine (DESIGN §4): two recordings, each with a state of its own, are not. */
function refuseTwoCaptures({ filesWithSnapshots }: Survey, { traces }: SessionOptions): void {
  if (filesWithSnapshots.size < 2) return;
  const [first, second] = [...filesWithSnapshots].sort((a, b) => a - b);
  throw new UserError(
    EXIT.doesNotFit,
    `${traces[first].name} and ${traces[second].name} are recordings of two machines`,
    { advice: 'replay them one by one' },
  );
}

/** What makes the numbers other than those of the whole trace: it must stand wherever they are pasted. */
function deviations({ placement, untilLine, untilNs }: SessionOptions): string[] {
  const said: string[] = [];
  if (placement === 'recorded') said.push('pages placed as recorded');
  if (untilLine !== Number.POSITIVE_INFINITY) said.push(`stopped before line ${untilLine}`);
  if (untilNs !== Number.POSITIVE_INFINITY)
    said.push(`stopped ${durationWords(untilNs)} after the first event`);
  return said;
}

function durationWords(ns: number): string {
  if (ns % 1e9 === 0) return `${ns / 1e9} s`;
  return ns % 1e6 === 0 ? `${ns / 1e6} ms` : `${ns} ns`;
}

/** What becomes of the pcp lists when the CPUs are not those of the recorded state (DESIGN §4). */
function cpuNotes(recorded: number, simulated: number): string[] {
  if (simulated > recorded) {
    const more = simulated - recorded;
    return [
      `${more} more ${more === 1 ? 'CPU' : 'CPUs'} than in the recording, with empty pcp lists and no requests`,
    ];
  }
  if (simulated === recorded) return [];
  return [
    `${recorded} CPUs in the recording, ${simulated} here: the pcp lists of the others are drained first, and their requests come from those that stay`,
  ];
}

/** Where pages keep their places, the machine must have them. */
function refuseTooSmall({ check }: Survey, machine: Machine, otherwise = ''): void {
  const { highestPfn } = check.details;
  if (highestPfn < machine.endPfn) return;
  throw new UserError(
    EXIT.doesNotFit,
    `the trace names page ${highestPfn}, the machine ends at page ${machine.endPfn - 1}`,
    { advice: `use --memory ${formatSize(smallestMemory(highestPfn))}${otherwise}` },
  );
}

/** A table of zeros would look like an answer. */
function refuseNoRequests({ check }: Survey, { traces }: SessionOptions): void {
  const { allocations, frees } = check.result;
  if (allocations.served + allocations.failed + frees.reported > 0) return;
  const name = traces.map((trace) => trace.name).join(' + ');
  throw new UserError(EXIT.badInput, 'holds no mm_page_alloc and no mm_page_free event', {
    place: { file: name },
    advice: `see what it holds with 'mm-sim check ${traces[0].name}'`,
  });
}

function refuseAmbiguousLine({ traces, untilLine }: SessionOptions): void {
  if (traces.length < 2 || untilLine === Number.POSITIVE_INFINITY) return;
  throw new UserError(EXIT.commandLine, `--until ${untilLine}: several traces have such a line`, {
    advice: 'give a time, such as 1.5s',
  });
}

function startLiveOf(start: Start, snapshot: StateSnapshot | null, live: LivePages | null): StartLive {
  if (start === 'capture' && snapshot !== null) return liveInSnapshot(snapshot);
  return live === null ? NOTHING_LIVE : liveInRuns(live.start, live.end);
}

function planOf(
  options: SessionOptions,
  survey: Survey,
  marks: readonly Mark[],
  machine: Machine,
  snapshot: StateSnapshot | null,
  startLive: StartLive,
): ReplayPlan {
  const { labels, decayZones } = survey;
  return {
    gfpBits: survey.gfpBits,
    comms: survey.comms,
    labels: labels.classes.count > 0 ? labels.classes : null,
    splitTables: labels.splitTables.count > 0 ? labels.splitTables : null,
    marks,
    filesWithSnapshots: survey.filesWithSnapshots,
    hasDecays: decayZones.length > 0,
    hasKswapd: (survey.check.result.events.byKind.mm_vmscan_kswapd_wake ?? 0) > 0,
    timeIsNs: survey.check.report.clock === 'seconds' || survey.check.report.clock === 'relative',
    zoneOfAddress: zonePositions(machine, snapshot, decayZones),
    vmemmap: snapshot?.vmemmap ?? DEFAULT_VMEMMAP,
    startLive,
    placement: options.placement,
    untilLine: options.untilLine,
    untilNs: options.untilNs,
  };
}

/** A state names the addresses of its zones; without one the n-th address is that of the n-th zone. */
function zonePositions(
  machine: Machine,
  snapshot: StateSnapshot | null,
  addresses: readonly number[],
): Map<number, number> {
  const positions = new Map<number, number>();
  machine.zones.forEach(({ index }, position) => {
    const recorded = snapshot?.zones.find(({ zone }) => zone === index);
    const address = recorded?.address ?? addresses[position];
    if (address !== undefined) positions.set(address, position);
  });
  return positions;
}

/** The kernel's own counts hold for the whole recording: none for a part of it. */
function recordedCounts(
  { labels, check }: Survey,
  { untilLine, untilNs }: SessionOptions,
): Result['recorded'] {
  if (untilLine !== Number.POSITIVE_INFINITY || untilNs !== Number.POSITIVE_INFINITY) return null;
  const { splits, shootdowns, extfrag } = labels.recorded;
  const hasProbes = labels.probesSeen;
  if (!hasProbes && !check.details.buddyLevelEvents) return null;
  return {
    splits: hasProbes ? { level2: splits.level2, level3: splits.level3 } : null,
    shootdowns: hasProbes ? { full: shootdowns.full, ranged: shootdowns.ranged } : null,
    extfrag: check.details.buddyLevelEvents ? { ...extfrag } : null,
  };
}

function totalEvents(byKind: Readonly<Record<string, number>>): number {
  return Object.values(byKind).reduce((sum, count) => sum + count, 0);
}

const SKIPPED_WORDS: Readonly<Record<string, string>> = {
  batchRepeats: 'frees told again by mm_page_free_batched',
  freesOfUnseenPages: 'freed pages that were handed out silently',
  freesAfterCompactionFree: 'pages that compaction took back',
  recordedPageTables: "page tables for the recorded kernel's own splits",
  freesOfFailedRequests: 'freed pages of requests that failed here',
};

/** One sentence for all that was not a request, with its count (DESIGN §4), and one for what was made up. */
function skippedNotes(skipped: Readonly<Record<string, number>>): string[] {
  const parts = Object.entries(SKIPPED_WORDS)
    .filter(([key]) => skipped[key] > 0)
    .map(([key, words]) => `${grouped(skipped[key])} ${words}`);
  const notes = parts.length === 0 ? [] : [`left out, being no requests: ${parts.join('; ')}`];
  const { allocationsOverLivePages: lost } = skipped;
  if (lost > 0) {
    notes.push(
      `${grouped(lost)} ${lost === 1 ? 'page was' : 'pages were'} handed out while still live: the frees are missing in the trace and were made up`,
    );
  }
  return notes;
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
