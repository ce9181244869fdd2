/**
 * Rows of a CSV trace to columns, value by value (trace-formats §8). Every value that cannot be what its
 * column says ends in a UserError that names the line, the value and the limit.
 */
import { classFromName, PLAIN } from '../kernel/classes.js';
import { EXIT, UserError } from '../kernel/errors.js';
import { gfpMigratetype } from '../kernel/gfp.js';
import { FREETYPE_NAMES, MIGRATE_TYPES } from '../kernel/migratetypes.js';
import { nearest } from '../kernel/nearest.js';
import { MAX_PAGE_ORDER, PAGE_SIZE } from '../kernel/orders.js';
import { type EventColumns, NO_GFP, NO_PFN, UNKNOWN_CPU, UNKNOWN_MIGRATETYPE } from './columns.js';
import type { CsvColumn, CsvHeader } from './csv-columns.js';
import {
  type Instant,
  isWholeNumber,
  LARGEST_PFN,
  orderOfPages,
  pageOfAddress,
  readTime,
  wholeNumber,
} from './csv-values.js';
import { EVENTS, KIND } from './events.js';
import { decodeGfp, GFP_NAMES, unknownGfpNames } from './gfp.js';
import { CLASS_LIST, CLASS_NAMES } from './marks.js';
import { NameTable } from './name-table.js';
import type { ReadReport } from './report.js';

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

/** A fault of a row. */
export function csvError(file: string, line: number, problem: string, advice: string): UserError {
  return new UserError(EXIT.badInput, problem, { place: { file, line }, advice });
}

export class CsvRows {
  readonly comms = new NameTable();
  readonly gfps = new NameTable();
  private readonly file: string;
  private readonly header: CsvHeader;
  private readonly columns: EventColumns;
  private readonly report: ReadReport;
  /** Migratetype that the flags ask for, by gfp id. */
  private readonly gfpTypes: number[] = [UNKNOWN_MIGRATETYPE];
  private readonly counts = new Float64Array(256);
  private readonly cpus = new Set<number>();
  private readonly instant: Instant = { seconds: 0, ns: 0 };
  /** Line of the first row that is an event. */
  private firstLine = 0;

  constructor(file: string, header: CsvHeader, columns: EventColumns, report: ReadReport) {
    this.file = file;
    this.header = header;
    this.columns = columns;
    this.report = report;
  }

  /** Brings the report's counts up to date. */
  updateReport(): void {
    for (const [kind, name] of KERNEL_NAMES) {
      if (this.counts[kind] > 0) this.report.eventsByName.set(name, this.counts[kind]);
    }
    this.report.cpus = [...this.cpus].sort((x, y) => x - y);
  }

  /** Appends the row to the columns; rows of events that a CSV cannot hold are counted. */
  add(fields: string[], line: number): void {
    const { header, columns } = this;
    const { at } = header;
    if (fields.length !== header.fields.length) {
      const advice = 'every row needs a value or nothing between the separators for each column';
      throw this.error(line, `${fields.length} fields where the header has ${header.fields.length}`, advice);
    }
    const i = columns.length;
    const op = fields[at.op].trim().toLowerCase();
    const isFailure = FAIL_OPS.includes(op);
    const kind = isFailure ? KIND.alloc : OPS.get(op);
    if (kind === undefined) {
      this.otherOp(fields[at.op].trim(), op, line);
      return;
    }
    columns.kind[i] = kind;
    columns.timeNs[i] = this.time(fields, line);
    columns.cpu[i] = this.number(fields, 'cpu', line, 0, UNKNOWN_CPU - 1);
    columns.pid[i] = this.pid(fields, line);
    columns.comm[i] = at.comm < 0 ? 0 : this.comms.id(fields[at.comm]);
    columns.pfn[i] = isFailure ? NO_PFN : this.pfn(fields, op, line);
    columns.order[i] = this.order(fields, line);
    columns.pageClass[i] = at.class < 0 ? PLAIN : this.pageClass(fields[at.class].trim(), line);
    const isAlloc = kind === KIND.alloc;
    columns.gfp[i] = isAlloc ? this.gfp(at.gfp < 0 ? '' : fields[at.gfp].trim(), line) : NO_GFP;
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
  private otherOp(text: string, op: string, line: number): void {
    if (OTHER_EVENTS.has(op)) {
      const seen = this.report.eventsByName.get(op) ?? 0;
      if (seen === 0) this.report.notes.push(`rows of ${op} are left out: a CSV has no columns for it`);
      this.report.eventsByName.set(op, seen + 1);
      return;
    }
    const name = this.header.called.op;
    if (text === '') throw this.error(line, `${name} is empty`, 'operations are alloc, free and fail');
    throw this.unknown('op', text, ['alloc', 'free', 'fail'], 'operations are alloc, free and fail', line);
  }

  private time(fields: string[], line: number): number {
    const { report, instant } = this;
    const isFirst = this.firstLine === 0;
    if (isFirst) this.firstLine = line;
    if (this.header.at.time < 0) {
      instant.seconds = line - this.firstLine;
      report.lastTimeNs = instant.seconds;
      return instant.seconds;
    }
    const text = fields[this.header.at.time].trim();
    const { timeDigits } = this.header;
    const isTime =
      timeDigits < 0 ? readTime(text, 0, instant) && instant.ns === 0 : readTime(text, timeDigits, instant);
    if (!isTime) {
      const advice = 'write a number without sign, exponent or separators';
      throw this.error(line, `${this.header.called.time} '${text}' is not a time`, advice);
    }
    if (isFirst) {
      report.originSeconds = instant.seconds;
      report.originNs = instant.ns;
      if (timeDigits === 0 && !text.includes('.') && this.header.called.time.toLowerCase() !== 'time_s') {
        report.notes.push(
          `${this.header.called.time} is read as seconds; call it time_ns, time_us or tick if it is not`,
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

  private number(fields: string[], column: CsvColumn, line: number, none: number, largest: number): number {
    const at = this.header.at[column];
    if (at < 0) return none;
    const text = fields[at].trim();
    if (text === '') return none;
    const value = wholeNumber(text);
    if (value >= 0 && value <= largest) return value;
    throw this.notANumber(column, text, line, largest);
  }

  private pid(fields: string[], line: number): number {
    // perf prints -1 for a task that is gone (trace-formats §4).
    if (this.header.at.pid >= 0 && fields[this.header.at.pid].trim() === '-1') return -1;
    return this.number(fields, 'pid', line, 0, 2 ** 31 - 1);
  }

  private pfn(fields: string[], op: string, line: number): number {
    const text = fields[this.header.at.pfn].trim();
    const name = this.header.called.pfn;
    if (text === '') {
      throw this.error(
        line,
        `${name} is empty`,
        "name the page, or write 'fail' for a request that got none",
      );
    }
    if (this.header.pfnAsAddress) {
      const page = pageOfAddress(text);
      if (page >= 0) return page;
      const advice = "call the column 'pfn' if it holds page numbers";
      if (page === -1 && isWholeNumber(text))
        throw this.error(line, `${name} ${text} is too large: addresses end at 2^64`, advice);
      if (page === -1) throw this.notANumber('pfn', text, line, LARGEST_PFN);
      throw this.error(line, `${name} ${text} is not a multiple of the page size, ${PAGE_SIZE}`, advice);
    }
    // The kernel's own way to say that a request failed (trace-formats §1 item 3).
    if (op === 'mm_page_alloc' && (Number(text) === 0 || text.toLowerCase() === '0xffffffffffffffff'))
      return NO_PFN;
    const value = wholeNumber(text);
    if (value >= 0 && value <= LARGEST_PFN) return value;
    if (!isWholeNumber(text)) throw this.notANumber('pfn', text, line, LARGEST_PFN);
    const advice =
      "call the column 'addr' if it holds byte addresses; write 'fail' for a request without a page";
    throw this.error(line, `${name} ${text} is too large: page numbers end at 2^52`, advice);
  }

  private order(fields: string[], line: number): number {
    const value = this.number(
      fields,
      'order',
      line,
      this.header.orderAs === 'order' ? 0 : 1,
      Number.MAX_SAFE_INTEGER,
    );
    const pages = this.header.orderAs === 'bytes' ? Math.ceil(value / PAGE_SIZE) : value;
    const order = this.header.orderAs === 'order' ? value : orderOfPages(pages);
    if (order <= MAX_PAGE_ORDER) return order;
    const limit = `larger than the largest order, ${MAX_PAGE_ORDER}`;
    const name = this.header.called.order;
    const most = 2 ** MAX_PAGE_ORDER;
    const taken = {
      order: `0 to ${MAX_PAGE_ORDER}`,
      bytes: `up to ${most * PAGE_SIZE} bytes`,
      pages: `up to ${most} pages`,
    }[this.header.orderAs];
    const problem =
      this.header.orderAs === 'order'
        ? `${name} ${value} is ${limit}`
        : `${name} ${value} needs order ${order}, ${limit}`;
    throw this.error(line, problem, `column '${name}' takes ${taken}`);
  }

  private pageClass(text: string, line: number): number {
    const pageClass = classFromName(text);
    if (pageClass >= 0) return pageClass;
    throw this.unknown('class', text, CLASS_NAMES, CLASS_LIST, line);
  }

  private gfp(text: string, line: number): number {
    const id = this.gfps.id(text === '' ? 'GFP_KERNEL' : text);
    if (this.gfpTypes.length <= id) {
      const [unknown] = unknownGfpNames(text);
      if (unknown !== undefined) {
        const advice = 'write the names that the kernel prints, joined by |, or a number';
        throw this.unknown('gfp', unknown, GFP_NAMES, advice, line);
      }
    }
    while (this.gfpTypes.length <= id) {
      // 3 is no type of a request: both mobility bits, which no caller may set (page-allocator §0.5).
      const { bits } = decodeGfp(this.gfps.names[this.gfpTypes.length], ERA);
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
        : null;
    if (advice === null) {
      const list = `migratetypes are ${MIGRATETYPE_NAMES.join(', ')}`;
      throw this.unknown('migratetype', text, MIGRATETYPE_NAMES, list, line, name);
    }
    throw this.error(line, `${this.header.called.migratetype} '${text}' is unknown`, advice);
  }

  /** A name that means nothing: the nearest one that does, else all of them. */
  private unknown(
    column: CsvColumn,
    text: string,
    names: Iterable<string>,
    list: string,
    line: number,
    compared = text,
  ): UserError {
    const guess = nearest(compared, names);
    const advice = guess === null ? list : `did you mean '${guess}'?`;
    return this.error(line, `${this.header.called[column]} '${text}' is unknown`, advice);
  }

  private notANumber(column: CsvColumn, text: string, line: number, largest: number): UserError {
    const name = this.header.called[column];
    if (isWholeNumber(text)) {
      const advice = `column '${name}' takes 0 to ${largest}`;
      return this.error(line, `${name} ${text} is too large`, advice);
    }
    const advice = 'write whole numbers, decimal or hexadecimal with 0x, without separators';
    return this.error(line, `${name} '${text}' is not a whole number`, advice);
  }

  private error(line: number, problem: string, advice: string): UserError {
    return csvError(this.file, line, problem, advice);
  }
}
