import { EventColumns, UNKNOWN_MIGRATETYPE } from '../../src/trace/columns.js';
import { emptyReport } from '../../src/trace/empty-report.js';
import { NameTable } from '../../src/trace/name-table.js';
import type { TraceReader } from '../../src/trace/reader.js';
import type { ReadReport } from '../../src/trace/report.js';

/** One event as a test writes it down; what is left out is 0, '' or unknown. */
export interface Row {
  kind: number;
  timeNs?: number;
  cpu?: number;
  pid?: number;
  comm?: string;
  pfn?: number;
  order?: number;
  migratetype?: number;
  gfp?: string;
  context?: number;
  line?: number;
  a?: number;
  b?: number;
  c?: number;
}

/** A reader of rows that a test names, in batches of `batchSize`; lines count from 1. */
export class RowsReader implements TraceReader {
  readonly report: ReadReport;
  isClosed = false;
  private readonly rows: readonly Row[];
  private readonly batchSize: number;
  private readonly columns: EventColumns;
  private readonly commNames = new NameTable();
  private readonly gfpNames = new NameTable();
  private next_ = 0;

  constructor(rows: readonly Row[], report: Partial<ReadReport> = {}, batchSize = 3) {
    this.rows = rows;
    this.batchSize = batchSize;
    this.columns = new EventColumns(batchSize);
    this.report = { ...emptyReport('ftrace'), clock: 'seconds', ...report };
  }

  get comms(): readonly string[] {
    return this.commNames.names;
  }

  get gfps(): readonly string[] {
    return this.gfpNames.names;
  }

  async next(): Promise<EventColumns | null> {
    const { columns } = this;
    const rows = this.rows.slice(this.next_, this.next_ + this.batchSize);
    columns.length = rows.length;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      columns.kind[i] = row.kind;
      columns.timeNs[i] = row.timeNs ?? 0;
      columns.cpu[i] = row.cpu ?? 0;
      columns.pid[i] = row.pid ?? 0;
      columns.comm[i] = this.commNames.id(row.comm ?? '');
      columns.pfn[i] = row.pfn ?? 0;
      columns.order[i] = row.order ?? 0;
      columns.migratetype[i] = row.migratetype ?? UNKNOWN_MIGRATETYPE;
      columns.gfp[i] = this.gfpNames.id(row.gfp ?? '');
      columns.pageClass[i] = 0;
      columns.context[i] = row.context ?? 0;
      columns.line[i] = row.line ?? this.next_ + i + 1;
      columns.file[i] = 0;
      columns.a[i] = row.a ?? 0;
      columns.b[i] = row.b ?? 0;
      columns.c[i] = row.c ?? 0;
      this.report.lastTimeNs = columns.timeNs[i];
    }
    this.next_ += rows.length;
    return rows.length === 0 ? null : columns;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}
