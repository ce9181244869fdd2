/**
 * Whether a capture is whole. One event that is missing leaves the model with a wrong list, and everything
 * after it says nothing about the rules: so a loss is refused and not counted. Told by capture.json, the
 * ring buffer's own statistics, the header and marks of the trace, and the number of its lines
 * (captures/README §1, §5).
 */

import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { counted, group } from '../kernel/counted.js';
import { EXIT, type Place, UserError } from '../kernel/errors.js';
import type { Capture } from '../machine/capture.js';
import type { ReadReport } from '../trace/report.js';
import type { CaptureEvents } from './whole-trace.js';

const RECORD_AGAIN = 'record it again with a larger buffer or a shorter workload';
const COPY_AGAIN = 'copy the capture again, or record it again';

/** What the recorder itself says was lost. */
export async function refuseLoss({ info, folder }: Capture): Promise<void> {
  const { lost } = info.trace;
  if (lost > 0)
    throw damaged(
      { file: join(folder, 'capture.json') },
      `${counted(lost, 'event')} lost (trace.lost)`,
      RECORD_AGAIN,
    );
  const file = join(folder, 'per_cpu_stats.txt');
  // Captures that were packed for a small size do without it.
  const text = await readFile(file, 'utf8').catch(() => '');
  let cpu = '';
  for (const [index, line] of text.split('\n').entries()) {
    const [name, value] = line.split(':');
    if (/^cpu\d+$/.test(name)) cpu = name;
    if (!/^(?:overrun|commit overrun|dropped events)$/.test(name) || Number(value) === 0) continue;
    throw damaged(
      { file, line: index + 1 },
      `${cpu}: ${name} is ${value.trim()}: events were lost`,
      RECORD_AGAIN,
    );
  }
}

/** What the trace shows, once it was read up to marker 2. */
export function refuseLines(
  { traceFile: file, info, middle }: Capture,
  report: ReadReport,
  { markers }: CaptureEvents,
): void {
  if (report.overwritten > 0) {
    const problem = `${counted(report.overwritten, 'event')} overwritten (entries-in-buffer/entries-written)`;
    throw damaged({ file }, problem, RECORD_AGAIN);
  }
  if (report.lost.length > 0) {
    const [{ line, events }] = report.lost;
    throw damaged(
      { file, line },
      `${events === 0 ? 'events' : counted(events, 'event')} lost here`,
      RECORD_AGAIN,
    );
  }
  const [firstLine, lastLine] = [1, 2, ...middle.map(({ number }) => number)].map((snapshot) => {
    const marker = markers.find(({ number }) => number === snapshot);
    if (marker !== undefined) return marker.line;
    throw damaged({ file }, `the line 'mm-sim: snapshot ${snapshot}' is missing`, COPY_AGAIN);
  });
  if (report.malformed.count > 0) {
    const [{ line }] = report.malformed.first;
    throw damaged({ file, line }, 'the event lacks a field that it needs', COPY_AGAIN);
  }
  const lines = lastLine - firstLine - 1;
  const expected = info.trace.linesBetweenMarkers;
  if (expected === undefined || expected === lines) return;
  const problem = `${counted(lines, 'line')} between snapshots 1 and 2, but capture.json counts ${group(expected)}`;
  throw damaged(
    { file },
    problem,
    `${basename(file)} and capture.json must be of one recording; ${COPY_AGAIN}`,
  );
}

function damaged(place: Place, problem: string, advice: string): UserError {
  return new UserError(EXIT.badInput, problem, { place, advice });
}
