import type { EventColumns } from '../../src/trace/columns.js';
import { detectFormat, refuseBinary } from '../../src/trace/detect.js';
import { KIND } from '../../src/trace/events.js';
import type { TraceReader } from '../../src/trace/reader.js';
import type { ReadReport } from '../../src/trace/report.js';
import { TextReader } from '../../src/trace/text-reader.js';

/** One row of columns with its dictionary entries looked up. */
export interface ReadRow {
  kind: number;
  timeNs: number;
  cpu: number;
  pid: number;
  comm: string;
  pfn: number;
  order: number;
  migratetype: number;
  gfp: string;
  pageClass: number;
  context: number;
  line: number;
  a: number;
  b: number;
  c: number;
}

export interface ReadTrace {
  rows: ReadRow[];
  report: ReadReport;
}

export interface ReadOptions {
  chunkSize?: number;
  batchEvents?: number;
  format?: string;
}

/** Reads a trace from memory, recognised by content unless a format is given. */
export async function readTrace(content: string | Uint8Array, options: ReadOptions = {}): Promise<ReadTrace> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  refuseBinary(bytes, 'test');
  const format = options.format ?? detectFormat(bytes, 'test');
  const reader = new TextReader(
    pieces(bytes, options.chunkSize ?? bytes.length),
    format,
    options.batchEvents,
  );
  return allRows(reader);
}

export async function allRows(reader: TraceReader): Promise<ReadTrace> {
  const rows: ReadRow[] = [];
  for (let columns = await reader.next(); columns !== null; columns = await reader.next()) {
    for (let i = 0; i < columns.length; i++) rows.push(rowOf(columns, i, reader));
  }
  await reader.close();
  return { rows, report: reader.report };
}

/** Served, failed, frees, batch reports: the numbers in the table of the samples. */
export function countsOf({ rows }: ReadTrace) {
  const ofKind = (kind: number) => rows.filter((row) => row.kind === kind);
  const allocations = ofKind(KIND.alloc);
  return {
    served: allocations.filter(({ pfn }) => pfn >= 0).length,
    failed: allocations.filter(({ pfn }) => pfn < 0).length,
    frees: ofKind(KIND.free).length,
    batched: ofKind(KIND.freeBatched).length,
  };
}

function rowOf(columns: EventColumns, i: number, { comms, gfps }: TraceReader): ReadRow {
  return {
    kind: columns.kind[i],
    timeNs: columns.timeNs[i],
    cpu: columns.cpu[i],
    pid: columns.pid[i],
    comm: comms[columns.comm[i]],
    pfn: columns.pfn[i],
    order: columns.order[i],
    migratetype: columns.migratetype[i],
    gfp: gfps[columns.gfp[i]],
    pageClass: columns.pageClass[i],
    context: columns.context[i],
    line: columns.line[i],
    a: columns.a[i],
    b: columns.b[i],
    c: columns.c[i],
  };
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}
