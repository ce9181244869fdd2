/** The machine of a session, and what its memory holds when the trace begins (DESIGN §4). */

import { group } from '../kernel/counted.js';
import { EXIT, UserError } from '../kernel/errors.js';
import { rulesFor } from '../kernel/rules.js';
import { buildMachine } from '../machine/build-machine.js';
import type { Capture } from '../machine/capture.js';
import { machineOptions } from '../machine/choose-machine.js';
import type { Machine } from '../machine/machine.js';
import { formatSize } from '../machine/size.js';
import type { StateSnapshot } from '../machine/snapshot.js';
import { machineOfSnapshot } from '../machine/snapshot-machine.js';
import type { LivePages } from '../pagealloc/core.js';
import type { StartLive } from './plan.js';
import type { SessionOptions, Start } from './session-options.js';
import { liveInRuns, liveInSnapshot, NOTHING_LIVE } from './start-live.js';
import type { Survey } from './survey.js';

export async function startSnapshot(
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

export function startState({ start }: SessionOptions, snapshot: StateSnapshot | null): Start {
  return start ?? (snapshot === null ? 'trace' : 'capture');
}

/** What the user says, else the recorded machine, else one that the trace fits into. */
export async function machineFor(
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
export function kernelOf({ machine }: SessionOptions, capture: Capture | null, { check }: Survey): string {
  return machine.kernel ?? capture?.info.kernel.release ?? check.report.release;
}

/** The smallest power of two, from 1 GiB on, whose memory map reaches the page. */
export function smallestMemory(highestPfn: number): number {
  for (let memory = 2 ** 30; ; memory *= 2) {
    const reaches = buildMachine({ name: 'probe', memory }).endPfn;
    if (reaches > highestPfn || memory >= 2 ** 46) return memory;
  }
}

export function livePages(
  survey: Survey,
  machine: Machine,
  { machine: choice }: SessionOptions,
  notes: string[],
): LivePages {
  const { start: first } = survey.check.details;
  if (choice.machine !== undefined || choice.memory !== undefined)
    refuseTooSmall(survey, machine, ', or --start empty');
  if (first.pages > 0) {
    const doubt = first.doubtfulPages > 0 ? `, ${group(first.doubtfulPages)} of them in doubt` : '';
    notes.push(
      `start trace: ${group(first.pages)} pages were in use when the trace began${doubt}; all others count as free`,
    );
  }
  return { start: first.start, end: first.end };
}

export function startLiveOf(start: Start, snapshot: StateSnapshot | null, live: LivePages | null): StartLive {
  if (start === 'capture' && snapshot !== null) return liveInSnapshot(snapshot);
  return live === null ? NOTHING_LIVE : liveInRuns(live.start, live.end);
}

/** Where pages keep their places, the machine must have them. */
export function refuseTooSmall({ check }: Survey, machine: Machine, otherwise = ''): void {
  const { highestPfn } = check.details;
  if (highestPfn < machine.endPfn) return;
  throw new UserError(
    EXIT.doesNotFit,
    `the trace names page ${highestPfn}, the machine ends at page ${machine.endPfn - 1}`,
    { advice: `use --memory ${formatSize(smallestMemory(highestPfn))}${otherwise}` },
  );
}
