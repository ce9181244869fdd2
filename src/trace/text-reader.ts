/** A TraceReader over text: gathers chunks that may end anywhere into whole lines for the scanner. */

import { LF } from './bytes.js';
import { EventColumns } from './columns.js';
import { emptyReport } from './empty-report.js';
import { LINE_CAP } from './other-lines.js';
import type { TraceReader } from './reader.js';
import type { ReadReport } from './report.js';
import { Scanner } from './scan.js';
import { WORD_SLACK } from './words.js';

export class TextReader implements TraceReader {
  readonly report: ReadReport;
  private readonly columns: EventColumns;
  private readonly scanner: Scanner;
  private readonly chunks: AsyncIterator<Uint8Array>;
  /** Bytes at hand: whole lines from `at` to `lineEnd`, the beginning of one up to `length`. */
  private bytes = new Uint8Array(1 << 14);
  private at = 0;
  private lineEnd = 0;
  private length = 0;
  /** In the middle of a line that is too long; dropped up to its line feed. */
  private isDropping = false;
  private isAtEnd = false;

  /** Capacity is a parameter for tests; batches are of one size however the chunks fall. */
  constructor(chunks: AsyncIterable<Uint8Array>, format: string, capacity?: number) {
    this.report = emptyReport(format);
    this.columns = new EventColumns(capacity);
    this.scanner = new Scanner(this.report, this.columns);
    this.chunks = chunks[Symbol.asyncIterator]();
  }

  get comms(): readonly string[] {
    return this.scanner.rows.comms.dictionary.names;
  }

  get gfps(): readonly string[] {
    return this.scanner.rows.gfps.names;
  }

  async next(): Promise<EventColumns | null> {
    const { columns, scanner } = this;
    columns.length = 0;
    for (;;) {
      this.at = scanner.scan(this.bytes, this.at, this.lineEnd);
      if (scanner.isFull) break;
      if (this.at < this.lineEnd) continue;
      if (this.isAtEnd) break;
      if (!(await this.fill())) this.end();
    }
    scanner.settle();
    return columns.length === 0 ? null : columns;
  }

  async close(): Promise<void> {
    this.isAtEnd = true;
    this.at = this.lineEnd;
    await this.chunks.return?.();
  }

  /** Appends the next chunk; false at the end of the input. */
  private async fill(): Promise<boolean> {
    const step = await this.chunks.next();
    if (step.done === true) return false;
    let chunk = step.value;
    if (this.isDropping) {
      const lineFeed = chunk.indexOf(LF);
      if (lineFeed < 0) return true;
      this.isDropping = false;
      this.scanner.skipLine();
      chunk = chunk.subarray(lineFeed + 1);
    }
    this.append(chunk);
    const last = this.bytes.subarray(this.length - chunk.length, this.length).lastIndexOf(LF);
    if (last >= 0) {
      this.lineEnd = this.length - chunk.length + last + 1;
    } else if (this.length > LINE_CAP) {
      this.isDropping = true;
      this.length = 0;
    }
    return true;
  }

  private append(chunk: Uint8Array): void {
    // The rest of the last chunk moves to the front, so a line is always in one piece.
    const rest = this.length - this.lineEnd;
    // Room for the line feed that end() adds, and for words that are compared beyond it.
    const needed = rest + chunk.length + 1 + WORD_SLACK;
    if (needed > this.bytes.length) {
      const bytes = new Uint8Array(Math.max(this.bytes.length * 2, needed));
      bytes.set(this.bytes.subarray(this.lineEnd, this.length));
      this.bytes = bytes;
    } else if (this.lineEnd > 0) {
      this.bytes.copyWithin(0, this.lineEnd, this.length);
    }
    this.bytes.set(chunk, rest);
    this.at = 0;
    this.lineEnd = 0;
    this.length = rest + chunk.length;
  }

  private end(): void {
    this.isAtEnd = true;
    if (this.isDropping) this.scanner.skipLine();
    const rest = this.length - this.lineEnd;
    if (rest > 0) {
      this.bytes[this.length] = LF;
      this.scanner.scanUnfinished(this.bytes, this.lineEnd, this.length);
    }
    this.at = this.lineEnd;
    this.scanner.finish();
  }
}
