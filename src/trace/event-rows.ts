/**
 * One event: its name looked up, its fields read, its row written; and everything that is counted on the
 * way. Whatever the dialect of a line, its prefix ends up in a LinePrefix and its event here.
 */

import { MAX_PAGE_ORDER } from '../kernel/orders.js';
import { ByteOffsetPfns } from './byte-offset-pfns.js';
import {
  ascii,
  BLANK,
  CLOSE_PAREN,
  COLON,
  isDigit,
  isNameByte,
  LESS,
  LF,
  OPEN_PAREN,
  PLUS,
  startsWith,
  textOf,
} from './bytes.js';
import { type EventColumns, UNKNOWN_PID } from './columns.js';
import { CommNames } from './comm-names.js';
import { ByteDictionary } from './dictionary.js';
import { type EventShape, findShape } from './event-shapes.js';
import { KIND } from './events.js';
import { FieldReader } from './field-reader.js';
import { decodeGfp, hasBareNames } from './gfp.js';
import type { LinePrefix } from './line-prefix.js';
import { MarkerReader } from './markers.js';
import { countUnparsed } from './notes.js';
import { PageEvent } from './page-event.js';
import type { ReadReport } from './report.js';
import { Tally } from './tally.js';
import { TraceClock } from './trace-clock.js';
import { viewOf } from './words.js';

/** Distinct texts that are kept apart; a trace with more is broken or hostile (trace-formats §10.4). */
const GFP_CAP = 4_096;
const MALFORMED_SHOWN = 5;
const MALFORMED_TEXT = 200;

const PERF_LOST = ascii('PERF_RECORD_LOST');
const PERF_RECORD = ascii('PERF_RECORD_');
const FUNCTION = ascii('function');

export class EventRows {
  readonly columns: EventColumns;
  readonly report: ReadReport;
  readonly comms: CommNames;
  readonly gfps = new ByteDictionary(GFP_CAP);
  readonly fields: FieldReader;
  /** Line of the event that is being read. */
  line = 0;
  /** The last line of a file without a line feed: used only when nothing can be missing. */
  isUnfinishedLine = false;
  readonly isHtml: boolean;

  private readonly markers: MarkerReader;
  private readonly byteOffsets = new ByteOffsetPfns();
  private readonly clock: TraceClock;
  private readonly tally = new Tally(GFP_CAP);
  private readonly pageEvent = new PageEvent(this.gfps);
  /** Events that make up most of a trace: tried before a name is looked up. */
  private readonly recent: EventShape[] = [];
  /** The bytes being read, and a view of them. */
  private bytes: Uint8Array = new Uint8Array(0);
  private view = viewOf(this.bytes);

  constructor(columns: EventColumns, report: ReadReport) {
    this.columns = columns;
    this.report = report;
    this.isHtml = report.format === 'systrace-html';
    this.comms = new CommNames(this.isHtml);
    this.clock = new TraceClock(report);
    this.fields = new FieldReader(columns, this.gfps);
    this.markers = new MarkerReader(this.fields);
  }

  /**
   * Reads the event that begins at prefix.nameStart, and writes its row if mm-sim keeps it.
   * Returns the position of the line feed.
   */
  read(bytes: Uint8Array, prefix: LinePrefix, comm: number): number {
    let start = prefix.nameStart;
    while (bytes[start] === BLANK) start++;
    if (bytes !== this.bytes) this.bind(bytes);
    const { recent, view } = this;
    for (let i = 0; i < recent.length; i++) {
      const { nameText } = recent[i];
      if (bytes[start + nameText.length - 1] !== COLON || !nameText.standsAt(view, start)) continue;
      return this.readShape(bytes, start + nameText.length, recent[i], prefix, comm);
    }
    // trace-cmd --ts-diff puts `(+133)` between time and name (trace-formats §3).
    if (bytes[start] === OPEN_PAREN && bytes[start + 1] === PLUS) start = afterParenthesis(bytes, start);
    let end = afterName(bytes, start);
    // perf's period: a number before the name (§4).
    if (bytes[end] === BLANK && isNumber(bytes, start, end)) {
      start = end;
      while (bytes[start] === BLANK) start++;
      end = afterName(bytes, start);
    }
    if (bytes[end] !== COLON) return this.readNameless(bytes, start, end, prefix);
    // perf's subsystem: `kmem:mm_page_alloc:`.
    if (isNameByte(bytes[end + 1])) {
      start = end + 1;
      end = afterName(bytes, start);
      if (bytes[end] !== COLON) return this.readNameless(bytes, start, end, prefix);
    }
    const shape = findShape(bytes, start, end);
    if (shape === null) {
      this.tally.countName(bytes, start, end);
      return lineFeed(bytes, end);
    }
    if (shape.isPageEvent && !recent.includes(shape)) recent.push(shape);
    return this.readShape(bytes, end + 1, shape, prefix, comm);
  }

  /** Reads the fields of a known event and writes its row. Returns the position of the line feed. */
  readShape(bytes: Uint8Array, at: number, shape: EventShape, prefix: LinePrefix, comm: number): number {
    this.tally.countShape(shape);
    const { columns, fields, pageEvent } = this;
    const row = columns.length;
    if (bytes !== this.bytes) this.bind(bytes);
    if (shape.isPageEvent && !this.isUnfinishedLine && pageEvent.read(bytes, this.view, at, shape.isAlloc)) {
      this.writePageEvent(shape, row, prefix, comm);
      return pageEvent.end;
    }
    if (shape.isMarker) {
      const kind = this.markers.read(bytes, at, row);
      if (kind !== KIND.none && !this.isUnfinishedLine) this.write(kind, row, prefix, comm);
      this.report.truncatedLastLine ||= this.isUnfinishedLine;
      return lineFeed(bytes, at);
    }
    if (!fields.read(bytes, at, shape, row)) {
      if (this.isUnfinishedLine) this.report.truncatedLastLine = true;
      else this.countMalformed(bytes, prefix, fields.end);
      return lineFeed(bytes, at);
    }
    if (this.isUnfinishedLine && !this.isWhole(shape, row)) {
      this.report.truncatedLastLine = true;
      return fields.end;
    }
    if (columns.order[row] > MAX_PAGE_ORDER && shape.isRequest) {
      this.countTooLarge(columns.order[row]);
      return fields.end;
    }
    if (fields.pageOffset >= 0) this.byteOffsets.note(columns, row, fields.pageOffset);
    if (shape.isAlloc) this.tally.countRequest(columns.gfp[row], columns.migratetype[row]);
    this.write(shape.kind, row, prefix, comm);
    return fields.end;
  }

  /** Writes a row for a loss; `events` is 0 when the mark does not say how many. */
  lost(cpu: number, events: number): void {
    const { columns, report } = this;
    const row = columns.length;
    report.lost.push({ line: this.line, cpu, events });
    this.fields.reset(row);
    columns.a[row] = events;
    columns.kind[row] = KIND.lost;
    columns.timeNs[row] = this.clock.lastTimeNs;
    columns.cpu[row] = cpu;
    columns.pid[row] = UNKNOWN_PID;
    columns.comm[row] = 0;
    columns.context[row] = 0;
    columns.line[row] = this.line;
    columns.file[row] = 0;
    columns.length = row + 1;
  }

  /** Writes pages of a bulk marker that found no room in the last batch, as many as fit. */
  writePending(): void {
    this.markers.writePending(this.columns);
  }

  /** An event that mm-sim does not keep, by the bytes of its name. */
  countName(bytes: Uint8Array, start: number, end: number): void {
    this.tally.countName(bytes, start, end);
  }

  /** Puts what was counted into the report and rights the batch; to be called before a batch is handed out. */
  settle(): void {
    this.byteOffsets.correct(this.columns, this.report);
    this.clock.settle();
    this.tally.settle(this.report, this.gfps.names, this.fields.evidence);
  }

  /** After the last line. */
  finish(): void {
    this.clock.finish();
  }

  private writePageEvent(shape: EventShape, row: number, prefix: LinePrefix, comm: number): void {
    const { columns, fields, pageEvent } = this;
    fields.reset(row);
    columns.pfn[row] = pageEvent.pfn;
    columns.order[row] = pageEvent.order;
    fields.evidence.hexPfns++;
    if (pageEvent.isRawPointer) fields.evidence.rawPagePointers++;
    if (shape.isAlloc) {
      columns.migratetype[row] = pageEvent.migratetype;
      columns.gfp[row] = pageEvent.gfp;
      this.tally.countRequest(pageEvent.gfp, pageEvent.migratetype);
    }
    this.write(shape.kind, row, prefix, comm);
  }

  private write(kind: number, row: number, prefix: LinePrefix, comm: number): void {
    const { columns } = this;
    const { cpu } = prefix;
    columns.kind[row] = kind;
    columns.timeNs[row] = this.clock.timeOf(prefix, this.line);
    columns.cpu[row] = cpu;
    columns.pid[row] = prefix.pid;
    columns.comm[row] = comm;
    columns.context[row] = prefix.context;
    columns.line[row] = this.line;
    columns.file[row] = 0;
    columns.length = row + 1;
    this.tally.countCpu(cpu);
    if (kind === KIND.bulkPage) this.markers.finishBulk(columns, row);
  }

  private bind(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }

  /** Lines whose text is no event: stacks, functions, losses that perf tells. */
  private readNameless(bytes: Uint8Array, start: number, end: number, prefix: LinePrefix): number {
    const next = bytes[end];
    if (startsWith(bytes, start, PERF_LOST)) {
      this.lost(prefix.cpu, numberAfterWord(bytes, end));
    } else if (end > start && (next === BLANK || next === OPEN_PAREN)) {
      // `function <-caller` of the function tracer, or a record of perf such as PERF_RECORD_FORK(7:7).
      if (startsWith(bytes, start, PERF_RECORD)) this.tally.countName(bytes, start, end);
      else this.tally.countName(FUNCTION, 0, FUNCTION.length);
    } else if (bytes[start] !== LESS) {
      // `<stack trace>` and `<user stack trace>` belong to the event before.
      if (this.isUnfinishedLine) this.report.truncatedLastLine = true;
      else countUnparsed(this.report, this.line);
    }
    return lineFeed(bytes, start);
  }

  private countTooLarge(order: number): void {
    const { ordersTooLarge } = this.report;
    if (ordersTooLarge.count++ === 0) ordersTooLarge.firstLine = this.line;
    ordersTooLarge.largest = Math.max(ordersTooLarge.largest, order);
  }

  private countMalformed(bytes: Uint8Array, prefix: LinePrefix, end: number): void {
    const { malformed } = this.report;
    malformed.count++;
    if (malformed.first.length >= MALFORMED_SHOWN) return;
    const from = prefix.nameStart;
    const text = textOf(bytes, from, Math.min(end, from + MALFORMED_TEXT)).trim();
    malformed.first.push({ line: this.line, text });
  }

  /** Nothing is missing: every field is there, and the names of the last one were not cut. */
  private isWhole(shape: EventShape, row: number): boolean {
    if (this.fields.seen !== shape.all) return false;
    const text = this.gfps.names[this.columns.gfp[row]];
    const names = hasBareNames(text) ? '4.4-4.5' : '5.14-7.3';
    return decodeGfp(text, { names, layout: '5.0-7.3' }).unknown.length === 0;
  }
}

export function lineFeed(bytes: Uint8Array, at: number): number {
  let p = at;
  while (bytes[p] !== LF) p++;
  return p;
}

function afterName(bytes: Uint8Array, start: number): number {
  let p = start;
  while (isNameByte(bytes[p])) p++;
  return p;
}

function afterParenthesis(bytes: Uint8Array, start: number): number {
  let p = start;
  while (bytes[p] !== CLOSE_PAREN && bytes[p] !== LF) p++;
  if (bytes[p] === CLOSE_PAREN) p++;
  while (bytes[p] === BLANK) p++;
  return p;
}

function isNumber(bytes: Uint8Array, start: number, end: number): boolean {
  for (let p = start; p < end; p++) if (!isDigit(bytes[p])) return false;
  return end > start;
}

/** The number in ` lost 77`. */
function numberAfterWord(bytes: Uint8Array, at: number): number {
  let p = at;
  while (bytes[p] !== LF && !isDigit(bytes[p])) p++;
  let value = 0;
  for (; isDigit(bytes[p]); p++) value = value * 10 + bytes[p] - 48;
  return value;
}
