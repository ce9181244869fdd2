/**
 * CSV traces: a header line, one request a row (trace-formats §8), read through csv-parse.
 *
 * CSV is what other tools and scripts write, so it is strict where a wrong guess would give a wrong result:
 * a row that cannot be understood stops the run with its line. What is missing or not read is said once.
 * Not for speed: some 300,000 rows a second; `mm-sim convert` makes a packed trace of a large one.
 */
import { finished } from 'node:stream';
import { CsvError, type Options, Parser } from 'csv-parse';
import { EXIT, UserError } from '../kernel/errors.js';
import { EventColumns } from './columns.js';
import { delimiterOf, hasKnownColumn, readHeader } from './csv-columns.js';
import { CsvRows, csvError } from './csv-rows.js';
import { emptyReport } from './empty-report.js';
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
  private readonly columns = new EventColumns();
  private isHandedOut = false;
  private parser: RecordParser | undefined;
  /** Set once the header was read. */
  private rows: CsvRows | undefined;
  private rest: Uint8Array = new Uint8Array(0);
  private failure: unknown;
  private lastLine = 0;
  private lastByte = LF;
  private isEnded = false;

  constructor(bytes: AsyncIterable<Uint8Array>, file: string) {
    this.bytes = bytes[Symbol.asyncIterator]();
    this.file = file;
  }

  get comms(): readonly string[] {
    return this.rows?.comms.names ?? [];
  }

  get gfps(): readonly string[] {
    return this.rows?.gfps.names ?? [];
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
    while (this.rows === undefined && !this.isEnded) await this.feed();
    if (this.rows !== undefined) return;
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
      if (this.rows === undefined) this.takeHeader(fields, line);
      else this.rows.add(fields, line);
    } catch (error) {
      this.failure = error;
    }
  }

  private takeHeader(fields: string[], line: number): void {
    const header = readHeader(fields);
    if (header.missing.length > 0) {
      const { missing } = header;
      const [{ names }] = missing;
      const advice = `it may also be called ${names.slice(1).join(', ')}; ${HEADER_ADVICE}`;
      if (!hasKnownColumn(fields)) {
        throw csvError(this.file, line, `there is no column '${names[0]}'`, advice);
      }
      const lacks = `column${missing.length > 1 ? 's' : ''} ${missing.map((each) => `'${each.names[0]}'`).join(' and ')}`;
      throw csvError(
        this.file,
        line,
        `looks like CSV, but its header lacks the ${lacks}`,
        missing.length > 1 ? HEADER_ADVICE : advice,
      );
    }
    this.rows = new CsvRows(this.file, header, this.columns, this.report);
    this.report.clock = header.clock;
    if (header.notes.every((sentence) => sentence !== header.columns)) {
      this.report.layouts.push(header.columns);
    }
    this.report.notes.push(...header.notes);
  }

  private parserError(error: Error): unknown {
    if (!(error instanceof CsvError)) return error;
    if (error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE') {
      return csvError(
        this.file,
        this.lastLine + 1,
        'a quote is opened in this row and not closed',
        QUOTE_ADVICE,
      );
    }
    const line = (this.parser as RecordParser).info.lines;
    return csvError(this.file, line, 'a quote stands inside a field', QUOTE_ADVICE);
  }

  private updateReport(): void {
    this.rows?.updateReport();
    const { lines } = (this.parser as RecordParser).info;
    this.report.lines = lines - (this.isEnded && this.lastByte === LF ? 1 : 0);
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
