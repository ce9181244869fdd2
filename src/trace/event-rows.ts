/**
 * One event: its name looked up, its fields read, its row written; and everything that is counted on the
 * way. Whatever the dialect of a line, its prefix ends up in a LinePrefix and its event here.
 */
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
import { ByteOffsetPfns } from './byte-offset-pfns.js';
import { type EventColumns, NO_GFP, NO_PFN, UNKNOWN_CPU, UNKNOWN_MIGRATETYPE } from './columns.js';
import { ByteDictionary } from './dictionary.js';
import { type EventShape, ShapeTable } from './event-shapes.js';
import { KIND } from './events.js';
import { FieldReader } from './field-reader.js';
import { decodeGfp, hasBareNames } from './gfp.js';
import { DEFAULT_COMM, type LinePrefix, NO_TIME, TICKS } from './line-prefix.js';
import { MarkerReader } from './markers.js';
import { PageEvent } from './page-event.js';
import type { Clock, ReadReport } from './report.js';
import { viewOf } from './words.js';

/** Distinct texts that are kept apart; a trace with more is broken or hostile (trace-formats §10.4). */
const COMM_CAP = 65_000;
const GFP_CAP = 4_096;
const NAME_CAP = 4_096;
const MALFORMED_SHOWN = 5;
const MALFORMED_TEXT = 200;
/** Migratetypes per gfp text that are counted for the era; larger ones share the last place. */
const COUNTED_TYPES = 4;
const NS_PER_SECOND = 1_000_000_000;
const COMM_SLOTS = 256;
const COMM_WORDS = DEFAULT_COMM / 4;

const PERF_LOST = ascii('PERF_RECORD_LOST');
const PERF_RECORD = ascii('PERF_RECORD_');
const FUNCTION = ascii('function');

const CLOCK_NAMES: readonly Clock[] = ['none', 'seconds', 'ticks', 'relative'];

export class EventRows {
  readonly columns: EventColumns;
  readonly report: ReadReport;
  readonly comms = new ByteDictionary(COMM_CAP);
  readonly gfps = new ByteDictionary(GFP_CAP);
  readonly fields: FieldReader;
  /** Line of the event that is being read. */
  line = 0;
  /** The last line of a file without a line feed: used only when nothing can be missing. */
  isUnfinishedLine = false;
  /** comm may hold HTML's escapes for < > and &. */
  isHtml = false;

  private readonly shapes = new ShapeTable();
  private readonly markers: MarkerReader;
  private readonly byteOffsets = new ByteOffsetPfns();
  private readonly unknownNames = new ByteDictionary(NAME_CAP);
  private readonly unknownCounts = new Float64Array(NAME_CAP);
  /** Known and unknown names in order of first appearance. */
  private readonly nameOrder: (EventShape | number)[] = [];
  private readonly cpuSeen = new Uint8Array(UNKNOWN_CPU + 1);
  private largestCpu = -1;
  /** Requests by gfp id and migratetype: what the era is judged by at the end. */
  private readonly typesOfGfp = new Float64Array(GFP_CAP * COUNTED_TYPES);

  private clock = NO_TIME;
  private originSeconds = 0;
  private originNs = 0;
  private nsPerUnit = NS_PER_SECOND;
  private lastTimeNs = 0;
  private hasMixedClocks = false;

  /** The comm fields of default lines seen last, by pid: 16 bytes and the id each. */
  private readonly commWords = new Int32Array(COMM_SLOTS * COMM_WORDS);
  private readonly commIds = new Uint16Array(COMM_SLOTS);
  private readonly pageEvent = new PageEvent(this.gfps);
  /** Events that make up most of a trace: tried before a name is looked up. */
  private readonly recent: EventShape[] = [];
  /** The bytes being read, and a view of them. */
  private bytes = new Uint8Array(0) as Uint8Array;
  private view = viewOf(this.bytes);

  constructor(columns: EventColumns, report: ReadReport) {
    this.columns = columns;
    this.report = report;
    this.fields = new FieldReader(columns, this.gfps);
    this.markers = new MarkerReader(this.fields);
  }

  /**
   * comm of a default line, 16 bytes with its padding; -1 when they hold a line feed, which means that the
   * `-` belongs to another line.
   */
  defaultComm(bytes: Uint8Array, start: number, pid: number): number {
    if (bytes !== this.bytes) this.bind(bytes);
    const slot = pid & (COMM_SLOTS - 1);
    const base = slot * COMM_WORDS;
    const { commWords, view } = this;
    if (
      view.getInt32(start + 12, true) === commWords[base + 3] &&
      view.getInt32(start + 8, true) === commWords[base + 2] &&
      view.getInt32(start + 4, true) === commWords[base + 1] &&
      view.getInt32(start, true) === commWords[base]
    ) {
      return this.commIds[slot];
    }
    return this.newDefaultComm(bytes, start, slot);
  }

  /** comm of any other line. */
  comm(bytes: Uint8Array, start: number, end: number): number {
    let from = start;
    while (from < end && bytes[from] <= BLANK) from++;
    if (this.isHtml) return this.comms.idOfText(unescapeHtml(textOf(bytes, from, end)));
    return this.comms.idOf(bytes, from, end);
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
    const shape = this.shapes.find(bytes, start, end);
    if (shape === null) {
      this.countUnknown(bytes, start, end);
      return lineFeed(bytes, end);
    }
    if (shape.isPageEvent && !recent.includes(shape)) recent.push(shape);
    return this.readShape(bytes, end + 1, shape, prefix, comm);
  }

  /** The event of that name, for dialects that find names by other means; null when mm-sim keeps none such. */
  shapeOf(bytes: Uint8Array, start: number, end: number): EventShape | null {
    return this.shapes.find(bytes, start, end);
  }

  /** Reads the fields of a known event and writes its row. Returns the position of the line feed. */
  readShape(bytes: Uint8Array, at: number, shape: EventShape, prefix: LinePrefix, comm: number): number {
    if (shape.count++ === 0) this.nameOrder.push(shape);
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
    if (fields.pageOffset >= 0) this.byteOffsets.note(columns, row, fields.pageOffset);
    if (shape.isAlloc) this.countType(columns.gfp[row], columns.migratetype[row]);
    this.write(shape.kind, row, prefix, comm);
    return fields.end;
  }

  /** Writes a row for a loss; `events` is 0 when the mark does not say how many. */
  lost(cpu: number, events: number): void {
    const { columns, report } = this;
    const row = columns.length;
    report.lost.push({ line: this.line, cpu, events });
    columns.pfn[row] = NO_PFN;
    columns.order[row] = 0;
    columns.migratetype[row] = UNKNOWN_MIGRATETYPE;
    columns.gfp[row] = NO_GFP;
    columns.pageClass[row] = 0;
    columns.a[row] = events;
    columns.b[row] = 0;
    columns.c[row] = 0;
    columns.kind[row] = KIND.lost;
    columns.timeNs[row] = this.lastTimeNs;
    columns.cpu[row] = cpu;
    columns.pid[row] = -1;
    columns.comm[row] = 0;
    columns.context[row] = 0;
    columns.line[row] = this.line;
    columns.file[row] = 0;
    columns.length = row + 1;
  }

  /** Are there pages of a bulk marker that found no room in the last batch? */
  get hasPending(): boolean {
    return this.markers.hasPending;
  }

  /** Writes as many of them as fit. */
  writePending(): void {
    this.markers.writePending(this.columns);
  }

  /** Puts what was counted into the report and rights the batch; to be called before a batch is handed out. */
  settle(): void {
    const { report, fields } = this;
    this.byteOffsets.correct(this.columns, report);
    report.clock = CLOCK_NAMES[this.clock];
    report.originSeconds = this.originSeconds;
    report.originNs = this.originNs;
    report.lastTimeNs = this.lastTimeNs;
    report.cpus = [];
    for (let cpu = 0; cpu <= this.largestCpu; cpu++) if (this.cpuSeen[cpu] === 1) report.cpus.push(cpu);
    for (const name of this.nameOrder) {
      if (typeof name === 'number') report.eventsByName.set(this.unknownNames.names[name], this.unknownCounts[name]);
      else report.eventsByName.set(name.name, name.count);
    }
    const { evidence } = fields;
    const { era } = report;
    era.hexPfns = evidence.hexPfns;
    era.decimalPfns = evidence.decimalPfns;
    era.coldFields = evidence.coldFields;
    era.rawPagePointers = evidence.rawPagePointers;
    era.nullPages = evidence.nullPages;
    era.oldEventNames =
      (report.eventsByName.get('mm_page_free_direct') ?? 0) + (report.eventsByName.get('mm_pagevec_free') ?? 0);
    this.settleGfpEvidence();
    if (evidence.bareHexPfns > 0) note(report, 'some pfns are hexadecimal without 0x and were read so');
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
      this.countType(pageEvent.gfp, pageEvent.migratetype);
    }
    this.write(shape.kind, row, prefix, comm);
  }

  private countType(gfp: number, migratetype: number): void {
    this.typesOfGfp[gfp * COUNTED_TYPES + (migratetype & (COUNTED_TYPES - 1))]++;
  }

  private write(kind: number, row: number, prefix: LinePrefix, comm: number): void {
    const { columns } = this;
    const { cpu } = prefix;
    columns.kind[row] = kind;
    columns.timeNs[row] = this.time(prefix);
    columns.cpu[row] = cpu;
    columns.pid[row] = prefix.pid;
    columns.comm[row] = comm;
    columns.context[row] = prefix.context;
    columns.line[row] = this.line;
    columns.file[row] = 0;
    columns.length = row + 1;
    this.cpuSeen[cpu] = 1;
    if (cpu > this.largestCpu && cpu < UNKNOWN_CPU) this.largestCpu = cpu;
    if (kind === KIND.bulkPage) this.markers.finishBulk(columns, row);
  }

  /** Time since the first event kept. Seconds and ns stay apart until here: tai has no room in a double. */
  private time(prefix: LinePrefix): number {
    if (prefix.clock !== this.clock) {
      if (prefix.clock === NO_TIME) return this.lastTimeNs;
      if (this.clock !== NO_TIME) return this.otherClock();
      this.startClock(prefix);
    }
    const timeNs = (prefix.seconds - this.originSeconds) * this.nsPerUnit + (prefix.nanoseconds - this.originNs);
    if (timeNs < this.lastTimeNs) this.countBackwards(this.lastTimeNs - timeNs);
    this.lastTimeNs = timeNs;
    return timeNs;
  }

  private startClock(prefix: LinePrefix): void {
    this.clock = prefix.clock;
    this.originSeconds = prefix.seconds;
    this.originNs = prefix.nanoseconds;
    this.nsPerUnit = prefix.clock === TICKS ? 1 : NS_PER_SECOND;
  }

  private otherClock(): number {
    if (!this.hasMixedClocks) {
      this.hasMixedClocks = true;
      note(this.report, `line ${this.line} and others have time stamps of another clock; their order alone is used`);
    }
    return this.lastTimeNs;
  }

  private countBackwards(ns: number): void {
    const { timeBackwards } = this.report;
    timeBackwards.count++;
    if (ns > timeBackwards.largestNs) timeBackwards.largestNs = ns;
  }

  private bind(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }

  private newDefaultComm(bytes: Uint8Array, start: number, slot: number): number {
    const end = start + DEFAULT_COMM;
    for (let i = start; i < end; i++) if (bytes[i] === LF) return -1;
    const id = this.comm(bytes, start, end);
    for (let i = 0; i < COMM_WORDS; i++) {
      this.commWords[slot * COMM_WORDS + i] = this.view.getInt32(start + 4 * i, true);
    }
    this.commIds[slot] = id;
    return id;
  }

  /** Lines whose text is no event: stacks, functions, losses that perf tells. */
  private readNameless(bytes: Uint8Array, start: number, end: number, prefix: LinePrefix): number {
    const next = bytes[end];
    if (startsWith(bytes, start, PERF_LOST)) {
      this.lost(prefix.cpu, numberAfterWord(bytes, end));
    } else if (end > start && (next === BLANK || next === OPEN_PAREN)) {
      // `function <-caller` of the function tracer, or a record of perf such as PERF_RECORD_FORK(7:7).
      if (startsWith(bytes, start, PERF_RECORD)) this.countUnknown(bytes, start, end);
      else this.countUnknown(FUNCTION, 0, FUNCTION.length);
    } else if (bytes[start] !== LESS) {
      // `<stack trace>` and `<user stack trace>` belong to the event before.
      if (this.isUnfinishedLine) this.report.truncatedLastLine = true;
      else this.report.unparsed++;
    }
    return lineFeed(bytes, start);
  }

  /** Counts an event by its name alone. */
  countUnknown(bytes: Uint8Array, start: number, end: number): void {
    const id = this.unknownNames.idOf(bytes, start, end);
    if (this.unknownCounts[id]++ === 0) this.nameOrder.push(id);
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
    return decodeGfp(text, { names: '5.14-7.3', layout: '5.0-7.3' }).unknown.length === 0;
  }

  private settleGfpEvidence(): void {
    const { era } = this.report;
    era.movableIs1 = 0;
    era.movableIs2 = 0;
    era.namesWithoutUnderscores = 0;
    for (let id = 1; id < this.gfps.names.length; id++) {
      const text = this.gfps.names[id];
      const types = this.typesOfGfp.subarray(id * COUNTED_TYPES, (id + 1) * COUNTED_TYPES);
      if (/(^|\|)GFP_HIGHUSER_MOVABLE\b/.test(text)) {
        era.movableIs1 += types[1];
        era.movableIs2 += types[2];
      } else if (/GFP_RECLAIMABLE\b|GFP_TEMPORARY\b/.test(text)) {
        era.movableIs1 += types[2];
        era.movableIs2 += types[1];
      }
      if (hasBareNames(text)) era.namesWithoutUnderscores += types.reduce((sum, count) => sum + count, 0);
    }
  }
}

/** Says something to the user once. */
export function note(report: ReadReport, sentence: string): void {
  if (!report.notes.includes(sentence)) report.notes.push(sentence);
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

function unescapeHtml(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
