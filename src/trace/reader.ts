/** What every reader of a trace offers, whatever the format: batches of columns, dictionaries, a report. */

import type { EventColumns } from './columns.js';
import type { ReadReport } from './report.js';

export interface TraceReader {
  /**
   * The next batch, or null at the end. The columns are filled anew by the following call.
   * Throws UserError (exit code 3) with file and line when the input is damaged.
   */
  next(): Promise<EventColumns | null>;
  /** Names by comm id. */
  readonly comms: readonly string[];
  /** gfp fields as printed, by gfp id (id 0 is ''). gfp.ts turns them into bits, once the era is known. */
  readonly gfps: readonly string[];
  /** What was seen so far; complete after next() returned null. */
  readonly report: ReadReport;
  /** Frees what the reader holds (file handles); safe to call twice. */
  close(): Promise<void>;
}
