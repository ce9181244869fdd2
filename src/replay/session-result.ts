/** From finished runs to the result that is printed: the head is the same for all of them. */

import { basename } from 'node:path';
import { className } from '../kernel/classes.js';
import type { Capture } from '../machine/capture.js';
import { managedPages } from '../machine/machine.js';
import { RESULT_SCHEMA, type Result } from '../metrics/result.js';
import type { CoreRun, RunSettings } from './run-cores.js';
import type { SessionOptions, Start } from './session-options.js';
import type { Survey } from './survey.js';

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

export function resultOf(
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
    recorded: recordedCounts(survey, options, capture !== null),
    runs: runs.map(({ run }) => run),
  };
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

/** The kernel's own counts hold for the whole recording: none for a part of it. */
function recordedCounts(
  { labels, check }: Survey,
  { untilLine, untilNs }: SessionOptions,
  hasCounters: boolean,
): Result['recorded'] {
  if (untilLine !== Number.POSITIVE_INFINITY || untilNs !== Number.POSITIVE_INFINITY) return null;
  const { splits, shootdowns, extfrag } = labels.recorded;
  const hasProbes = labels.probesSeen;
  if (!hasProbes && !check.details.buddyLevelEvents) return null;
  return {
    // Without the kernel's counters nobody knows of which level a split was.
    splits: hasProbes && hasCounters ? { level2: splits.level2, level3: splits.level3 } : null,
    shootdowns: hasProbes ? { full: shootdowns.full, ranged: shootdowns.ranged } : null,
    extfrag: check.details.buddyLevelEvents ? { ...extfrag } : null,
  };
}

function totalEvents(byKind: Readonly<Record<string, number>>): number {
  return Object.values(byKind).reduce((sum, count) => sum + count, 0);
}
