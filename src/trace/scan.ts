/**
 * The scanner: from bytes to rows of events, a line at a time, without a string, object or exception per
 * line. Default lines of ftrace and trace-cmd take the short way here; everything else goes to
 * other-lines.ts.
 *
 * The caller's part: the range ends with a line feed, so that no loop below has to know where a line ends.
 */
import { LF } from './bytes.js';
import { EventColumns } from './columns.js';
import { EventRows } from './event-rows.js';
import { DEFAULT_COMM, LinePrefix } from './line-prefix.js';
import { countUnparsed, noteLeftOut } from './notes.js';
import { OtherLines } from './other-lines.js';
import type { ReadReport } from './report.js';

/** Rows that one line may add: a wrapped event that it ends, and its own. */
const ROWS_PER_LINE = 2;

export class Scanner {
  readonly rows: EventRows;
  private readonly columns: EventColumns;
  private readonly prefix = new LinePrefix();
  private readonly others: OtherLines;
  private line = 0;
  private sawDefaultLine = false;

  constructor(report: ReadReport, columns = new EventColumns()) {
    this.columns = columns;
    this.rows = new EventRows(columns, report);
    this.others = new OtherLines(this.rows, this.prefix);
  }

  /** Is the batch to be handed out before more is read? */
  get isFull(): boolean {
    return this.columns.length > this.columns.capacity - ROWS_PER_LINE;
  }

  /** Reads whole lines from `start` to `end` until the batch is full. Returns where it stopped. */
  scan(bytes: Uint8Array, start: number, end: number): number {
    const { columns, others, prefix, rows } = this;
    const full = columns.capacity - ROWS_PER_LINE;
    rows.writePending();
    // A default line that begins later than this has no room for a pid.
    const lastStart = end - DEFAULT_COMM - 2;
    let p = start;
    while (p < end && columns.length <= full) {
      rows.line = ++this.line;
      const start = prefix.shift === 0 ? p : afterColumn(bytes, p, prefix.shift);
      if (start < lastStart && !others.wantsEveryLine && prefix.readDefault(bytes, start)) {
        const comm = rows.comms.ofDefaultLine(bytes, prefix.commStart, prefix.pid);
        if (comm >= 0) {
          if (!this.sawDefaultLine) this.firstDefaultLine();
          p = rows.read(bytes, prefix, comm) + 1;
          continue;
        }
      }
      const lineFeed = bytes.indexOf(LF, p);
      others.read(bytes, p, lineFeed);
      p = lineFeed + 1;
    }
    return p;
  }

  private firstDefaultLine(): void {
    this.sawDefaultLine = true;
    this.others.noteDefaultLine();
  }

  /** Reads what is left of the file after its last line feed; `bytes[end]` must be one that was added. */
  scanUnfinished(bytes: Uint8Array, start: number, end: number): void {
    this.rows.isUnfinishedLine = true;
    this.scan(bytes, start, end + 1);
    this.rows.isUnfinishedLine = false;
  }

  /** A line that was too long to be read. */
  skipLine(): void {
    this.line++;
    countUnparsed(this.rows.report, this.line);
  }

  /** After the last line. */
  finish(): void {
    this.others.finish();
    this.rows.finish();
    noteLeftOut(this.rows.report);
  }

  /** Makes the report true to what was read so far; before a batch is handed out. */
  settle(): void {
    const { report } = this.rows;
    report.lines = this.line;
    if (this.prefix.hasTgid) this.noteLayout('tgid');
    if (this.prefix.hasBuffers) this.noteLayout('buffers');
    this.rows.settle();
  }

  private noteLayout(layout: string): void {
    const { layouts } = this.rows.report;
    if (!layouts.includes(layout)) layouts.push(layout);
  }
}

/** Where comm begins behind a column of buffer names; at the line's own start when the line ends before. */
function afterColumn(bytes: Uint8Array, start: number, width: number): number {
  for (let p = start; p < start + width; p++) if (bytes[p] === LF) return start;
  return start + width;
}
