/**
 * Rare events with the line of the trace that caused each, for `--events`: one JSON line an event
 * (DESIGN §5). Keys stand in a fixed order, so that equal runs give equal bytes.
 */

import type { FlushCause } from '../directmap/counts.js';
import type { DirectMapObserver } from '../directmap/direct-map.js';
import { FREETYPE_NAMES } from '../kernel/migratetypes.js';
import { type CoreObserver, FAILURE_NAMES } from '../pagealloc/core.js';

export class EventRecorder implements CoreObserver, DirectMapObserver {
  private readonly run: string;
  private readonly write: (line: string) => void;
  /** Lines count within their file: with several, an event names its file as well. */
  private readonly hasFiles: boolean;
  private file = 0;
  private line = 0;
  private timeNs = 0;
  private cpu = 0;
  private depth = 0;

  /** `run` is the core as the user wrote it. `write` gets whole lines with their line feed. */
  constructor(run: string, write: (line: string) => void, hasFiles = false) {
    this.run = run;
    this.write = write;
    this.hasFiles = hasFiles;
  }

  /** The event of the trace that the following is due to. */
  at(file: number, line: number, timeNs: number, cpu: number): void {
    this.file = file;
    this.line = line;
    this.timeNs = timeNs;
    this.cpu = cpu;
  }

  flip(pfn: number, pages: number, direction: 'toUnmapped' | 'toMapped', cause: string): void {
    this.put('flip', { pfn, pages, cause, direction });
  }

  fallback(pfn: number, order: number, reason: 'claim' | 'steal', from: number, to: number): void {
    this.put('fallback', { pfn, order, from: FREETYPE_NAMES[from], to: FREETYPE_NAMES[to], reason });
  }

  fallthrough(pfn: number, order: number, reason: string): void {
    this.put('fallthrough', { pfn, order, reason });
  }

  failure(order: number, reason: number): void {
    this.put('failure', { order, reason: FAILURE_NAMES[-reason] });
  }

  split(level: 2 | 3, pfn: number): void {
    this.put('split', { pfn, level });
  }

  flush(full: boolean, pfn: number, pages: number, cause: FlushCause): void {
    this.put('flush', { pfn, pages, cause, full });
  }

  nested(begin: boolean): void {
    this.depth += begin ? 1 : -1;
  }

  private put(event: string, fields: EventFields): void {
    const { pfn, order, pages, cause, direction, level, from, to, reason, full } = fields;
    const nestedIn = this.depth > 0 ? this.line : undefined;
    const row = {
      event,
      run: this.run,
      trace: this.hasFiles ? this.file + 1 : undefined,
      line: this.line,
      timeNs: this.timeNs,
      cpu: this.cpu,
      pfn,
      order,
      pages,
      cause,
      direction,
      level,
      from,
      to,
      reason,
      full,
      nestedIn,
    };
    this.write(`${JSON.stringify(row)}\n`);
  }
}

interface EventFields {
  pfn?: number;
  order?: number;
  pages?: number;
  cause?: string;
  direction?: string;
  level?: number;
  from?: string;
  to?: string;
  reason?: string;
  full?: boolean;
}
