/**
 * What an input is, by its content (trace-formats §10.1): the first 64 KiB, 200 lines of them. A form whose
 * contents are lost (raw, hex, lines without event names) or that is no trace is refused with the command
 * that makes a readable one.
 *
 * The answer names the format for the user and chooses between text, CSV and HTML; which dialect a line of
 * text is in is decided per line by the scanner.
 */
import { EXIT, UserError } from '../kernel/errors.js';
import { CSV_COLUMNS, hasKnownColumn, normalize } from './csv-columns.js';
import { EVENTS } from './events.js';

export const TEXT_FORMATS = [
  'ftrace',
  'trace-cmd',
  'perf-script',
  'perf-trace',
  'console',
  'events-only',
  'systrace-html',
] as const;

export type TextFormat = (typeof TEXT_FORMATS)[number];
export type Format = TextFormat | 'csv';

export const HEAD_BYTES = 64 * 1024;
const SAMPLE_LINES = 200;

const TRACE_CMD_REPORT = "make text with 'trace-cmd report -t'";
const PERF_SCRIPT = "make text with 'perf script -F comm,tid,cpu,time,event,trace --ns'";

/** Binary files by their first bytes. */
const MAGICS: readonly { bytes: string; what: string; advice: string }[] = [
  { bytes: 'fd377a585a', what: 'is packed with xz', advice: "unpack it: 'xz -dc FILE | mm-sim … -'" },
  { bytes: '425a68', what: 'is packed with bzip2', advice: "unpack it: 'bzip2 -dc FILE | mm-sim … -'" },
  { bytes: '504b0304', what: 'is a zip archive', advice: "unpack it: 'unzip -p FILE | mm-sim … -'" },
  { bytes: '50455246494c4532', what: 'is binary data of perf', advice: PERF_SCRIPT },
  { bytes: '32454c4946524550', what: 'is binary data of perf', advice: PERF_SCRIPT },
  { bytes: '17084474726163696e67', what: 'is binary data of trace-cmd', advice: TRACE_CMD_REPORT },
];

/** Columns that make a first line the header of a CSV trace (trace-formats §8). */
const CSV_REQUIRED = CSV_COLUMNS.filter(({ otherwise }) => otherwise === undefined);

const PAGE_EVENTS = new Set(EVENTS.map(({ name }) => name));

/** Lines of each dialect; a dialect's own mark comes before those that could take its lines as well. */
const DIALECTS: readonly { format: TextFormat; pattern: RegExp }[] = [
  { format: 'console', pattern: /^(<\d+>)?\[ *\d+\.\d{6}\] / },
  { format: 'perf-trace', pattern: /^ *\d+\.\d{3} .*\b\w+:\w+\(/ },
  { format: 'ftrace', pattern: /^ *(\d+\.\d{6} \| +)?\d+\) .*(\||=>)/ },
  { format: 'ftrace', pattern: /^.{0,24}-\d+ +\d+[.\w]{4,7} +\d+us.?: / },
  { format: 'ftrace', pattern: /^.*-\d+ +(\(.{5,7}\) )?\[\d+\] *\S* *\d+(\.\d+)?: \S/ },
  { format: 'ftrace', pattern: /^.*\d+ms \(\+\d+\.\d+ms\): / },
  { format: 'ftrace', pattern: /^.{0,24}-\d+ +\d+[.\w]{4,7} +\d+(\.\d+)?: / },
  { format: 'perf-script', pattern: /\d+\.\d{6,9}: +(\d+ +)?[\w-]+:\w+: / },
  { format: 'perf-script', pattern: /^.* \d+ \[\d{3}\] +(\d+\.\d{6,9}: +)?(PERF_RECORD_|[\w-]+:\w+: )/ },
];

/** trace-cmd pads names to 21 columns; ftrace puts one blank. */
const TRACE_CMD_BODY = /\] *\S* *\d+(\.\d+)?: (\(\+\d+\) +)?\w+: {2,}\S/;

/** Forms without contents, and files that are no traces, by a line of theirs. */
const REFUSED: readonly { pattern: RegExp; what: string; advice: string }[] = [
  {
    pattern: /^(\d+ \d+ \d+|[0-9a-f]{8} [0-9a-f]{8} [0-9a-f]{16}) type: \d+$/,
    what: 'was recorded with the ftrace option raw or hex, which leaves out what happened',
    advice: "record it again after 'echo noraw nohex nobin > trace_options'",
  },
  {
    pattern: /\d+\.\d{6,9}: +page=\S+ pfn=/,
    what: 'has no event names, so allocations and frees look alike',
    advice: PERF_SCRIPT,
  },
  {
    pattern: /^\. +\.\.\. raw event:|^0x[0-9a-f]+ \[0x[0-9a-f]+\]: event: \d+/,
    what: 'is a hex dump of perf',
    advice: PERF_SCRIPT,
  },
  {
    pattern: /^Page allocated via order \d+/,
    what: 'is a page_owner snapshot, not a trace of events',
    advice: 'record a trace as the README shows',
  },
  {
    pattern: /^Order +Unmovable +Reclaimable|^SUMMARY \(page allocator\)/,
    what: 'is a summary of perf kmem, not a trace of events',
    advice: "use 'perf script' on the same perf.data",
  },
  {
    pattern: /^commit overrun: \d+|^Node \d+, zone +\w+/,
    what: 'holds statistics, not a trace of events',
    advice: 'record a trace as the README shows',
  },
];

/** Throws UserError (exit code 3) for an empty input and for files that begin like a known binary one. */
export function refuseBinary(head: Uint8Array, file: string): void {
  const place = { file };
  if (head.length === 0) throw new UserError(EXIT.badInput, 'is empty', { place, advice: 'record it again' });
  const hex = Buffer.from(head.subarray(0, 16)).toString('hex');
  const magic = MAGICS.find(({ bytes }) => hex.startsWith(bytes));
  if (magic === undefined) return;
  throw new UserError(EXIT.badInput, magic.what, { place, advice: magic.advice.replace('FILE', file) });
}

/** Format of an input whose first bytes are `head`. Throws UserError (exit code 3) when it is refused. */
export function detectFormat(head: Uint8Array, file: string): Format {
  const place = { file };

  const text = Buffer.from(head.subarray(0, HEAD_BYTES))
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '');
  if (/^\s*<(!doctype|html|head|script|\?xml)/i.test(text)) return 'systrace-html';
  if (/^TRACE:\s/.test(text)) {
    const advice = "capture it without compression: 'atrace' without -z";
    throw new UserError(EXIT.badInput, 'is packed by atrace', { place, advice });
  }
  if (/^\s*(\{|\[\s*\{)/.test(text)) {
    const advice = `export text: 'traceconv systrace ${file}' of Perfetto, or save as HTML`;
    throw new UserError(EXIT.badInput, 'is JSON', { place, advice });
  }
  const lines = sampleLines(text);
  const format = formatOf(lines);
  if (format !== null) return format;
  const refused = REFUSED.find(({ pattern }) => lines.some((line) => pattern.test(line)));
  if (refused !== undefined)
    throw new UserError(EXIT.badInput, refused.what, { place, advice: refused.advice });
  // A column is missing: csv.ts says which, and where.
  if (hasKnownColumn(headerNames(lines))) return 'csv';
  const what = looksBinary(text) ? 'is binary data of an unknown kind' : 'is no trace of a known format';
  const advice = 'mm-sim reads ftrace, trace-cmd report, perf script, console and systrace text, and CSV';
  throw new UserError(EXIT.badInput, what, { place, advice });
}

function sampleLines(text: string): string[] {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const stripped = line
      .replace(/^\0+/, '')
      .replace(/^(> ?)+/, '')
      .replace(/[\r\0]+$/, '');
    if (stripped.trim() !== '') lines.push(stripped);
    if (lines.length === SAMPLE_LINES) break;
  }
  return lines;
}

function formatOf(lines: readonly string[]): Format | null {
  if (lines.length === 0) return null;
  const names = headerNames(lines);
  if (CSV_REQUIRED.every((column) => column.names.some((name) => names.includes(name)))) return 'csv';
  const body = dialectOf(lines);
  if (lines.some((line) => line.startsWith('# tracer: '))) {
    // Raw and hex output has the same header; its lines decide.
    if (body === null && lines.some((line) => REFUSED[0].pattern.test(line))) return null;
    // Option nocontext-info (§2.6): a header, and events without time and task.
    return body === null && lines.some(isBareEvent) ? 'events-only' : 'ftrace';
  }
  if (/^(cpus=\d+|version = \d+|CPU \d+ is empty)$/.test(lines[0])) return 'trace-cmd';
  if (body !== null) return body;
  if (lines.some((line) => /^# (captured on|os release)/.test(line))) {
    return lines.some((line) => REFUSED[1].pattern.test(line)) ? null : 'perf-script';
  }
  return lines.some(isBareEvent) ? 'events-only' : null;
}

function isBareEvent(line: string): boolean {
  return PAGE_EVENTS.has(/^\s*(\w+): +\S/.exec(line)?.[1] ?? '');
}

/** The dialect of the first line that has one; what the others are is for the scanner. */
function dialectOf(lines: readonly string[]): TextFormat | null {
  for (const line of lines) {
    if (line.startsWith('#')) continue;
    const dialect = DIALECTS.find(({ pattern }) => pattern.test(line));
    if (dialect === undefined) continue;
    if (dialect.format !== 'ftrace') return dialect.format;
    return lines.some((other) => TRACE_CMD_BODY.test(other)) ? 'trace-cmd' : 'ftrace';
  }
  return null;
}

/** The fields of the first line, as names of columns; none when it is one field. */
function headerNames(lines: readonly string[]): string[] {
  const line = lines.find((each) => !each.startsWith('#')) ?? '';
  const names = line.split(/[,;\t]/).map((name) => normalize(name.trim().replace(/^"|"$/g, '')));
  // Text with a comma in it is no header.
  return names.length < 2 || !names.every((name) => /^[\w.()]*$/.test(name)) ? [] : names;
}

function looksBinary(text: string): boolean {
  const start = text.slice(0, 4096);
  let control = 0;
  for (let i = 0; i < start.length; i++) {
    const code = start.charCodeAt(i);
    if (code < 32 && code !== 9 && code !== 10 && code !== 13) control++;
  }
  return control * 20 > start.length;
}
