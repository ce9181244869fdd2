/**
 * Lines about the trace itself: headers of ftrace, trace-cmd and perf, and the signs of loss
 * (trace-formats §2.1, §2.8, §3, §4). They are rare, so strings and regular expressions are in place here.
 */
import { UNKNOWN_CPU } from './columns.js';
import { note } from './notes.js';
import type { ReadReport } from './report.js';

/** Larger counts are a negative number printed as unsigned: the kernel could not tell. */
const LARGEST_COUNT = 2 ** 53;

interface Loss {
  readonly cpu: number;
  /** 0 when the mark does not say how many. */
  readonly events: number;
}

/** A line that begins with `#`. */
export function readHashLine(text: string, report: ReadReport): void {
  if (/^##### CPU \d+ buffer started ####/.test(text)) {
    report.bufferStartedMarks++;
    return;
  }
  const entries =
    /entries-in-buffer\/entries-written:\s*(\d+)\/(\d+)/.exec(text) ??
    /^# latency: .* #(\d+)\/(\d+),/.exec(text);
  if (entries !== null) report.overwritten += Math.max(0, Number(entries[2]) - Number(entries[1]));
  const cpus = /#P:(\d+)/.exec(text) ?? /^# nrcpus online\s*:\s*(\d+)/.exec(text);
  if (cpus !== null) report.headerCpus = Number(cpus[1]);
  const release = /latency trace v[\d.]+ on (\S+)/.exec(text) ?? /^# os release\s*:\s*(\S+)/.exec(text);
  if (release !== null) report.release = release[1];
  if (/WARNING: FUNCTION TRACING IS CORRUPTED/.test(text)) {
    note(report, 'the kernel says that the trace is corrupted');
  }
  const layout = layoutOf(text);
  if (layout !== null && !report.layouts.includes(layout)) report.layouts.push(layout);
}

/** `cpus=N`, `version = N`, `CPU N is empty` of trace-cmd report. */
export function readTraceCmdHeader(text: string, report: ReadReport): boolean {
  const cpus = /^cpus=(\d+)$/.exec(text);
  if (cpus !== null) report.headerCpus = Number(cpus[1]);
  return cpus !== null || /^version = \d+$/.test(text) || /^CPU \d+ is empty$/.test(text);
}

/** A line that says that events were lost, or null. */
export function readLoss(text: string): Loss | null {
  const mark =
    /^CPU:(\d+) \[(?:LOST (\d+) EVENTS|LOST EVENTS|(\d+) EVENTS DROPPED|EVENTS DROPPED)\]/.exec(text) ??
    /^CPU (\d+): (\d+) events lost/.exec(text);
  if (mark !== null)
    return { cpu: Math.min(Number(mark[1]), UNKNOWN_CPU), events: count(mark[2] ?? mark[3]) };
  // Chunks of events; how many events were in them nobody knows.
  return /^Processed \d+ events and lost [1-9]\d* chunks!/.test(text)
    ? { cpu: UNKNOWN_CPU, events: 0 }
    : null;
}

function count(text: string | undefined): number {
  const value = Number(text ?? 0);
  return value < LARGEST_COUNT ? value : 0;
}

function layoutOf(text: string): string | null {
  if (text.includes('latency trace v')) return 'latency';
  if (text.startsWith('# tracer: function_graph')) return 'function_graph';
  if (text.startsWith('# tracer: function')) return 'function';
  if (/TASK-PID\s+TGID/.test(text)) return 'tgid';
  return null;
}
