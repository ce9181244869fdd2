/**
 * Events in the output of the function_graph tracer: comments after the column of durations, without a pid
 * unless the option funcgraph-proc is on (trace-formats §2.9).
 *
 *     ` 1)               |  /* mm_page_alloc: page=… pfn=0x3fb34 order=0 …`
 *     `   25.235130 |   1)     sh-149     |  ..... |               |  /* mm_page_alloc: …`
 *
 * Mails wrap such lines, so a comment may go on over the next lines until its end.
 */
import {
  ascii,
  BAR,
  BLANK,
  CLOSE_PAREN,
  DOT,
  find,
  isDigit,
  isNameByte,
  LF,
  MINUS,
  startsWith,
} from './bytes.js';
import { UNKNOWN_CPU, UNKNOWN_PID } from './columns.js';
import type { EventRows } from './event-rows.js';
import { decimal, type LinePrefix, NO_TIME, SECONDS } from './line-prefix.js';
import { WORD_SLACK } from './words.js';

const COMMENT = ascii('/* ');
const COMMENT_END = ascii('*/');
const TASK_SWITCH = ascii('  =>  ');
/** A wrapped event that did not end by then was cut. */
const WRAPPED_BYTES = 2048;
const WRAPPED_LINES = 8;

/** The task that a CPU runs, as the last switch line said. */
interface Task {
  readonly pid: number;
  readonly comm: number;
}

export class FunctionGraph {
  private readonly rows: EventRows;
  private readonly prefix: LinePrefix;
  private readonly tasks = new Map<number, Task>();
  /** Pieces of a comment whose end did not come yet. */
  private readonly wrapped = new Uint8Array(WRAPPED_BYTES + WORD_SLACK);
  private wrappedLength = 0;
  private wrappedLines = 0;
  private wrappedLine = 0;
  /** Whom the wrapped event belongs to. */
  private wrappedTask = {
    pid: UNKNOWN_PID,
    cpu: UNKNOWN_CPU,
    context: 0,
    comm: 0,
    clock: NO_TIME,
    seconds: 0,
    ns: 0,
  };

  constructor(rows: EventRows, prefix: LinePrefix) {
    this.rows = rows;
    this.prefix = prefix;
  }

  get isWrapped(): boolean {
    return this.wrappedLength > 0;
  }

  /** Reads a line of this tracer; false when the line is of another dialect. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    const { prefix } = this;
    prefix.clear();
    let p = skipBlanks(bytes, start);
    let digits = skipDigits(bytes, p);
    if (digits === p) return false;
    if (bytes[digits] === DOT) {
      // abstime: `   25.235130 |   1)`
      const fraction = skipDigits(bytes, digits + 1);
      if (fraction - digits - 1 !== 6) return false;
      const bar = skipBlanks(bytes, fraction);
      if (bytes[bar] !== BAR) return false;
      prefix.clock = SECONDS;
      prefix.seconds = decimal(bytes, p, digits);
      prefix.nanoseconds = decimal(bytes, digits + 1, fraction) * 1000;
      p = skipBlanks(bytes, bar + 1);
      digits = skipDigits(bytes, p);
    }
    if (digits === p || bytes[digits] !== CLOSE_PAREN) return false;
    prefix.cpu = Math.min(decimal(bytes, p, digits), UNKNOWN_CPU);
    const body = digits + 1;
    const comment = this.findComment(bytes, body, end);
    if (comment < 0) {
      this.noteSwitch(bytes, body, end);
      return true;
    }
    const comm = this.readColumns(bytes, body, comment);
    prefix.nameStart = comment + COMMENT.length;
    if (find(bytes, prefix.nameStart, end, COMMENT_END) < 0) this.startWrapped(bytes, end, comm);
    else this.rows.read(bytes, prefix, comm);
    return true;
  }

  /** A line while a comment is open: its next piece, or a sign that the end was lost. */
  continueWrapped(bytes: Uint8Array, start: number, end: number): void {
    this.append(bytes, start, end);
    this.wrappedLines++;
    if (find(bytes, start, end, COMMENT_END) >= 0 || this.wrappedLines === WRAPPED_LINES)
      this.finishWrapped();
  }

  /** Is this the first line of another record? Then the open comment was cut. */
  isNewRecord(bytes: Uint8Array, start: number): boolean {
    const p = skipBlanks(bytes, start);
    const digits = skipDigits(bytes, p);
    return digits > p && (bytes[digits] === CLOSE_PAREN || bytes[digits] === DOT);
  }

  /** Reads the open comment as it stands. */
  finishWrapped(): void {
    if (this.wrappedLength === 0) return;
    const { prefix, rows, wrapped, wrappedTask } = this;
    wrapped[Math.min(this.wrappedLength, WRAPPED_BYTES - 1)] = LF;
    prefix.clear();
    prefix.pid = wrappedTask.pid;
    prefix.cpu = wrappedTask.cpu;
    prefix.context = wrappedTask.context;
    prefix.clock = wrappedTask.clock;
    prefix.seconds = wrappedTask.seconds;
    prefix.nanoseconds = wrappedTask.ns;
    prefix.nameStart = 0;
    const { line } = rows;
    rows.line = this.wrappedLine;
    this.wrappedLength = 0;
    rows.read(wrapped, prefix, wrappedTask.comm);
    rows.line = line;
  }

  private startWrapped(bytes: Uint8Array, end: number, comm: number): void {
    const { prefix } = this;
    this.wrappedLines = 1;
    this.wrappedLine = this.rows.line;
    this.wrappedTask = {
      pid: prefix.pid,
      cpu: prefix.cpu,
      context: prefix.context,
      comm,
      clock: prefix.clock,
      seconds: prefix.seconds,
      ns: prefix.nanoseconds,
    };
    this.append(bytes, prefix.nameStart, end);
  }

  private append(bytes: Uint8Array, start: number, end: number): void {
    const room = WRAPPED_BYTES - 2 - this.wrappedLength;
    const length = Math.min(end - start, room);
    this.wrapped.set(bytes.subarray(start, start + length), this.wrappedLength);
    this.wrappedLength += length;
    this.wrapped[this.wrappedLength++] = BLANK;
  }

  /** Where the comment of an event begins: after a bar, blanks, and before a name and a colon. */
  private findComment(bytes: Uint8Array, start: number, end: number): number {
    for (let p = start; p < end; p++) {
      if (bytes[p] !== BAR) continue;
      const at = skipBlanks(bytes, p + 1);
      if (!startsWith(bytes, at, COMMENT)) continue;
      let name = at + COMMENT.length;
      while (isNameByte(bytes[name])) name++;
      if (name > at + COMMENT.length && bytes[name] === 58) return at;
    }
    return -1;
  }

  /** Task and flags between CPU and comment, as far as options show them. */
  private readColumns(bytes: Uint8Array, start: number, end: number): number {
    const { prefix } = this;
    let comm = 0;
    let hasTask = false;
    let from = start;
    for (let p = start; p < end; p++) {
      if (bytes[p] !== BAR) continue;
      const first = skipBlanks(bytes, from);
      let last = p;
      while (last > first && bytes[last - 1] === BLANK) last--;
      if (!hasTask && from === start) {
        const dash = pidDash(bytes, first, last);
        if (dash > first) {
          hasTask = true;
          prefix.pid = decimal(bytes, dash + 1, last);
          comm = this.rows.comms.of(bytes, first, dash);
        }
      } else if (hasTask && last - first >= 4 && last - first <= 7 && bytes[first] !== MINUS) {
        if (isFlags(bytes, first, last)) prefix.readFlags(bytes, first, last);
      }
      from = p + 1;
    }
    if (hasTask) return comm;
    const task = this.tasks.get(prefix.cpu);
    if (task === undefined) return 0;
    prefix.pid = task.pid;
    return task.comm;
  }

  /** ` 0) x-www-b-22756  =>  x-termi-4083 `: without funcgraph-proc the only place that names the task. */
  private noteSwitch(bytes: Uint8Array, start: number, end: number): void {
    const arrow = find(bytes, start, end, TASK_SWITCH);
    if (arrow < 0 || find(bytes, start, arrow, ascii('|')) >= 0) return;
    const first = skipBlanks(bytes, arrow + TASK_SWITCH.length);
    let last = end;
    while (last > first && bytes[last - 1] <= BLANK) last--;
    const dash = pidDash(bytes, first, last);
    if (dash <= first) return;
    const task = { pid: decimal(bytes, dash + 1, last), comm: this.rows.comms.of(bytes, first, dash) };
    this.tasks.set(this.prefix.cpu, task);
  }
}

/** The `-` before the digits that end the range, or -1. */
function pidDash(bytes: Uint8Array, start: number, end: number): number {
  let p = end;
  while (p > start && isDigit(bytes[p - 1])) p--;
  return p < end && p > start && bytes[p - 1] === MINUS ? p - 1 : -1;
}

/** `..s1.` and the like: a column of durations has blanks or digits and a unit instead. */
function isFlags(bytes: Uint8Array, start: number, end: number): boolean {
  for (let p = start; p < end; p++) if (bytes[p] <= BLANK) return false;
  return true;
}

function skipBlanks(bytes: Uint8Array, at: number): number {
  let p = at;
  while (bytes[p] === BLANK) p++;
  return p;
}

function skipDigits(bytes: Uint8Array, at: number): number {
  let p = at;
  while (isDigit(bytes[p])) p++;
  return p;
}
