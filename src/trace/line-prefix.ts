/**
 * What stands before an event's name: task, CPU, flags, time. One reader for lines whose layout is fixed
 * (the default line of ftrace and trace-cmd), and one for everything else, from right to left.
 *
 * comm is free text of up to 15 bytes and may look like any other part of the line (trace-formats §1
 * item 8); so the fixed layout goes by the position of the `-`, and the other reader takes the first time
 * stamp that has a CPU before it, and the last `-` before the pid (§10.2 items 3 to 5).
 */
import {
  BLANK,
  CLOSE_BRACKET,
  CLOSE_PAREN,
  COLON,
  DOT,
  HEX,
  isDigit,
  LF,
  MINUS,
  NO_DIGIT,
  OPEN_BRACKET,
  OPEN_PAREN,
  SLASH,
  TAB,
  ZERO,
} from './bytes.js';
import {
  CONTEXT_DEPTH_SHIFT,
  CONTEXT_HARDIRQ,
  CONTEXT_IRQS_OFF,
  CONTEXT_NMI,
  CONTEXT_SOFTIRQ,
  UNKNOWN_CPU,
  UNKNOWN_PID,
} from './columns.js';

export const NO_TIME = 0;
export const SECONDS = 1;
export const TICKS = 2;
const RELATIVE = 3;

/** comm is padded to 16 in default lines and cut to 8 in latency lines; then the `-` follows. */
export const DEFAULT_COMM = 16;
/** A name, a colon and a blank. */
const SHORTEST_BUFFER_COLUMN = 3;

const LOWER_D = 100;
const UPPER_D = 68;
const LOWER_H = 104;
const UPPER_H = 72;
const LOWER_S = 115;
const LOWER_Z = 122;
const UPPER_Z = 90;
const LOWER_U = 117;
const LOWER_M = 109;

export class LinePrefix {
  /** Range of comm in the bytes, padding included. */
  commStart = 0;
  commEnd = 0;
  pid = UNKNOWN_PID;
  cpu = UNKNOWN_CPU;
  /** Bits of the context column. */
  context = 0;
  clock = NO_TIME;
  /** Seconds, or ticks. */
  seconds = 0;
  nanoseconds = 0;
  /** Where the event's name begins. */
  nameStart = 0;
  /** Where a comm of a default line would begin: behind a column of buffer names (trace-cmd, §3). */
  shift = 0;
  hasBuffers = false;
  hasTgid = false;

  clear(): void {
    this.commStart = 0;
    this.commEnd = 0;
    this.pid = UNKNOWN_PID;
    this.cpu = UNKNOWN_CPU;
    this.context = 0;
    this.clock = NO_TIME;
    this.seconds = 0;
    this.nanoseconds = 0;
  }

  /**
   * The default line: `%16s-%-7d [%03d] flags time: NAME`. False, and nothing of use in the fields, when
   * the bytes are anything else. Stops at LF by itself.
   */
  readDefault(bytes: Uint8Array, start: number): boolean {
    let p = start + DEFAULT_COMM;
    if (bytes[p] !== MINUS) return false;
    let digit = bytes[++p] - ZERO;
    if (!(digit >= 0 && digit <= 9)) return false;
    let pid = 0;
    do {
      pid = pid * 10 + digit;
      digit = bytes[++p] - ZERO;
    } while (digit >= 0 && digit <= 9);
    while (bytes[p] === BLANK) p++;
    const hasTgid = bytes[p] === OPEN_PAREN;
    if (hasTgid) p = afterTgid(bytes, p);
    if (bytes[p] !== OPEN_BRACKET) return false;
    let cpu = 0;
    digit = bytes[++p] - ZERO;
    if (!(digit >= 0 && digit <= 9)) return false;
    do {
      cpu = cpu * 10 + digit;
      digit = bytes[++p] - ZERO;
    } while (digit >= 0 && digit <= 9);
    if (bytes[p] !== CLOSE_BRACKET) return false;
    p++;
    while (bytes[p] === BLANK) p++;
    digit = bytes[p] - ZERO;
    if (digit >= 0 && digit <= 9) {
      this.context = 0;
    } else {
      const flags = p;
      while (bytes[p] > BLANK) p++;
      this.readFlags(bytes, flags, p);
      while (bytes[p] === BLANK) p++;
      digit = bytes[p] - ZERO;
      if (!(digit >= 0 && digit <= 9)) return false;
    }
    let seconds = 0;
    do {
      seconds = seconds * 10 + digit;
      digit = bytes[++p] - ZERO;
    } while (digit >= 0 && digit <= 9);
    if (bytes[p] === DOT) {
      let fraction = 0;
      const point = p;
      digit = bytes[++p] - ZERO;
      while (digit >= 0 && digit <= 9) {
        fraction = fraction * 10 + digit;
        digit = bytes[++p] - ZERO;
      }
      const digits = p - point - 1;
      if (digits === 6) this.nanoseconds = fraction * 1000;
      else if (digits === 9) this.nanoseconds = fraction;
      else if (!this.scaleFraction(fraction, digits)) return false;
      this.clock = SECONDS;
    } else {
      this.nanoseconds = 0;
      this.clock = TICKS;
    }
    if (bytes[p] !== COLON) return false;
    if (hasTgid) this.hasTgid = true;
    this.seconds = seconds;
    this.commStart = start;
    this.commEnd = start + DEFAULT_COMM;
    this.pid = pid;
    this.cpu = cpuOf(cpu);
    this.nameStart = p + 1;
    return true;
  }

  /** Any line that has a time stamp with a CPU before it: trimmed, perf script, latency, buffer names. */
  readAny(bytes: Uint8Array, start: number, end: number): boolean {
    for (let p = start + 1; p < end; p++) {
      if (bytes[p] !== COLON || (p + 1 < end && bytes[p + 1] !== BLANK)) continue;
      this.clear();
      const left = this.readTimeBefore(bytes, start, p);
      if (left < 0) continue;
      if (!this.readTaskBefore(bytes, start, left)) continue;
      this.nameStart = p + 1;
      return true;
    }
    return false;
  }

  /**
   * perf script without a CPU or without comm and tid: the first time stamp that is followed by
   * `SUBSYS:NAME: ` (trace-formats §4).
   */
  readTimeAndSubsystem(bytes: Uint8Array, start: number, end: number): boolean {
    for (let p = start + 1; p + 1 < end; p++) {
      if (bytes[p] !== COLON || bytes[p + 1] !== BLANK) continue;
      this.clear();
      let left = this.readTimeBefore(bytes, start, p);
      if (left < 0 || this.clock !== SECONDS) continue;
      if (!isSubsystemName(bytes, p + 1)) return false;
      this.nameStart = p + 1;
      while (left > start && bytes[left - 1] === BLANK) left--;
      if (left > start && isDigit(bytes[left - 1])) this.readTaskEnd(bytes, start, left);
      return true;
    }
    return false;
  }

  /** `comm pid/tid [cpu] SUBSYS:NAME: ` without a time stamp: the name must be preceded by the CPU. */
  readSubsystemOnly(bytes: Uint8Array, start: number, end: number): boolean {
    for (let p = start + 1; p + 1 < end; p++) {
      if (bytes[p] !== CLOSE_BRACKET || bytes[p + 1] !== BLANK) continue;
      if (!isSubsystemName(bytes, p + 1)) continue;
      this.clear();
      if (!this.readTaskBefore(bytes, start, p + 1)) continue;
      this.nameStart = p + 1;
      return true;
    }
    return false;
  }

  /** latency-format with verbose: `COMM PID CPU FLAGS PREEMPT IDX [hex] 18.306ms (+0.559ms): NAME` (§2.6). */
  readVerbose(bytes: Uint8Array, start: number, end: number): boolean {
    let p = start;
    // The mark of this form is `ms (+`; comm cannot hold a `]` with it behind by chance more than once.
    while (p + 4 < end && !(bytes[p] === LOWER_M && bytes[p + 1] === LOWER_S && bytes[p + 3] === OPEN_PAREN))
      p++;
    if (p + 4 >= end) return false;
    this.clear();
    let q = p;
    while (q > start && (isDigit(bytes[q - 1]) || bytes[q - 1] === DOT)) q--;
    if (!this.readMilliseconds(bytes, q, p)) return false;
    // From the right: [hex] idx preempt flags cpu pid comm
    let at = skipBlanksBack(bytes, start, q);
    for (let token = 0; token < 4; token++)
      at = skipBlanksBack(bytes, start, skipTokenBack(bytes, start, at));
    const cpuEnd = at;
    const cpuStart = skipTokenBack(bytes, start, cpuEnd);
    this.cpu = cpuOf(decimal(bytes, cpuStart, cpuEnd));
    const pidEnd = skipBlanksBack(bytes, start, cpuStart);
    const pidStart = skipTokenBack(bytes, start, pidEnd);
    if (pidStart === pidEnd || !isDigit(bytes[pidStart])) return false;
    this.pid = decimal(bytes, pidStart, pidEnd);
    this.commStart = start;
    this.commEnd = skipBlanksBack(bytes, start, pidStart);
    while (p < end && bytes[p] !== COLON) p++;
    if (p >= end) return false;
    this.nameStart = p + 1;
    return true;
  }

  /** Milliseconds with a fraction, as perf trace and verbose latency lines print time. */
  readMilliseconds(bytes: Uint8Array, start: number, end: number): boolean {
    let point = start;
    while (point < end && isDigit(bytes[point])) point++;
    if (point === start || bytes[point] !== DOT || end - point - 1 !== 3) return false;
    this.setMicroseconds(decimal(bytes, start, point) * 1000 + decimal(bytes, point + 1, end));
    return true;
  }

  /** irqs, softirqs, context and preempt depth of the flags column (trace-formats §2.3). */
  readFlags(bytes: Uint8Array, start: number, end: number): void {
    // Realtime kernels have one more resched flag before the context.
    const context = end - start >= 6 ? 3 : 2;
    let bits = 0;
    const irqs = bytes[start];
    if (irqs === LOWER_D || irqs === UPPER_D) bits = CONTEXT_IRQS_OFF;
    const where = bytes[start + context];
    if (where === LOWER_S) bits |= CONTEXT_SOFTIRQ;
    else if (where === LOWER_H) bits |= CONTEXT_HARDIRQ;
    else if (where === UPPER_H) bits |= CONTEXT_HARDIRQ | CONTEXT_SOFTIRQ;
    else if (where === LOWER_Z) bits |= CONTEXT_NMI;
    else if (where === UPPER_Z) bits |= CONTEXT_NMI | CONTEXT_HARDIRQ;
    const depth = start + context + 1 < end ? HEX[bytes[start + context + 1]] : NO_DIGIT;
    if (depth !== NO_DIGIT) bits |= depth << CONTEXT_DEPTH_SHIFT;
    this.context = bits;
  }

  /** Reads the time that ends before the colon at `p`; where it begins, or -1. */
  private readTimeBefore(bytes: Uint8Array, start: number, p: number): number {
    let end = p;
    if (!isDigit(bytes[end - 1])) {
      // `15189us!:`: µs since the start of the buffer, and a mark for the gap to the next event (§2.7).
      if (end - 3 < start || bytes[end - 2] !== LOWER_S || bytes[end - 3] !== LOWER_U) return -1;
      end -= 3;
      let first = end;
      while (first > start && isDigit(bytes[first - 1])) first--;
      if (first === end) return -1;
      this.setMicroseconds(decimal(bytes, first, end));
      return first;
    }
    let first = end;
    while (first > start && isDigit(bytes[first - 1])) first--;
    if (first > start && bytes[first - 1] === DOT && first - 2 >= start && isDigit(bytes[first - 2])) {
      const point = first - 1;
      if (!this.scaleFraction(decimal(bytes, first, end), end - first)) return -1;
      first = point;
      while (first > start && isDigit(bytes[first - 1])) first--;
      this.seconds = decimal(bytes, first, point);
      this.clock = SECONDS;
    } else {
      this.seconds = decimal(bytes, first, end);
      this.clock = TICKS;
    }
    return first;
  }

  private setMicroseconds(microseconds: number): void {
    this.seconds = Math.floor(microseconds / 1e6);
    this.nanoseconds = (microseconds - this.seconds * 1e6) * 1000;
    this.clock = RELATIVE;
  }

  /** Nanoseconds of a fraction with so many digits; more than nine cannot be. */
  private scaleFraction(fraction: number, digits: number): boolean {
    if (digits < 1 || digits > 9) return false;
    let scaled = fraction;
    for (let i = digits; i < 9; i++) scaled *= 10;
    this.nanoseconds = scaled;
    return true;
  }

  /** Reads flags, CPU, tgid, pid and comm that end before `end`. */
  private readTaskBefore(bytes: Uint8Array, start: number, end: number): boolean {
    let at = skipBlanksBack(bytes, start, end);
    if (at === start) return false;
    if (bytes[at - 1] !== CLOSE_BRACKET) {
      const flagsEnd = at;
      at = skipTokenBack(bytes, start, at);
      // `[001]d..1.` and the like: the token may touch the bracket.
      const bracket = lastBracket(bytes, at, flagsEnd);
      if (bracket >= 0) {
        this.readFlags(bytes, bracket + 1, flagsEnd);
        at = bracket + 1;
      } else {
        const before = skipBlanksBack(bytes, start, at);
        if (before === start) return false;
        if (bytes[before - 1] !== CLOSE_BRACKET) return this.readLatencyTask(bytes, start, at, flagsEnd);
        if (isDigit(bytes[at])) return false;
        this.readFlags(bytes, at, flagsEnd);
        at = before;
      }
    }
    // [cpu]
    const close = at - 1;
    let open = close;
    while (open > start && isDigit(bytes[open - 1])) open--;
    if (open === close || open === start || bytes[open - 1] !== OPEN_BRACKET) return false;
    this.cpu = cpuOf(decimal(bytes, open, close));
    at = skipBlanksBack(bytes, start, open - 1);
    // (tgid) or (-----)
    if (at > start && bytes[at - 1] === CLOSE_PAREN) {
      let paren = at - 2;
      while (paren >= start && bytes[paren] !== OPEN_PAREN) paren--;
      if (paren < start) return false;
      at = skipBlanksBack(bytes, start, paren);
      this.hasTgid = true;
    }
    return this.readTaskEnd(bytes, start, at);
  }

  /** `comm-pid`, `comm tid`, `comm pid/tid`, ending at `end`. */
  private readTaskEnd(bytes: Uint8Array, start: number, end: number): boolean {
    let first = end;
    while (first > start && isDigit(bytes[first - 1])) first--;
    if (first === end) return false;
    let pidEnd = end;
    if (first > start && bytes[first - 1] === SLASH) {
      pidEnd = first - 1;
      first = pidEnd;
      while (first > start && isDigit(bytes[first - 1])) first--;
    }
    this.pid = decimal(bytes, first, pidEnd);
    if (first > start && bytes[first - 1] === MINUS) {
      this.setComm(bytes, start, first - 1);
      return true;
    }
    if (first > start && bytes[first - 1] !== BLANK && bytes[first - 1] !== TAB) return false;
    this.commStart = start;
    this.commEnd = skipBlanksBack(bytes, start, first);
    return true;
  }

  /** `%8.8s-%-7d %3d` with the flags directly after the CPU (trace-formats §2.7). */
  private readLatencyTask(bytes: Uint8Array, start: number, cpuStart: number, flagsEnd: number): boolean {
    let flags = cpuStart;
    while (flags < flagsEnd && isDigit(bytes[flags])) flags++;
    if (flags === cpuStart || flags === flagsEnd) return false;
    const pidEnd = skipBlanksBack(bytes, start, cpuStart);
    let first = pidEnd;
    while (first > start && isDigit(bytes[first - 1])) first--;
    if (first === pidEnd || first === start || bytes[first - 1] !== MINUS) return false;
    this.cpu = cpuOf(decimal(bytes, cpuStart, flags));
    this.readFlags(bytes, flags, flagsEnd);
    this.pid = decimal(bytes, first, pidEnd);
    this.commStart = start;
    this.commEnd = first - 1;
    return true;
  }

  /** A `-` further right than byte 16 means a column before comm, if that holds `NAME:` or blanks (§3). */
  private setComm(bytes: Uint8Array, start: number, dash: number): void {
    this.commStart = start;
    this.commEnd = dash;
    const shift = dash - start - DEFAULT_COMM;
    if (shift < SHORTEST_BUFFER_COLUMN) return;
    const last = skipBlanksBack(bytes, start, start + shift);
    if (last > start && bytes[last - 1] === COLON) this.hasBuffers = true;
    else if (last > start) return;
    this.shift = shift;
    this.commStart = start + shift;
  }
}

/** `[period] SUBSYS:NAME:` after blanks. */
function isSubsystemName(bytes: Uint8Array, at: number): boolean {
  let p = at;
  let colons = 0;
  while (bytes[p] === BLANK || isDigit(bytes[p])) p++;
  for (; bytes[p] > BLANK; p++) if (bytes[p] === COLON) colons++;
  return colons === 2 && bytes[p - 1] === COLON && bytes[p] !== LF;
}

function afterTgid(bytes: Uint8Array, open: number): number {
  let p = open + 1;
  while (bytes[p] === BLANK || bytes[p] === MINUS || isDigit(bytes[p])) p++;
  if (bytes[p] !== CLOSE_PAREN) return open;
  p++;
  while (bytes[p] === BLANK) p++;
  return p;
}

function lastBracket(bytes: Uint8Array, start: number, end: number): number {
  for (let p = end - 1; p >= start; p--) if (bytes[p] === CLOSE_BRACKET) return p;
  return -1;
}

function skipBlanksBack(bytes: Uint8Array, start: number, end: number): number {
  let p = end;
  while (p > start && (bytes[p - 1] === BLANK || bytes[p - 1] === TAB)) p--;
  return p;
}

function skipTokenBack(bytes: Uint8Array, start: number, end: number): number {
  let p = end;
  while (p > start && bytes[p - 1] > BLANK) p--;
  return p;
}

/** Digits as a number; anything else in the range ends it. */
export function decimal(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let p = start; p < end && isDigit(bytes[p]); p++) value = value * 10 + bytes[p] - ZERO;
  return value;
}

/** The column holds 16 bits, of which the last value means "unknown". */
function cpuOf(cpu: number): number {
  return Math.min(cpu, UNKNOWN_CPU);
}
