/**
 * Markers of the capture kit: events named `marker` whose text begins with `mm-sim:`. They announce
 * snapshots, requests with their class, and pages of the bulk allocator (captures README §2, FREETYPE.md).
 * Other texts (`mm-sim: note …`) are for people.
 */
import { ascii, BLANK, COMMA, isDigit, startsWith, ZERO } from './bytes.js';
import type { EventColumns } from './columns.js';
import { EventShape } from './event-shapes.js';
import { type EventField, KIND } from './events.js';
import type { FieldReader } from './field-reader.js';

const MM_SIM = ascii('mm-sim: ');
const SNAPSHOT = ascii('snapshot ');
const BULK = ascii('bulk ');
const REQUEST = ascii('req ');
const RESULT = ascii('res ');
const ALLOC = ascii('alloc ');
const FREE = ascii('free ');
const DRAIN_ALL = ascii('drain_all');
const DRAIN_LOCAL = ascii('drain_local');
const NONE = ascii('none');
const PFNS = ascii('pfns=');

const pfn: EventField = { key: 'pfn', column: 'pfn', form: 'pfn', required: true };
const order: EventField = { key: 'order', column: 'order', form: 'number', required: true };
/** The words stand for PLAIN and UNMAPPED of kernel/classes.ts. */
const pageClass: EventField = {
  key: 'class',
  column: 'pageClass',
  form: 'name',
  words: ['mapped', 'unmapped'],
};

function shape(kind: number, fields: readonly EventField[]): EventShape {
  return new EventShape({ name: 'marker', kind, fields });
}

const REQUEST_ALLOC = shape(KIND.requestAlloc, [
  order,
  { key: 'migratetype', column: 'migratetype', form: 'number', required: true },
  pageClass,
  { key: 'alloc_flags', column: 'a', form: 'number' },
  { key: 'gfp', column: 'b', form: 'number' },
]);
const REQUEST_FREE = shape(KIND.requestFree, [pfn, order, pageClass]);
const RESULT_PAGE = shape(KIND.resultPage, [
  pfn,
  { key: 'blockunmapped', column: 'a', form: 'number' },
  { key: 'present', column: 'b', form: 'number' },
]);
const BULK_PAGE = shape(KIND.bulkPage, [
  { key: 'gfp', column: 'gfp', form: 'gfp' },
  { key: 'nr', column: 'b', form: 'number' },
  { key: 'got', column: 'a', form: 'number' },
]);
/** Markers without fields of their own, to clear the row. */
const BARE = shape(KIND.none, []);

export class MarkerReader {
  private readonly fields: FieldReader;
  /** Pages of a bulk marker after its first. */
  private readonly pages: number[] = [];
  private nextPage = 0;
  /** The row that pages still to be written repeat, kept outside of the batch. */
  private template: BulkRow | null = null;

  constructor(fields: FieldReader) {
    this.fields = fields;
  }

  /** Reads the text at `at` into `row` and says of which kind it is; KIND.none when it is none of ours. */
  read(bytes: Uint8Array, at: number, row: number): number {
    let p = at;
    while (bytes[p] === BLANK) p++;
    if (!startsWith(bytes, p, MM_SIM)) return KIND.none;
    p += MM_SIM.length;
    if (startsWith(bytes, p, REQUEST)) return this.readRequest(bytes, p + REQUEST.length, row);
    if (startsWith(bytes, p, RESULT)) return this.readResult(bytes, p + RESULT.length, row);
    if (startsWith(bytes, p, BULK)) return this.readBulk(bytes, p + BULK.length, row);
    if (startsWith(bytes, p, SNAPSHOT)) return this.readSnapshot(bytes, p + SNAPSHOT.length, row);
    return KIND.none;
  }

  /** The first page of a bulk marker has its row; the others get theirs, as far as the batch has room. */
  finishBulk(columns: EventColumns, row: number): void {
    if (this.pages.length === 0) return;
    this.template = new BulkRow(columns, row);
    this.writePending(columns);
  }

  writePending(columns: EventColumns): void {
    const { template, pages } = this;
    if (template === null) return;
    while (this.nextPage < pages.length && columns.length < columns.capacity) {
      template.write(columns, pages[this.nextPage++]);
    }
    if (this.nextPage < pages.length) return;
    this.template = null;
    this.pages.length = 0;
    this.nextPage = 0;
  }

  private readRequest(bytes: Uint8Array, at: number, row: number): number {
    const number = this.fields.readNumber(bytes, at);
    const p = this.fields.end + 1;
    let found = BARE;
    let kind: number = KIND.none;
    if (startsWith(bytes, p, ALLOC)) found = REQUEST_ALLOC;
    else if (startsWith(bytes, p, FREE)) found = REQUEST_FREE;
    else if (startsWith(bytes, p, DRAIN_ALL)) kind = KIND.requestDrainAll;
    else if (startsWith(bytes, p, DRAIN_LOCAL)) kind = KIND.requestDrainLocal;
    else return KIND.none;
    return this.finish(bytes, p, row, found, kind, number);
  }

  private readResult(bytes: Uint8Array, at: number, row: number): number {
    const number = this.fields.readNumber(bytes, at);
    const p = this.fields.end + 1;
    if (startsWith(bytes, p, NONE)) return this.finish(bytes, p, row, BARE, KIND.resultNone, number);
    return this.finish(bytes, p, row, RESULT_PAGE, KIND.none, number);
  }

  private finish(
    bytes: Uint8Array,
    at: number,
    row: number,
    found: EventShape,
    kind: number,
    number: number,
  ): number {
    if (!this.fields.read(bytes, at, found, row)) return KIND.none;
    this.fields.columns.c[row] = number;
    return found === BARE ? kind : found.kind;
  }

  private readSnapshot(bytes: Uint8Array, at: number, row: number): number {
    if (!isDigit(bytes[at])) return KIND.none;
    this.fields.read(bytes, at, BARE, row);
    let number = 0;
    for (let p = at; isDigit(bytes[p]); p++) number = number * 10 + bytes[p] - ZERO;
    this.fields.columns.a[row] = number;
    return KIND.snapshot;
  }

  private readBulk(bytes: Uint8Array, at: number, row: number): number {
    const { fields, pages } = this;
    if (!fields.read(bytes, at, BULK_PAGE, row)) return KIND.none;
    let p = at;
    while (p < fields.end && !(bytes[p] === PFNS[0] && startsWith(bytes, p, PFNS))) p++;
    if (p === fields.end || bytes[p + PFNS.length] !== ZERO) return KIND.none;
    fields.columns.pfn[row] = fields.readNumber(bytes, p + PFNS.length);
    while (bytes[fields.end] === COMMA && isDigit(bytes[fields.end + 1])) {
      pages.push(fields.readNumber(bytes, fields.end + 1));
    }
    return KIND.bulkPage;
  }
}

/** What the pages of one bulk marker have in common. */
class BulkRow {
  private readonly timeNs: number;
  private readonly cpu: number;
  private readonly pid: number;
  private readonly comm: number;
  private readonly gfp: number;
  private readonly context: number;
  private readonly line: number;
  private readonly got: number;
  private readonly nr: number;

  constructor(columns: EventColumns, row: number) {
    this.timeNs = columns.timeNs[row];
    this.cpu = columns.cpu[row];
    this.pid = columns.pid[row];
    this.comm = columns.comm[row];
    this.gfp = columns.gfp[row];
    this.context = columns.context[row];
    this.line = columns.line[row];
    this.got = columns.a[row];
    this.nr = columns.b[row];
  }

  write(columns: EventColumns, page: number): void {
    const row = columns.length++;
    columns.kind[row] = KIND.bulkPage;
    columns.timeNs[row] = this.timeNs;
    columns.cpu[row] = this.cpu;
    columns.pid[row] = this.pid;
    columns.comm[row] = this.comm;
    columns.pfn[row] = page;
    columns.order[row] = 0;
    columns.migratetype[row] = -1;
    columns.gfp[row] = this.gfp;
    columns.pageClass[row] = 0;
    columns.context[row] = this.context;
    columns.line[row] = this.line;
    columns.file[row] = 0;
    columns.a[row] = this.got;
    columns.b[row] = this.nr;
    columns.c[row] = 0;
  }
}
