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
import { type MachineChoice, machineOptions } from '../machine/choose-machine.js';
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
import { runCores } from './run-cores.js';
import { liveInRuns, liveInSnapshot, NOTHING_LIVE } from './start-live.js';
import { type Survey, surveyTrace } from './survey.js';

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
  /** Told of bytes read: a share of all reading that is to be done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

export interface SessionOutcome {
  readonly result: Result;
  /** Sentences for the user about what was assumed, for standard error; none repeats the result. */
  readonly notes: readonly string[];
}

export async function runSession(given: SessionOptions): Promise<SessionOutcome> {
  const capture = given.traces.length === 1 ? await findCapture(given.traces[0].path) : null;
  // A capture may be named by its folder.
  const options =
    capture === null
      ? given
      : { ...given, traces: [{ path: capture.traceFile, name: given.traces[0].name }] };
  const snapshot = await startSnapshot(options, capture);
  const marks = await allMarks(options);
  const { survey, sha256 } = await surveyAll(options, capture, snapshot);
  const notes = [...survey.check.report.notes, ...survey.gfpNotes];
  const { machine, inferred } = await machineFor(options, capture, snapshot, survey);
  if (inferred !== null) notes.push(inferred);
  const start = startState(options, snapshot);
  const live = start === 'trace' ? livePages(survey, machine, options, notes) : null;
  const plan = planOf(options, survey, marks, machine, snapshot, startLiveOf(start, snapshot, live));

  const { reader } = await openAll(options, false);
  try {
    const runs = await runCores(options.cores, reader, {
      machine,
      snapshot,
      live,
      plan,
      migratetypes: survey.migratetypes,
      tlbCpus: options.tlbCpus,
      costPreset: options.costPreset,
      writeEvent: options.writeEvent,
    });
    const { replay } = runs[0];
    const { result: check, report } = survey.check;
    const result: Result = {
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
        reasons: [...check.reasons],
      },
      machine: {
        pages: managedPages(machine),
        zones: machine.zones.map(({ name, startPfn, managed }) => ({ zone: name, startPfn, managed })),
        cpus: machine.cpus,
        kernel: machine.rules.version,
        start,
      },
      marks: marks.map(({ pageClass, expression }, i) => ({
        class: className(pageClass),
        expression,
        requests: replay.markTable.requests[i],
      })),
      recorded: recordedCounts(survey, options),
      runs: runs.map(({ run }) => run),
    };
    return { result, notes: [...notes, ...skippedNotes(replay.accounting.skipped)] };
  } finally {
    await reader.close();
  }
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
): Promise<{ survey: Survey; sha256: string }> {
  const { reader, files } = await openAll(options, true);
  try {
    const survey = await surveyTrace(reader, {
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
  const { details, result, report } = survey.check;
  if (snapshot !== null && capture !== null) {
    const iomem = await capture.iomem();
    const extra = { name: capture.name, iomem, cpus: choice.cpus, kernel: choice.kernel };
    return { machine: machineOfSnapshot(snapshot, extra), inferred: null };
  }
  const release = capture?.info.kernel.release ?? report.release;
  const kernel = choice.kernel ?? (release !== '' && rulesFor(release) !== null ? release : undefined);
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
    inferred: `no machine was named: ${formatSize(memory)} with ${cpus} CPUs, which the trace's pages fit into`,
  };
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
  const { start: first, highestPfn } = survey.check.details;
  const isChosen = choice.machine !== undefined || choice.memory !== undefined;
  if (isChosen && highestPfn >= machine.endPfn) {
    throw new UserError(
      EXIT.doesNotFit,
      `the trace names page ${highestPfn}, the machine ends at page ${machine.endPfn - 1}`,
      { advice: `use --memory ${formatSize(smallestMemory(highestPfn))}, or --start empty` },
    );
  }
  if (first.pages > 0) {
    const doubt = first.doubtfulPages > 0 ? `, ${first.doubtfulPages} of them in doubt` : '';
    notes.push(
      `start trace: ${first.pages} pages were in use when the trace began${doubt}; all others count as free`,
    );
  }
  return { start: first.start, end: first.end, migratetype: new Int8Array(first.start.length).fill(-1) };
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
    hasSnapshots: survey.hasSnapshots,
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
  batchRepeats: 'batch repeats of frees',
  freesOfUnseenPages: 'frees of pages never seen (silent allocations)',
  freesAfterCompactionFree: 'pages that compaction took back',
  recordedPageTables: "page tables of the recorded kernel's own splits",
  freesOfFailedRequests: 'frees of requests that failed here',
  allocationsOverLivePages: 'allocations over live pages (lost frees)',
};

/** One sentence for all that was not a request, with its count (DESIGN §4). */
function skippedNotes(skipped: Readonly<Record<string, number>>): string[] {
  const parts = Object.entries(SKIPPED_WORDS)
    .filter(([key]) => skipped[key] > 0)
    .map(([key, words]) => `${skipped[key]} ${words}`);
  return parts.length === 0 ? [] : [`not requests: ${parts.join(', ')}`];
}
