/**
 * Lines of today's `perf trace` (trace-formats §4): milliseconds since the start, no CPU, decimal numbers,
 * fields whose value is 0 left out.
 *
 *     `     1.526 :3716/3716 kmem:mm_page_alloc(pfn: 44935, gfp_flags: 1314250, migratetype: 1)`
 *
 * The arguments are rewritten as ` key=value`, so that one field reader serves all dialects.
 */
import {
  ascii,
  BLANK,
  CLOSE_PAREN,
  COLON,
  COMMA,
  DOT,
  EQUALS,
  isDigit,
  isNameByte,
  LF,
  OPEN_PAREN,
  SLASH,
} from './bytes.js';
import { UNKNOWN_MIGRATETYPE } from './columns.js';
import type { EventRows } from './event-rows.js';
import { findShape } from './event-shapes.js';
import { decimal, type LinePrefix } from './line-prefix.js';
import { WORD_SLACK } from './words.js';

const REWRITTEN_BYTES = 1024;
/** Appended to an event that has the field: what perf leaves out is 0. */
const ZERO_ORDER = ascii(' order=0');

export class PerfTrace {
  private readonly rows: EventRows;
  private readonly prefix: LinePrefix;
  private readonly rewritten = new Uint8Array(REWRITTEN_BYTES + WORD_SLACK);

  constructor(rows: EventRows, prefix: LinePrefix) {
    this.rows = rows;
    this.prefix = prefix;
  }

  /** Reads a line of perf trace; false when the line is of another dialect. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    const { prefix, rows } = this;
    let p = start;
    while (bytes[p] === BLANK) p++;
    let timeEnd = p;
    while (isDigit(bytes[timeEnd]) || bytes[timeEnd] === DOT) timeEnd++;
    if (timeEnd === p || bytes[timeEnd] !== BLANK) return false;
    prefix.clear();
    if (!prefix.readMilliseconds(bytes, p, timeEnd)) return false;
    const open = findEvent(bytes, timeEnd, end);
    if (open < 0) return false;
    let nameStart = open;
    while (isNameByte(bytes[nameStart - 1])) nameStart--;
    let subsystem = nameStart - 1;
    while (isNameByte(bytes[subsystem - 1])) subsystem--;
    const comm = this.readTask(bytes, timeEnd, subsystem);
    const shape = findShape(bytes, nameStart, open);
    prefix.nameStart = nameStart;
    if (shape === null) {
      rows.countName(bytes, nameStart, open);
      return true;
    }
    const length = this.rewrite(
      bytes,
      open + 1,
      Math.min(end, open + REWRITTEN_BYTES - ZERO_ORDER.length - 2),
    );
    const { columns } = rows;
    const row = columns.length;
    prefix.nameStart = 0;
    rows.readShape(this.rewritten, 0, shape, prefix, comm);
    // Left out means 0 here too, and not "unknown".
    if (
      length > 0 &&
      columns.length > row &&
      columns.migratetype[row] === UNKNOWN_MIGRATETYPE &&
      shape.isAlloc
    ) {
      columns.migratetype[row] = 0;
    }
    return true;
  }

  /** `comm/tid`, perhaps behind a duration in parentheses. */
  private readTask(bytes: Uint8Array, start: number, end: number): number {
    let last = end;
    while (last > start && bytes[last - 1] === BLANK) last--;
    let first = last;
    while (first > start && isDigit(bytes[first - 1])) first--;
    if (first === last || bytes[first - 1] !== SLASH) return 0;
    this.prefix.pid = decimal(bytes, first, last);
    let commStart = start;
    const duration = bytes.subarray(start, first).indexOf(CLOSE_PAREN);
    if (duration >= 0 && bytes[start + duration + 1] === COLON) commStart = start + duration + 2;
    return this.rows.comms.of(bytes, commStart, first - 1);
  }

  private rewrite(bytes: Uint8Array, start: number, end: number): number {
    const { rewritten } = this;
    let length = 0;
    for (let p = start; p < end; p++) {
      const byte = bytes[p];
      if (byte === CLOSE_PAREN) break;
      if (byte === COLON && bytes[p + 1] === BLANK) {
        rewritten[length++] = EQUALS;
        p++;
      } else {
        rewritten[length++] = byte === COMMA ? BLANK : byte;
      }
    }
    // The first of two copies counts, so this is a default.
    rewritten.set(ZERO_ORDER, length);
    length += ZERO_ORDER.length;
    rewritten[length] = LF;
    return length;
  }
}

/** The parenthesis after `SUBSYS:NAME`, or -1. */
function findEvent(bytes: Uint8Array, start: number, end: number): number {
  for (let p = start + 1; p < end; p++) {
    if (bytes[p] !== OPEN_PAREN || !isNameByte(bytes[p - 1])) continue;
    let name = p;
    while (name > start && isNameByte(bytes[name - 1])) name--;
    if (name > start + 1 && bytes[name - 1] === COLON && isNameByte(bytes[name - 2])) return p;
  }
  return -1;
}
