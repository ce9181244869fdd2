/**
 * The arguments of an event, `key=value key=value …`, into a row of columns.
 *
 * Fields are found by key, in any order, among unknown ones; the first of two copies counts
 * (trace-formats §10.2 item 7). Every line ends in LF, and every loop stops there, so no loop needs to know
 * where the line ends. `page=` is stepped over: it can hold blanks, hashes or nonsense (§5.3).
 */
import {
  ascii,
  BLANK,
  CLOSE_PAREN,
  COMMA,
  HEX,
  isDigit,
  LF,
  LOWER_X,
  MINUS,
  NO_DIGIT,
  OPEN_PAREN,
  startsWith,
  TAB,
  ZERO,
} from './bytes.js';
import { type EventColumns, NO_GFP, NO_PFN, UNKNOWN_MIGRATETYPE } from './columns.js';
import type { ByteDictionary } from './dictionary.js';
import {
  COLUMN_A,
  COLUMN_B,
  COLUMN_MIGRATETYPE,
  COLUMN_ORDER,
  COLUMN_PAGE_CLASS,
  COLUMN_PFN,
  type EventShape,
  type FieldShape,
  FORM_ADDRESS,
  FORM_GFP,
  FORM_NUMBER,
  FORM_PFN,
  FORM_RANGE,
} from './event-shapes.js';

/** Larger values are all ones printed by raw forms: a request that failed (trace-formats §1 item 3). */
const LARGEST_PFN = 2 ** 52;
/** Columns of orders hold a byte; nothing real comes near (§5.5). */
const LARGEST_ORDER = 63;
/** Digits of an address that are kept: 48 bits. */
const ADDRESS_DIGITS = 12;
/** `page=` and 16 characters, as kernels print it: after them ` pfn=` follows. */
const PAGE_FIELD = 21;
const PAGE = ascii('page=');
const PFN_AFTER = ascii(' pfn=');
const COLD = ascii('cold=');
const NULL_PAGE = ascii('(null)');
const TILDE = 126;
const RAW_POINTER = ascii('ffff');
const TOOL_PAGE = ascii('0xffffea');

/** What page fields told about the kernel's age, and the forms of pfns (trace-formats §10.3). */
export class FieldEvidence {
  hexPfns = 0;
  decimalPfns = 0;
  coldFields = 0;
  rawPagePointers = 0;
  nullPages = 0;
  /** Decimal digits with letters among them (§5.4). */
  bareHexPfns = 0;
}

export class FieldReader {
  readonly evidence = new FieldEvidence();
  /** Where the last read() stopped: at the LF. */
  end = 0;
  /** Fields that the last read() found, by their bits. */
  seen = 0;
  /** `page=` of the last event as a byte offset from vmemmap, -1 when it is none (§5.4, byte-offset pfns). */
  pageOffset = -1;
  readonly columns: EventColumns;
  private readonly gfps: ByteDictionary;
  /** The last gfp text: most lines repeat one of a few. */
  private readonly lastGfp = new Uint8Array(256);
  private lastGfpLength = 0;
  private lastGfpId = NO_GFP;

  constructor(columns: EventColumns, gfps: ByteDictionary) {
    this.columns = columns;
    this.gfps = gfps;
  }

  /** Reads the fields that begin at `at` into `row`; false when a required one is missing or cannot be read. */
  read(bytes: Uint8Array, at: number, shape: EventShape, row: number): boolean {
    this.reset(row);
    const { fields } = shape;
    const fieldCount = fields.length;
    let seen = 0;
    let expected = 0;
    let isReadable = true;
    let p = at;
    for (;;) {
      const first = bytes[p];
      if (first === BLANK || first === TAB) {
        p++;
        continue;
      }
      if (first === LF) break;
      if (first === PAGE[0] && shape.skipsPage && startsWith(bytes, p, PAGE)) {
        p = this.skipPage(bytes, p);
        continue;
      }
      let field: FieldShape | null = null;
      for (let tries = 0; tries < fieldCount; tries++) {
        const candidate = fields[expected];
        if (++expected === fieldCount) expected = 0;
        if (candidate.first === first && startsWith(bytes, p, candidate.key)) {
          field = candidate;
          break;
        }
      }
      if (field === null || (seen & field.bit) !== 0) {
        if (shape.isFreeBatched && startsWith(bytes, p, COLD)) this.evidence.coldFields++;
        p = skipToken(bytes, p);
        continue;
      }
      seen |= field.bit;
      p = this.readValue(bytes, p + field.key.length, field, row);
      if (!this.isValue && field.mustBeReadable) isReadable = false;
    }
    this.end = p;
    this.seen = seen;
    return isReadable && (seen & shape.required) === shape.required && this.judge(shape, row);
  }

  /** Reads a number outside of a field, as markers have them, and says where it ends through `end`. */
  readNumber(bytes: Uint8Array, at: number): number {
    this.end = this.number(bytes, at);
    return this.value;
  }

  /** The number that pfn() and number() read. */
  private value = 0;
  /** Was the last value one of its form, from the first byte of its token on? */
  private isValue = true;

  /** Defaults of a row: what a field that does not stand in the line is. */
  reset(row: number): void {
    const { columns } = this;
    columns.pfn[row] = NO_PFN;
    columns.order[row] = 0;
    columns.migratetype[row] = UNKNOWN_MIGRATETYPE;
    columns.gfp[row] = NO_GFP;
    columns.pageClass[row] = 0;
    columns.a[row] = 0;
    columns.b[row] = 0;
    columns.c[row] = 0;
    this.pageOffset = -1;
  }

  private readValue(bytes: Uint8Array, at: number, field: FieldShape, row: number): number {
    const { form } = field;
    this.isValue = true;
    if (form === FORM_GFP) return this.gfp(bytes, at, row);
    if (form === FORM_RANGE) return this.range(bytes, at, field, row);
    let end: number;
    if (form === FORM_PFN) end = this.pfn(bytes, at);
    else if (form === FORM_NUMBER) end = this.number(bytes, at);
    else if (form === FORM_ADDRESS) end = this.address(bytes, at);
    else end = this.word(bytes, at, field.words);
    const next = bytes[end];
    // `order=x`, `pfn=0xzz`, `order=1x`: damaged, and any number would be a guess.
    if (!endsValue(next)) this.isValue = false;
    if (this.isValue) this.store(field.column, row, this.value);
    // Whatever still belongs to the token (a comma) is no value of ours.
    return next === BLANK || next === LF ? end : skipToken(bytes, end);
  }

  private store(column: number, row: number, value: number): void {
    const { columns } = this;
    if (column === COLUMN_PFN) columns.pfn[row] = value;
    else if (column === COLUMN_ORDER) columns.order[row] = value > LARGEST_ORDER || value < -1 ? -2 : value;
    else if (column === COLUMN_MIGRATETYPE) columns.migratetype[row] = value > 127 || value < -1 ? -1 : value;
    else if (column === COLUMN_A) columns.a[row] = value;
    else if (column === COLUMN_B) columns.b[row] = value;
    else if (column === COLUMN_PAGE_CLASS) columns.pageClass[row] = value;
    else columns.c[row] = value;
  }

  /** Values that cannot be what the event says; and the two ways to print a failure. */
  private judge(shape: EventShape, row: number): boolean {
    const { pfn, order } = this.columns;
    if (order[row] < -1) return false;
    if (shape.isAlloc) {
      if (order[row] < 0) return false;
      // Page 0 is reserved on x86, so 0 always means failure there (§5.2 item 10).
      if (pfn[row] <= 0 || pfn[row] >= LARGEST_PFN) pfn[row] = NO_PFN;
      return true;
    }
    return !shape.skipsPage || (pfn[row] >= 0 && pfn[row] < LARGEST_PFN && order[row] >= 0);
  }

  /** 0x… is hexadecimal, else decimal, decided per value; digits with letters among them are hexadecimal. */
  private pfn(bytes: Uint8Array, at: number): number {
    if (bytes[at] === ZERO && (bytes[at + 1] | 0x20) === LOWER_X) {
      this.evidence.hexPfns++;
      // Kernels that print 0x are too new for byte offsets.
      this.pageOffset = -1;
      return this.hex(bytes, at + 2);
    }
    const end = this.number(bytes, at);
    if (HEX[bytes[end]] !== NO_DIGIT) {
      this.evidence.bareHexPfns++;
      return this.hex(bytes, at);
    }
    this.evidence.decimalPfns++;
    return end;
  }

  private number(bytes: Uint8Array, at: number): number {
    let p = at;
    if (bytes[p] === ZERO && (bytes[p + 1] | 0x20) === LOWER_X) return this.hex(bytes, p + 2);
    const isNegative = bytes[p] === MINUS;
    if (isNegative) p++;
    let value = 0;
    for (let digit = bytes[p] - ZERO; digit >= 0 && digit <= 9; digit = bytes[p] - ZERO) {
      value = value * 10 + digit;
      p++;
    }
    if (!isDigit(bytes[p - 1])) this.isValue = false;
    this.value = isNegative ? -value : value;
    return p;
  }

  private hex(bytes: Uint8Array, at: number): number {
    let p = at;
    let value = 0;
    for (let digit = HEX[bytes[p]]; digit !== NO_DIGIT; digit = HEX[bytes[p]]) {
      value = value * 16 + digit;
      p++;
    }
    // Not when digits turned out to be hexadecimal: then there are some, whatever number() said.
    this.isValue = p > at;
    this.value = value;
    return p;
  }

  /** The low 48 bits: the high ones of a kernel address are all ones, and a double could not hold them. */
  private address(bytes: Uint8Array, at: number): number {
    let p = at;
    if (bytes[p] === ZERO && (bytes[p + 1] | 0x20) === LOWER_X) p += 2;
    let end = p;
    while (HEX[bytes[end]] !== NO_DIGIT) end++;
    let value = 0;
    for (let i = Math.max(p, end - ADDRESS_DIGITS); i < end; i++) value = value * 16 + HEX[bytes[i]];
    if (end === p) this.isValue = false;
    this.value = value;
    return end;
  }

  /** `(0x1fa00 ~ 0x1fa7c)`, as compaction prints what it scanned; without an end only the start is kept. */
  private range(bytes: Uint8Array, at: number, field: FieldShape, row: number): number {
    let p = this.number(bytes, bytes[at] === OPEN_PAREN ? at + 1 : at);
    if (this.isValue) this.store(field.column, row, this.value);
    while (bytes[p] === BLANK) p++;
    if (bytes[p] !== TILDE) return p;
    p++;
    while (bytes[p] === BLANK) p++;
    const end = this.number(bytes, p);
    if (this.isValue) this.columns.c[row] = this.value;
    return skipToken(bytes, end);
  }

  private word(bytes: Uint8Array, at: number, words: readonly Uint8Array[]): number {
    let end = at;
    while (bytes[end] > BLANK) end++;
    this.value = words.findIndex((word) => word.length === end - at && startsWith(bytes, at, word));
    this.isValue = this.value >= 0;
    return end;
  }

  private gfp(bytes: Uint8Array, at: number, row: number): number {
    const { lastGfp, lastGfpLength } = this;
    let same = 0;
    while (same < lastGfpLength && bytes[at + same] === lastGfp[same]) same++;
    let end = at + same;
    if (same < lastGfpLength || !endsGfp(bytes[end])) {
      while (!endsGfp(bytes[end])) end++;
      this.lastGfpId = this.gfps.idOf(bytes, at, end);
      this.lastGfpLength = end - at <= lastGfp.length ? end - at : 0;
      for (let i = 0; i < this.lastGfpLength; i++) lastGfp[i] = bytes[at + i];
    }
    this.columns.gfp[row] = this.lastGfpId;
    return end;
  }

  /** Steps over `page=` to the blank before `pfn=`; values of 16 characters in one jump. */
  private skipPage(bytes: Uint8Array, at: number): number {
    const value = at + PAGE.length;
    // A value cut by a line feed must not lead into the next line.
    let length = 0;
    while (bytes[value + length] !== LF && length < PAGE_FIELD - PAGE.length) length++;
    if (length === PAGE_FIELD - PAGE.length && startsWith(bytes, at + PAGE_FIELD, PFN_AFTER)) {
      if (startsWith(bytes, value, RAW_POINTER)) this.evidence.rawPagePointers++;
      else if (bytes[value] === BLANK) this.evidence.nullPages++;
      return at + PAGE_FIELD;
    }
    let p = value;
    while (bytes[p] === BLANK) p++;
    if (startsWith(bytes, p, NULL_PAGE)) this.evidence.nullPages++;
    if (startsWith(bytes, value, TOOL_PAGE)) {
      // 0xffffea0000000000 is vmemmap of the kernels before KASLR moved it.
      this.address(bytes, value);
      this.pageOffset = this.value - 0xea0000000000;
    }
    for (let from = value; bytes[from] !== LF; from++) {
      if (bytes[from] === BLANK && startsWith(bytes, from, PFN_AFTER)) return from;
    }
    return skipToken(bytes, at);
  }
}

function endsValue(byte: number): boolean {
  return byte <= BLANK || byte === COMMA || byte === CLOSE_PAREN;
}

function endsGfp(byte: number): boolean {
  return byte <= BLANK || byte === COMMA || byte === CLOSE_PAREN || byte === OPEN_PAREN;
}

function skipToken(bytes: Uint8Array, at: number): number {
  let p = at;
  while (bytes[p] > BLANK) p++;
  // CR, NUL and other control bytes are part of no token, and no end of the line.
  while (bytes[p] < BLANK && bytes[p] !== LF) p++;
  return p;
}
