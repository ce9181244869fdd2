/**
 * Migratetype numbers of older kernels in the numbering of kernel/migratetypes.ts. The numbers 1 and 2
 * swapped in 4.4, and a kernel without CMA counts Isolate as 4 (trace-formats §5.6). The scanner keeps
 * what was printed; renumbering waits until the file has shown which numbering it uses.
 */
import {
  MIGRATE_HIGHATOMIC,
  MIGRATE_ISOLATE,
  MIGRATE_MOVABLE,
  MIGRATE_RECLAIMABLE,
  MIGRATE_UNMOVABLE,
} from '../kernel/migratetypes.js';
import { type EventColumns, UNKNOWN_MIGRATETYPE } from './columns.js';
import { EVENTS, KIND } from './events.js';
import type { ReadReport } from './report.js';

/** Our number by the printed one; UNKNOWN_MIGRATETYPE where the old type has no successor. */
export type MigratetypeTable = Int8Array;

const PRINTED_TYPES = 8;

/**
 * @param hasCma whether the recorded kernel counts CMA as 4 (a capture's state says so); true when unknown,
 *   because 7.3 and most distributions do.
 */
export function migratetypeTable(report: Pick<ReadReport, 'era'>, hasCma = true): MigratetypeTable {
  const table = new Int8Array(PRINTED_TYPES).map((_, printed) => printed);
  if (isOldNumbering(report)) {
    // The old 3 and above are Reserve, CMA and Isolate in changing order; no page event of use prints them.
    table.fill(UNKNOWN_MIGRATETYPE);
    table[0] = MIGRATE_UNMOVABLE;
    table[1] = MIGRATE_RECLAIMABLE;
    table[2] = MIGRATE_MOVABLE;
  } else if (!hasCma) {
    table[MIGRATE_HIGHATOMIC + 1] = MIGRATE_ISOLATE;
  }
  return table;
}

/** Is 1 Reclaimable and 2 Movable? Decided by the file's HIGHUSER_MOVABLE requests, else by its event names. */
export function isOldNumbering({ era }: Pick<ReadReport, 'era'>): boolean {
  if (era.movableIs1 !== era.movableIs2) return era.movableIs2 > era.movableIs1;
  return era.oldEventNames > 0;
}

/** Columns of a kind that hold migratetypes. */
const COLUMNS_OF_KIND = EVENTS.reduce<('migratetype' | 'a' | 'b' | 'c')[][]>((kinds, { kind, fields }) => {
  for (const field of fields) {
    const { column } = field;
    if (field.isMigratetype !== true || column === 'pfn' || column === 'order' || column === 'gfp') continue;
    if (column === 'pageClass') continue;
    kinds[kind] ??= [];
    if (!kinds[kind].includes(column)) kinds[kind].push(column);
  }
  return kinds;
}, []);
COLUMNS_OF_KIND[KIND.requestAlloc] = ['migratetype'];

/** Renumbers a batch in place. Only what a reader just handed out may be passed, and only once. */
export function renumberMigratetype(columns: EventColumns, table: MigratetypeTable): void {
  if (table.every((ours, printed) => ours === printed)) return;
  for (let row = 0; row < columns.length; row++) {
    const names = COLUMNS_OF_KIND[columns.kind[row]];
    if (names === undefined) continue;
    for (const name of names) {
      const values = columns[name];
      const printed = values[row];
      if (printed >= 0 && printed < PRINTED_TYPES) values[row] = table[printed];
    }
  }
}
