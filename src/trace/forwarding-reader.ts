/** A reader that stands before another one: the same names, report and batches, for a subclass to add to. */

import type { EventColumns } from './columns.js';
import type { TraceReader } from './reader.js';
import type { ReadReport } from './report.js';

export abstract class ForwardingReader implements TraceReader {
  private readonly reader: TraceReader;

  constructor(reader: TraceReader) {
    this.reader = reader;
  }

  get comms(): readonly string[] {
    return this.reader.comms;
  }

  get gfps(): readonly string[] {
    return this.reader.gfps;
  }

  get report(): ReadReport {
    return this.reader.report;
  }

  async next(): Promise<EventColumns | null> {
    return await this.reader.next();
  }

  async close(): Promise<void> {
    await this.reader.close();
  }
}
