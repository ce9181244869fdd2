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
    for (let i = 0; i < batch.length; i++) {
      if (batch.kind[i] === KIND.snapshot) {
        const number = batch.a[i];
        if (number === 1) inside = true;
        if (inside) events.markers.push({ number, at: events.length, line: batch.line[i] });
        if (number === 2) return events;
        continue;
      }
      if (!inside) continue;
      if (events.length === events.capacity) events = grown(events);
      copyEvent(batch, i, events);
    }
  }
  return events;
}

function copyEvent(from: EventColumns, i: number, to: EventColumns): void {
  const at = to.length++;
  to.kind[at] = from.kind[i];
  to.timeNs[at] = from.timeNs[i];
  to.cpu[at] = from.cpu[i];
  to.pid[at] = from.pid[i];
  to.comm[at] = from.comm[i];
  to.pfn[at] = from.pfn[i];
  to.order[at] = from.order[i];
  to.migratetype[at] = from.migratetype[i];
  to.gfp[at] = from.gfp[i];
  to.pageClass[at] = from.pageClass[i];
  to.context[at] = from.context[i];
  to.line[at] = from.line[i];
  to.file[at] = from.file[i];
  to.a[at] = from.a[i];
  to.b[at] = from.b[i];
  to.c[at] = from.c[i];
}

function grown(events: CaptureEvents): CaptureEvents {
  const larger = new CaptureEvents(events.capacity * 2, events.markers);
  larger.kind.set(events.kind);
  larger.timeNs.set(events.timeNs);
  larger.cpu.set(events.cpu);
  larger.pid.set(events.pid);
  larger.comm.set(events.comm);
  larger.pfn.set(events.pfn);
  larger.order.set(events.order);
  larger.migratetype.set(events.migratetype);
  larger.gfp.set(events.gfp);
  larger.pageClass.set(events.pageClass);
  larger.context.set(events.context);
  larger.line.set(events.line);
  larger.file.set(events.file);
  larger.a.set(events.a);
  larger.b.set(events.b);
  larger.c.set(events.c);
  larger.length = events.length;
  return larger;
}
