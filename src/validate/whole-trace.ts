/**
 * A capture's events between its markers, all in memory: validation looks ahead, to infer what happened
 * (which free went where), never to pick a page. Some 90 bytes an event.
 */

import { EventColumns } from '../trace/columns.js';
import { KIND } from '../trace/events.js';
import { type MigratetypeTable, renumberMigratetype } from '../trace/migratetype.js';
import type { TraceReader } from '../trace/reader.js';

/** A line `mm-sim: snapshot N`: the kernel's state was read after all events before `at` (captures README §2). */
export interface SnapshotMarker {
  readonly number: number;
  /** Index of the first event after it. */
  readonly at: number;
  readonly line: number;
}

/** The events of a capture; the markers that cut them stand beside the columns, and are no events. */
export class CaptureEvents extends EventColumns {
  /** In the order of the trace: 1, then those of middle/, then 2. What is missing was not in the trace. */
  readonly markers: SnapshotMarker[];

  constructor(capacity: number, markers: SnapshotMarker[] = []) {
    super(capacity);
    this.markers = markers;
  }
}

/** Reads what stands between snapshots 1 and 2; a missing marker 2 means up to the end. */
export async function readBetweenMarkers(
  reader: TraceReader,
  migratetypes: MigratetypeTable,
): Promise<CaptureEvents> {
  let events = new CaptureEvents(1 << 16);
  let inside = false;
  for (let batch = await reader.next(); batch !== null; batch = await reader.next()) {
    renumberMigratetype(batch, migratetypes);
    let start = 0;
    for (let i = 0; i < batch.length; i++) {
      if (batch.kind[i] !== KIND.snapshot) continue;
      if (inside) events = appended(events, batch, start, i);
      start = i + 1;
      const number = batch.a[i];
      if (number === 1) inside = true;
      if (inside) events.markers.push({ number, at: events.length, line: batch.line[i] });
      if (number === 2) return events;
    }
    if (inside) events = appended(events, batch, start, batch.length);
  }
  return events;
}

/** The events with some of a batch behind them; in larger columns if they did not fit. */
function appended(events: CaptureEvents, from: EventColumns, start: number, end: number): CaptureEvents {
  let to = events;
  if (events.length + end - start > events.capacity) {
    to = new CaptureEvents(Math.max(events.capacity * 2, events.length + end - start), events.markers);
    copyRange(events, 0, events.length, to);
  }
  copyRange(from, start, end, to);
  return to;
}

/** Behind what the columns hold, column by column: typed arrays copy ranges faster than rows. */
function copyRange(from: EventColumns, start: number, end: number, to: EventColumns): void {
  const at = to.length;
  to.kind.set(from.kind.subarray(start, end), at);
  to.timeNs.set(from.timeNs.subarray(start, end), at);
  to.cpu.set(from.cpu.subarray(start, end), at);
  to.pid.set(from.pid.subarray(start, end), at);
  to.comm.set(from.comm.subarray(start, end), at);
  to.pfn.set(from.pfn.subarray(start, end), at);
  to.order.set(from.order.subarray(start, end), at);
  to.migratetype.set(from.migratetype.subarray(start, end), at);
  to.gfp.set(from.gfp.subarray(start, end), at);
  to.pageClass.set(from.pageClass.subarray(start, end), at);
  to.context.set(from.context.subarray(start, end), at);
  to.line.set(from.line.subarray(start, end), at);
  to.file.set(from.file.subarray(start, end), at);
  to.a.set(from.a.subarray(start, end), at);
  to.b.set(from.b.subarray(start, end), at);
  to.c.set(from.c.subarray(start, end), at);
  to.length = at + end - start;
}
