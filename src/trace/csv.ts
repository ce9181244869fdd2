/**
 * CSV traces: a header line, one request a row (trace-formats §8), read through csv-parse.
 *
 * CSV is what other tools and scripts write, so it is strict where a wrong guess would give a wrong result:
 * a row that cannot be understood stops the run with its line. What is missing or not read is said once.
 * Not for speed: some 300,000 rows a second; `mm-sim convert` makes a packed trace of a large one.
 */
import { finished } from 'node:stream';
import { CsvError, type Options, Parser } from 'csv-parse';
import { classFromName, PLAIN } from '../kernel/classes.js';
import { EXIT, UserError } from '../kernel/errors.js';
import { gfpMigratetype } from '../kernel/gfp.js';
import { FREETYPE_NAMES, MIGRATE_TYPES } from '../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, PAGE_SIZE } from '../kernel/orders.js';
import { EventColumns, NO_GFP, NO_PFN, UNKNOWN_CPU, UNKNOWN_MIGRATETYPE } from './columns.js';
import { type CsvColumn, type CsvHeader, delimiterOf, readHeader } from './csv-columns.js';
import {
  type Instant,
  LARGEST_PFN,
  orderOfPages,
  pageOfAddress,
  readTime,
  wholeNumber,
} from './csv-values.js';
import { emptyReport } from './empty-report.js';
import { EVENTS, KIND } from './events.js';
import { decodeGfp } from './gfp.js';
import { nearestName } from './mark-expression.js';
import { NameTable } from './name-table.js';
import type { TraceReader } from './reader.js';
import type { ReadReport } from './report.js';

/**
 * Bytes that go to the parser at a time. The shortest row ("a,1\n") has four bytes, so that the rows of one
 * piece fit one batch of columns.
 */
const PIECE_BYTES = 32_000;
/** A quote that is never closed must not swallow the file. */
const LONGEST_RECORD = 65_536;
const LONGEST_HEADER = 65_536;
const LF = 10;
const HEADER_ADVICE =
  'the first line must name the columns, such as time_ns,cpu,pid,comm,op,pfn,order,migratetype,gfp';
/** Numbers in a CSV are those of today's kernels: the file cannot say otherwise. */
const ERA = { names: '5.14-7.3', layout: '5.0-7.3' } as const;

const OPS: ReadonlyMap<string, number> = new Map([
  ['alloc', KIND.alloc],
  ['a', KIND.alloc],
  ['+', KIND.alloc],
  ['malloc', KIND.alloc],
  ['mm_page_alloc', KIND.alloc],
  ['free', KIND.free],
  ['f', KIND.free],
  ['-', KIND.free],
  ['mm_page_free', KIND.free],
  ['mm_page_free_direct', KIND.free],
  ['mm_page_free_batched', KIND.freeBatched],
  ['mm_pagevec_free', KIND.freeBatched],
  ['mm_page_alloc_zone_locked', KIND.zoneLocked],
  ['mm_page_pcpu_drain', KIND.pcpuDrain],
]);
const FAIL_OPS = ['fail', 'failed'];
/** Names under which `check` counts them. */
const KERNEL_NAMES: readonly (readonly [number, string])[] = [
  [KIND.alloc, 'mm_page_alloc'],
  [KIND.free, 'mm_page_free'],
  [KIND.freeBatched, 'mm_page_free_batched'],
  [KIND.zoneLocked, 'mm_page_alloc_zone_locked'],
  [KIND.pcpuDrain, 'mm_page_pcpu_drain'],
];

const OTHER_EVENTS: ReadonlySet<string> = new Set(
  EVENTS.map(({ name }) => name).filter((name) => !OPS.has(name)),
);
const MIGRATETYPE_NAMES: readonly string[] = FREETYPE_NAMES.slice(0, MIGRATE_TYPES);
const QUOTE_ADVICE = 'put the whole field in quotes and double the quotes inside it';

/** Opens a CSV trace. Throws UserError (exit code 3) when it has no usable header. */
export async function openCsv(bytes: AsyncIterable<Uint8Array>, file: string): Promise<TraceReader> {
  const reader = new CsvReader(bytes, file);
  await reader.start();
  return reader;
}

/** Takes records out of csv-parse at the call, not through the stream's queue: that saves 40 % of the time. */
class RecordParser extends Parser {
  private readonly onRecord: (record: string[]) => void;

  constructor(options: Options, onRecord: (record: string[]) => void) {
    super(options);
    this.onRecord = onRecord;
  }

  override push(record: unknown): boolean {
    if (record === null) return super.push(null);
    this.onRecord(record as string[]);
    return true;
  }
}

class CsvReader implements TraceReader {
  readonly report: ReadReport = emptyReport('csv');
  private readonly file: string;
  private readonly bytes: AsyncIterator<Uint8Array>;
  private readonly commNames = new NameTable();
  private readonly gfpNames = new NameTable();
  /** Migratetype that the flags ask for, by gfp id. */
  private readonly gfpTypes: number[] = [UNKNOWN_MIGRATETYPE];
  private readonly columns = new EventColumns();
  private isHandedOut = false;
  private readonly counts = new Float64Array(256);
  private readonly cpus = new Set<number>();
  private readonly instant: Instant = { seconds: 0, ns: 0 };
  private parser: RecordParser | undefined;
  private header: CsvHeader | undefined;
  private rest: Uint8Array = new Uint8Array(0);
  private failure: unknown;
  /** Line of the last row, and of the first one that is an event. */
  private lastLine = 0;
  private firstLine = 0;
  private lastByte = LF;
  private isEnded = false;

  constructor(bytes: AsyncIterable<Uint8Array>, file: string) {
    this.bytes = bytes[Symbol.asyncIterator]();
    this.file = file;
  }

  get comms(): readonly string[] {
    return this.commNames.names;
  }

  get gfps(): readonly string[] {
    return this.gfpNames.names;
  }

  /** Reads up to the header, and the rows that come along with it. */
  async start(): Promise<void> {
    const delimiter = delimiterOf(await this.headerLine());
    this.report.layouts.push({ ',': 'comma', '\t': 'tab', ';': 'semicolon' }[delimiter]);
    const options: Options = {
      bom: true,
      comment: '#',
      comment_no_infix: true,
      delimiter,
      max_record_size: LONGEST_RECORD,
      record_delimiter: ['\r\n', '\n'],
      // Fields are counted here, where the line is known.
      relax_column_count: true,
      skip_empty_lines: true,
      // Blanks around a value; with TABs as delimiters it would swallow empty fields.
      trim: delimiter !== '\t',
    };
    this.parser = new RecordParser(options, (record) => this.record(record));
    // Errors come out of feed(); a listener keeps Node from throwing them a second time.
    this.parser.on('error', () => {});
    while (this.header === undefined && !this.isEnded) await this.feed();
    if (this.header !== undefined) return;
    throw new UserError(EXIT.badInput, 'holds no rows', {
      place: { file: this.file },
      advice: HEADER_ADVICE,
    });
  }

  async next(): Promise<EventColumns | null> {
    if (this.failure !== undefined) throw this.failure;
    if (this.isHandedOut) this.columns.length = 0;
    this.isHandedOut = false;
    while (this.columns.length === 0 && !this.isEnded) await this.feed();
    this.updateReport();
    if (this.columns.length === 0) return null;
    this.isHandedOut = true;
    return this.columns;
  }

  async close(): Promise<void> {
    this.isEnded = true;
    this.parser?.destroy();
    await this.bytes.return?.();
  }

  /** The first line that is neither empty nor a comment; its bytes are kept for the parser. */
  private async headerLine(): Promise<string> {
    for (;;) {
      const text = Buffer.from(this.rest.buffer, this.rest.byteOffset, this.rest.length).toString('latin1');
      // The last element may be half a line; it counts once nothing more comes.
      const lines = text.split('\n');
      const isWhole = lines.slice(0, -1).find(isHeader);
      if (isWhole !== undefined) return isWhole;
      const chunk = text.length < LONGEST_HEADER ? await this.chunk() : null;
      if (chunk === null) return lines.find(isHeader) ?? '';
      this.rest = Buffer.concat([this.rest, chunk]);
    }
  }

  private async chunk(): Promise<Uint8Array | null> {
    const step = await this.bytes.next();
    return step.done === true ? null : step.value;
  }

  /** Gives the parser its next piece; rows arrive in record() meanwhile. */
  private async feed(): Promise<void> {
    while (this.rest.length === 0) {
      const chunk = await this.chunk();
      if (chunk === null) break;
      this.rest = chunk;
    }
    const piece = this.rest.subarray(0, PIECE_BYTES);
    this.rest = this.rest.subarray(piece.length);
    const parser = this.parser as RecordParser;
    const error = await new Promise<Error | null | undefined>((resolve) => {
      if (piece.length === 0) {
        this.isEnded = true;
        finished(parser, { readable: false }, resolve);
        parser.end();
      } else {
        this.lastByte = piece[piece.length - 1];
        parser.write(piece, resolve);
      }
    });
    if (this.failure === undefined && error) this.failure = this.parserError(error);
    if (this.failure !== undefined) throw this.failure;
  }

  private record(fields: string[]): void {
    if (this.failure !== undefined) return;
    const line = (this.parser as RecordParser).info.lines - lineFeeds(fields);
    this.lastLine = line;
    if (fields.length === 1 && fields[0].trim() === '') return;
    try {
      if (this.header === undefined) this.takeHeader(fields, line);
      else this.row(this.header, fields, line);
    } catch (error) {
      this.failure = error;
    }
  }

  private takeHeader(fields: string[], line: number): void {
    const header = readHeader(fields);
    if (header.missing.length > 0) {
      const [{ names }] = header.missing;
      const advice = `it may also be called ${names.slice(1).join(', ')}; ${HEADER_ADVICE}`;
      throw this.error(line, `there is no column '${names[0]}'`, advice);
    }
    this.header = header;
    this.report.clock = header.clock;
    this.report.notes.push(...header.notes);
  }

  private row(header: CsvHeader, fields: string[], line: number): void {
    const { at } = header;
    if (fields.length !== header.fields.length) {
      const advice = 'every row needs a value or nothing between the separators for each column';
      throw this.error(line, `${fields.length} fields where the header has ${header.fields.length}`, advice);
    }
    const columns = this.columns;
    const i = columns.length;
    const op = fields[at.op].trim().toLowerCase();
    const isFailure = FAIL_OPS.includes(op);
    const kind = isFailure ? KIND.alloc : OPS.get(op);
    if (kind === undefined) {
      this.otherOp(header, fields[at.op].trim(), op, line);
      return;
    }
    columns.kind[i] = kind;
    columns.timeNs[i] = this.time(header, fields, line);
    columns.cpu[i] = this.number(header, fields, 'cpu', line, 0, UNKNOWN_CPU - 1);
    columns.pid[i] = this.pid(header, fields, line);
    columns.comm[i] = at.comm < 0 ? 0 : this.commNames.id(fields[at.comm]);
    columns.pfn[i] = isFailure ? NO_PFN : this.pfn(header, fields, op, line);
    columns.order[i] = this.order(header, fields, line);
    columns.pageClass[i] = at.class < 0 ? PLAIN : this.pageClass(fields[at.class].trim(), line);
    const isAlloc = kind === KIND.alloc;
    columns.gfp[i] = isAlloc ? this.gfp(at.gfp < 0 ? '' : fields[at.gfp].trim()) : NO_GFP;
    const migratetype = at.migratetype < 0 ? '' : fields[at.migratetype].trim();
    if (migratetype !== '') columns.migratetype[i] = this.migratetype(migratetype, line);
    else columns.migratetype[i] = isAlloc ? this.gfpTypes[columns.gfp[i]] : UNKNOWN_MIGRATETYPE;
    columns.context[i] = 0;
    columns.line[i] = line;
    columns.file[i] = 0;
    columns.a[i] = 0;
    columns.b[i] = 0;
    columns.c[i] = 0;
    this.counts[kind]++;
    this.cpus.add(columns.cpu[i]);
    columns.length = i + 1;
  }

  /** Rows of other kernel events are normal in an exported trace; anything else is a mistake. */
  private otherOp(header: CsvHeader, text: string, op: string, line: number): void {
    if (OTHER_EVENTS.has(op)) {
      const seen = this.report.eventsByName.get(op) ?? 0;
      if (seen === 0) this.report.notes.push(`rows of ${op} are left out: a CSV has no columns for it`);
      this.report.eventsByName.set(op, seen + 1);
      return;
    }
    const name = header.called.op;
    if (text === '') throw this.error(line, `${name} is empty`, 'operations are alloc, free and fail');
    const advice = `did you mean ${nearestName(op, ['alloc', 'free', 'fail'])}? Operations are alloc, free and fail`;
    throw this.error(line, `${name} '${text}' is unknown`, advice);
  }

  private time(header: CsvHeader, fields: string[], line: number): number {
    const { report, instant } = this;
    const isFirst = this.firstLine === 0;
    if (isFirst) this.firstLine = line;
    if (header.at.time < 0) {
      instant.seconds = line - this.firstLine;
      report.lastTimeNs = instant.seconds;
      return instant.seconds;
    }
    const text = fields[header.at.time].trim();
    const { timeDigits } = header;
    const isTime =
      timeDigits < 0 ? readTime(text, 0, instant) && instant.ns === 0 : readTime(text, timeDigits, instant);
    if (!isTime) {
      const advice = 'write a number without sign, exponent or separators';
      throw this.error(line, `${header.called.time} '${text}' is not a time`, advice);
    }
    if (isFirst) {
      report.originSeconds = instant.seconds;
      report.originNs = instant.ns;
      if (timeDigits === 0 && !text.includes('.') && header.called.time.toLowerCase() !== 'time_s') {
        report.notes.push(
          `${header.called.time} is read as seconds; call it time_ns, time_us or tick if it is not`,
        );
      }
    }
    const seconds = instant.seconds - report.originSeconds;
    const timeNs = timeDigits < 0 ? seconds : seconds * 1e9 + (instant.ns - report.originNs);
    const back = report.lastTimeNs - timeNs;
    if (back > 0 && !isFirst) {
      report.timeBackwards.count++;
      report.timeBackwards.largestNs = Math.max(report.timeBackwards.largestNs, back);
    }
    report.lastTimeNs = timeNs;
    return timeNs;
  }

  private number(
    header: CsvHeader,
    fields: string[],
    column: CsvColumn,
    line: number,
    none: number,
    largest: number,
  ): number {
    const at = header.at[column];
    if (at < 0) return none;
    const text = fields[at].trim();
    if (text === '') return none;
    const value = wholeNumber(text);
    if (value >= 0 && value <= largest) return value;
    throw this.notANumber(header, column, text, line);
  }

  private pid(header: CsvHeader, fields: string[], line: number): number {
    // perf prints -1 for a task that is gone (trace-formats §4).
    if (header.at.pid >= 0 && fields[header.at.pid].trim() === '-1') return -1;
    return this.number(header, fields, 'pid', line, 0, 2 ** 31 - 1);
  }

  private pfn(header: CsvHeader, fields: string[], op: string, line: number): number {
    const text = fields[header.at.pfn].trim();
    const name = header.called.pfn;
    if (text === '') {
      throw this.error(
        line,
        `${name} is empty`,
        "name the page, or write 'fail' for a request that got none",
      );
    }
    if (header.pfnAsAddress) {
      const page = pageOfAddress(text);
      if (page >= 0) return page;
      if (page === -1) throw this.notANumber(header, 'pfn', text, line);
      throw this.error(line, `${name} ${text} is not a multiple of the page size, ${PAGE_SIZE}`);
    }
    // The kernel's own way to say that a request failed (trace-formats §1 item 3).
    if (op === 'mm_page_alloc' && (Number(text) === 0 || text.toLowerCase() === '0xffffffffffffffff'))
      return NO_PFN;
    const value = wholeNumber(text);
    if (value >= 0 && value <= LARGEST_PFN) return value;
    throw this.notANumber(header, 'pfn', text, line);
  }

  private order(header: CsvHeader, fields: string[], line: number): number {
    const value = this.number(
      header,
      fields,
      'order',
      line,
      header.orderAs === 'order' ? 0 : 1,
      Number.MAX_SAFE_INTEGER,
    );
    const pages = header.orderAs === 'bytes' ? Math.ceil(value / PAGE_SIZE) : value;
    const order = header.orderAs === 'order' ? value : orderOfPages(pages);
    if (order <= MAX_PAGE_ORDER) return order;
    const limit = `larger than the largest order, ${MAX_PAGE_ORDER}`;
    const problem =
      header.orderAs === 'order'
        ? `order ${value} is ${limit}`
        : `${header.called.order} ${value} needs order ${order}, ${limit}`;
    throw this.error(line, problem);
  }

  private pageClass(text: string, line: number): number {
    const pageClass = classFromName(text);
    if (pageClass >= 0) return pageClass;
    const nearest = nearestName(text, ['unmapped', 'readonly', 'pagetable', 'pkey:0']);
    const advice = `did you mean ${nearest}? Classes are unmapped, readonly, pagetable and pkey:0 to pkey:15`;
    throw this.error(line, `class '${text}' is unknown`, advice);
  }

  private gfp(text: string): number {
    const id = this.gfpNames.id(text === '' ? 'GFP_KERNEL' : text);
    while (this.gfpTypes.length <= id) {
      // 3 is no type of a request: both mobility bits, which no caller may set (page-allocator §0.5).
      const { bits } = decodeGfp(this.gfpNames.names[this.gfpTypes.length], ERA);
      this.gfpTypes.push(Math.min(gfpMigratetype(bits), MIGRATE_TYPES - 1));
    }
    return id;
  }

  private migratetype(text: string, line: number): number {
    const value = wholeNumber(text);
    if (value >= 0 && value < MIGRATE_TYPES) return value;
    const name = text.toLowerCase().replace(/^migrate_/, '');
    const known = MIGRATETYPE_NAMES.indexOf(name);
    if (known >= 0) return known;
    const advice =
      value >= 0 || name === ''
        ? 'numbers go from 0 (unmovable) to 5 (isolate), as in kernels since 4.4'
        : `did you mean ${nearestName(name, MIGRATETYPE_NAMES)}?`;
    throw this.error(line, `migratetype '${text}' is unknown`, advice);
  }

  private notANumber(header: CsvHeader, column: CsvColumn, text: string, line: number): UserError {
    const name = header.called[column];
    if (wholeNumber(text) >= 0) return this.error(line, `${name} ${text} is too large`);
    const advice = 'write whole numbers, decimal or hexadecimal with 0x, without separators';
    return this.error(line, `${name} '${text}' is not a whole number`, advice);
  }

  private error(line: number, problem: string, advice?: string): UserError {
    const check = `check the column names with 'mm-sim check ${this.file}'`;
    return new UserError(EXIT.badInput, problem, {
      place: { file: this.file, line },
      advice: advice ?? check,
    });
  }

  private parserError(error: Error): unknown {
    if (!(error instanceof CsvError)) return error;
    if (error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE') {
      return this.error(this.lastLine + 1, 'a quote is opened in this row and not closed', QUOTE_ADVICE);
    }
    const line = (this.parser as RecordParser).info.lines;
    return this.error(line, 'a quote stands inside a field', QUOTE_ADVICE);
  }

  private updateReport(): void {
    const { report } = this;
    report.lines = (this.parser as RecordParser).info.lines - (this.isEnded && this.lastByte === LF ? 1 : 0);
    for (const [kind, name] of KERNEL_NAMES) {
      if (this.counts[kind] > 0) report.eventsByName.set(name, this.counts[kind]);
    }
    report.cpus = [...this.cpus].sort((x, y) => x - y);
  }
}

function isHeader(line: string): boolean {
  return line.trim() !== '' && !line.startsWith('#');
}

/** Line feeds inside quoted fields: the parser names the line on which a row ends. */
function lineFeeds(fields: readonly string[]): number {
  let count = 0;
  for (const field of fields) {
    for (let at = field.indexOf('\n'); at >= 0; at = field.indexOf('\n', at + 1)) count++;
  }
  return count;
}
