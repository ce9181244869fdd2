/**
 * `--without-probes`: a capture as a user's own trace would be, with the kernel's events alone. Probes of the
 * capture kit (group mmsim) and pages of the bulk allocator are taken out; markers of snapshots and requests
 * stay, for without them there is nothing to compare, or to ask for.
 */

import type { EventColumns } from '../trace/columns.js';
import { KIND } from '../trace/events.js';
import { ForwardingReader } from '../trace/forwarding-reader.js';

export class PlainEventsReader extends ForwardingReader {
  override async next(): Promise<EventColumns | null> {
    for (let batch = await super.next(); batch !== null; batch = await super.next()) {
      dropProbes(batch);
      if (batch.length > 0) return batch;
    }
    return null;
  }
}

/** An event of the kernel, or a marker that the capture cannot do without. */
export function isPlain(kind: number): boolean {
  return kind < KIND.decayPcpHigh || (kind > KIND.ptDtor && kind !== KIND.bulkPage);
}

/** The rows that stay move up, in place: the batch is the reader's own, to be filled again. */
function dropProbes(batch: EventColumns): void {
  const columns = Object.values(batch).filter(ArrayBuffer.isView) as unknown as { [row: number]: number }[];
  const { kind, length } = batch;
  let kept = 0;
  for (let row = 0; row < length; row++) {
    if (!isPlain(kind[row])) continue;
    if (kept < row) for (const column of columns) column[kept] = column[row];
    kept++;
  }
  batch.length = kept;
}
