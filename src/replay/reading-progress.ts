/**
 * How far the reading of a trace has come, over all passes: bytes as they are stored, told once a batch.
 * Bytes and not events, since nobody knows the number of events before the end.
 */

import type { EventColumns } from '../trace/columns.js';
import { ForwardingReader } from '../trace/forwarding-reader.js';
import type { OpenedTrace } from '../trace/open.js';
import type { TraceReader } from '../trace/reader.js';

/** `total` is null when an input has no size: a pipe. */
export type OnProgress = (bytes: number, total: number | null) => void;

export class ReadingProgress {
  private readonly passes: number;
  private readonly onProgress: OnProgress;
  private bytesBefore = 0;

  constructor(passes: number, onProgress: OnProgress) {
    this.passes = passes;
    this.onProgress = onProgress;
  }

  /** The same reader; whoever takes batches from it moves the progress. Call it once a pass. */
  watch(reader: TraceReader, files: readonly OpenedTrace[]): TraceReader {
    const before = this.bytesBefore;
    const size = sizeOf(files);
    this.bytesBefore += size ?? 0;
    const total = size === null ? null : size * this.passes;
    return new WatchedReader(reader, () => {
      const read = files.reduce((sum, { source }) => sum + source.position, 0);
      this.onProgress(before + read, total);
    });
  }
}

function sizeOf(files: readonly OpenedTrace[]): number | null {
  let sum = 0;
  for (const { source } of files) {
    if (source.size === null) return null;
    sum += source.size;
  }
  return sum;
}

class WatchedReader extends ForwardingReader {
  private readonly tell: () => void;

  constructor(reader: TraceReader, tell: () => void) {
    super(reader);
    this.tell = tell;
  }

  override async next(): Promise<EventColumns | null> {
    const columns = await super.next();
    this.tell();
    return columns;
  }
}
