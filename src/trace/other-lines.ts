/**
 * Every line that is not a default line of ftrace: headers, losses, stacks, quoted and console lines, and
 * the other dialects, tried in an order in which none can take a line of another (trace-formats §10).
 *
 * Dialects are decided per line: real files are concatenated, quoted in mails, or copied from consoles.
 */
import {
  ascii,
  BLANK,
  CLOSE_BRACKET,
  COLON,
  CR,
  DOT,
  EQUALS,
  find,
  GREATER,
  HASH,
  HEX,
  isDigit,
  isNameByte,
  LESS,
  LF,
  NO_DIGIT,
  OPEN_BRACKET,
  startsWith,
  TAB,
  textOf,
} from './bytes.js';
import type { EventRows } from './event-rows.js';
import { findShape } from './event-shapes.js';
import { FunctionGraph } from './function-graph.js';
import { readHashLine, readLoss, readTraceCmdHeader } from './header-lines.js';
import { DEFAULT_COMM, decimal, type LinePrefix, SECONDS } from './line-prefix.js';
import { countUnparsed } from './notes.js';
import { PerfTrace } from './perf-trace.js';
import type { ReadReport } from './report.js';
import { WORD_SLACK } from './words.js';

/** A longer line is no line of any of these tools (trace-formats §10.4). */
export const LINE_CAP = 64 * 1024;
/** Longest line of which a string is made. */
const TEXT_CAP = 400;

const UPPER_C = 67;
const UPPER_P = 80;
const LOWER_C = 99;
const LOWER_V = 118;
const LOWER_N = 110;
const BACKSLASH = 92;
const STACK = ascii('=>');
const TRACE_DATA = ascii('trace-data');
const OLD_TRACE_DATA = ascii('linuxPerfData');
const SCRIPT_END = ascii('</script');
const RULE = ascii('-----');

export class OtherLines {
  private readonly rows: EventRows;
  private readonly prefix: LinePrefix;
  private readonly report: ReadReport;
  private readonly functionGraph: FunctionGraph;
  private readonly perfTrace: PerfTrace;
  /** A line of an HTML page, cut to the trace's part of it. */
  private readonly scratch: Uint8Array;
  /** Was there a line whose event has a time or a task? Then a bare `NAME: …` is somebody's text. */
  private sawPrefixedLine = false;
  /** Inside of the data of a systrace page; true for all other formats. */
  private isInData: boolean;

  constructor(rows: EventRows, prefix: LinePrefix) {
    this.rows = rows;
    this.prefix = prefix;
    this.report = rows.report;
    this.functionGraph = new FunctionGraph(rows, prefix);
    this.perfTrace = new PerfTrace(rows, prefix);
    this.isInData = !rows.isHtml;
    this.scratch = new Uint8Array(rows.isHtml ? LINE_CAP + 1 + WORD_SLACK : 0);
  }

  noteDefaultLine(): void {
    this.sawPrefixedLine = true;
  }

  /** Must a default line come here as well? In HTML and while an event is wrapped, yes. */
  get wantsEveryLine(): boolean {
    return this.rows.isHtml || this.functionGraph.isWrapped;
  }

  /** Reads the line from start to the line feed at `lineEnd`. */
  read(bytes: Uint8Array, start: number, lineEnd: number): void {
    const end = lineEnd > start && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (end - start > LINE_CAP) {
      countUnparsed(this.report, this.rows.line);
      return;
    }
    if (this.rows.isHtml) this.readHtml(bytes, start, end);
    else this.readText(bytes, start, end);
  }

  /** After the last line: an event may still wait for its end. */
  finish(): void {
    this.functionGraph.finishWrapped();
  }

  private readText(bytes: Uint8Array, start: number, end: number): void {
    if (this.functionGraph.isWrapped) {
      if (!this.functionGraph.isNewRecord(bytes, start)) {
        this.functionGraph.continueWrapped(bytes, start, end);
        return;
      }
      this.functionGraph.finishWrapped();
    }
    let at = start;
    while (at < end && bytes[at] === 0) at++;
    if (at === end) {
      // Blocks that were never written after a crash (§10.2 item 1); an empty line says nothing.
      if (at > start) this.report.nulLines++;
      return;
    }
    const first = bytes[at];
    if (first === GREATER) {
      this.readQuoted(bytes, at, end);
    } else if (first === HASH) {
      readHashLine(textOf(bytes, at, Math.min(end, at + TEXT_CAP)), this.report);
    } else if (!(this.isAboutTrace(first) && this.readAboutTrace(bytes, at, end))) {
      if (!((first === OPEN_BRACKET || first === LESS) && this.readConsole(bytes, at, end))) {
        this.readDialects(bytes, at, end);
      }
    }
  }

  private readDialects(bytes: Uint8Array, start: number, end: number): void {
    if (this.functionGraph.read(bytes, start, end)) {
      this.noteLayout('function_graph');
      return;
    }
    if (this.readTaskLine(bytes, start, end)) return;
    if (isContinuation(bytes, start, end)) return;
    if (this.prefix.readVerbose(bytes, start, end)) {
      this.noteLayout('latency-verbose');
      this.readPrefixed(bytes);
      return;
    }
    if (
      this.prefix.readTimeAndSubsystem(bytes, start, end) ||
      this.prefix.readSubsystemOnly(bytes, start, end)
    ) {
      this.readPrefixed(bytes);
      return;
    }
    if (this.perfTrace.read(bytes, start, end)) return;
    if (this.readBare(bytes, start, end)) return;
    if (this.rows.isUnfinishedLine) this.report.truncatedLastLine = true;
    else countUnparsed(this.report, this.rows.line);
  }

  /** Lines with task and time, in whatever widths. */
  private readTaskLine(bytes: Uint8Array, start: number, end: number): boolean {
    const { prefix } = this;
    // The `-` of a line that is shorter than a comm would be another line's.
    const isDefault = start + DEFAULT_COMM < end && prefix.readDefault(bytes, start);
    if (isDefault) prefix.shift = 0;
    else if (!prefix.readAny(bytes, start, end)) return false;
    this.readPrefixed(bytes);
    return true;
  }

  private readPrefixed(bytes: Uint8Array): void {
    this.sawPrefixedLine = true;
    const { prefix } = this;
    this.rows.read(bytes, prefix, this.rows.comms.of(bytes, prefix.commStart, prefix.commEnd));
  }

  /** `> ` before lines that were quoted in a mail. */
  private readQuoted(bytes: Uint8Array, start: number, end: number): void {
    let p = start;
    while (p < end && bytes[p] === GREATER) {
      p++;
      if (bytes[p] === BLANK) p++;
    }
    this.noteLayout('quoted');
    if (p < end) this.readText(bytes, p, end);
  }

  private isAboutTrace(first: number): boolean {
    return first === UPPER_C || first === UPPER_P || first === LOWER_C || first === LOWER_V;
  }

  private readAboutTrace(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start > TEXT_CAP) return false;
    const text = textOf(bytes, start, end);
    const loss = readLoss(text);
    if (loss !== null) {
      this.rows.lost(loss.cpu, loss.events);
      return true;
    }
    return readTraceCmdHeader(text, this.report);
  }

  /**
   * `[    0.000000] ` of dmesg, perhaps after `<4>` and before `[ T123]`: then the text of a tracepoint
   * (tp_printk) or a latency line (ftrace_dump); anything else there is no event (trace-formats §2.10).
   */
  private readConsole(bytes: Uint8Array, start: number, end: number): boolean {
    let p = start;
    if (bytes[p] === LESS) {
      let level = p + 1;
      while (isDigit(bytes[level])) level++;
      if (level === p + 1 || bytes[level] !== GREATER) return false;
      p = level + 1;
    }
    if (bytes[p] !== OPEN_BRACKET) return false;
    p++;
    while (bytes[p] === BLANK) p++;
    const seconds = p;
    while (isDigit(bytes[p])) p++;
    const point = p;
    if (point === seconds || bytes[p] !== DOT) return false;
    p++;
    while (isDigit(bytes[p])) p++;
    if (p - point !== 7 || bytes[p] !== CLOSE_BRACKET) return false;
    const timeEnd = p;
    p++;
    if (bytes[p] === BLANK) p++;
    p = skipCaller(bytes, p);
    this.noteLayout('console');
    if (p >= end || this.readTaskLine(bytes, p, end) || isRule(bytes, p)) return true;
    const { prefix } = this;
    prefix.clear();
    prefix.clock = SECONDS;
    prefix.seconds = decimal(bytes, seconds, point);
    prefix.nanoseconds = decimal(bytes, point + 1, timeEnd) * 1000;
    this.readKnownName(bytes, p);
    return true;
  }

  /** `NAME: …` without any prefix (option nocontext-info, excerpts). */
  private readBare(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.sawPrefixedLine) return false;
    let p = start;
    while (p < end && (bytes[p] === BLANK || bytes[p] === TAB)) p++;
    this.prefix.clear();
    if (this.readKnownName(bytes, p)) return true;
    if (this.report.format !== 'events-only') return false;
    let nameEnd = p;
    while (isNameByte(bytes[nameEnd])) nameEnd++;
    if (nameEnd === p || bytes[nameEnd] !== COLON || bytes[nameEnd + 1] !== BLANK) return false;
    this.rows.countName(bytes, p, nameEnd);
    return true;
  }

  private readKnownName(bytes: Uint8Array, start: number): boolean {
    let end = start;
    while (isNameByte(bytes[end])) end++;
    if (bytes[end] !== COLON) return false;
    const shape = findShape(bytes, start, end);
    if (shape === null || shape.isMarker) return false;
    this.prefix.nameStart = start;
    this.rows.readShape(bytes, end + 1, shape, this.prefix, 0);
    return true;
  }

  /** systrace pages: only what is between the data's tags (trace-formats §9). */
  private readHtml(bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    if (!this.isInData) {
      const tag = find(bytes, start, end, TRACE_DATA);
      const old = tag < 0 ? find(bytes, start, end, OLD_TRACE_DATA) : -1;
      if (tag < 0 && old < 0) return;
      this.isInData = true;
      // Data may begin behind the tag (or the opening quote of the old form) on the same line.
      from = Math.max(tag, old);
      const opening = tag < 0 ? 34 : GREATER;
      while (from < end && bytes[from] !== opening) from++;
      from++;
    }
    let to = end;
    const close = find(bytes, from, end, SCRIPT_END);
    if (close >= 0) {
      this.isInData = false;
      to = close;
    }
    // The old form is one JavaScript string: each line ends in the characters \n\.
    if (
      to - 3 >= from &&
      bytes[to - 1] === BACKSLASH &&
      bytes[to - 2] === LOWER_N &&
      bytes[to - 3] === BACKSLASH
    )
      to -= 3;
    if (from >= to) return;
    const { scratch } = this;
    scratch.set(bytes.subarray(from, to));
    scratch[to - from] = LF;
    this.readText(scratch, 0, to - from);
  }

  private noteLayout(layout: string): void {
    const { format, layouts } = this.report;
    if (layout !== format && !layouts.includes(layout)) layouts.push(layout);
  }
}

/** ` => symbol`, TAB `=> symbol`, or the address and symbol of a call chain: they go on with the record before. */
function isContinuation(bytes: Uint8Array, start: number, end: number): boolean {
  let p = start;
  while (p < end && (bytes[p] === BLANK || bytes[p] === TAB)) p++;
  if (p === end) return true;
  if (startsWith(bytes, p, STACK) || startsWith(bytes, p, RULE)) return p > start;
  if (p === start) return false;
  const address = p;
  while (p < end && HEX[bytes[p]] !== NO_DIGIT) p++;
  return p - address >= 4 && bytes[p] === BLANK && bytes[p + 1] > BLANK && bytes[p + 1] !== EQUALS;
}

/** `[  T123] ` or `[    C0] `: the caller that CONFIG_PRINTK_CALLER adds. */
function skipCaller(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== OPEN_BRACKET) return start;
  let p = start + 1;
  while (bytes[p] === BLANK) p++;
  if (bytes[p] !== UPPER_C && bytes[p] !== 84) return start;
  p++;
  while (isDigit(bytes[p])) p++;
  if (bytes[p] !== CLOSE_BRACKET) return start;
  return bytes[p + 1] === BLANK ? p + 2 : p + 1;
}

function isRule(bytes: Uint8Array, start: number): boolean {
  return startsWith(bytes, start, RULE);
}
