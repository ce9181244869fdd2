/**
 * The columns of a CSV trace: names, aliases and what a missing one means (trace-formats §8).
 * Names are compared without case, and `-`, blank and `_` are equal.
 */
import type { Clock } from './report.js';

export type CsvColumn =
  | 'time'
  | 'cpu'
  | 'pid'
  | 'comm'
  | 'op'
  | 'pfn'
  | 'order'
  | 'migratetype'
  | 'gfp'
  | 'class';

interface ColumnDefinition {
  readonly column: CsvColumn;
  /** The name that exports use, then the aliases; when several are there, the first one counts. */
  readonly names: readonly string[];
  /** What is taken when the column is missing, in words ('': nothing to say); absent when it is required. */
  readonly otherwise?: string;
}

export const CSV_COLUMNS: readonly ColumnDefinition[] = [
  {
    column: 'time',
    names: ['time_ns', 'time', 'ts', 'timestamp', 'time_s', 'time_us', 'tick'],
    otherwise: 'the line number',
  },
  { column: 'cpu', names: ['cpu', 'cpu_id', 'processor'], otherwise: '0' },
  { column: 'pid', names: ['pid', 'tid', 'thread'], otherwise: '0' },
  { column: 'comm', names: ['comm', 'task', 'process', 'command'], otherwise: 'no name' },
  { column: 'op', names: ['op', 'event', 'type', 'kind', 'action'] },
  { column: 'pfn', names: ['pfn', 'page', 'id', 'addr'] },
  { column: 'order', names: ['order', 'size_order', 'size', 'bytes', 'nr_pages'], otherwise: '0' },
  {
    column: 'migratetype',
    names: ['migratetype', 'mt', 'migrate_type', 'type_id'],
    otherwise: 'that of the gfp flags',
  },
  { column: 'gfp', names: ['gfp', 'gfp_flags', 'flags', 'gfp_mask'], otherwise: 'GFP_KERNEL' },
  { column: 'class', names: ['class', 'mark'], otherwise: '' },
];

/** Decimal digits below one second in a whole number of the column's unit; -1: ticks without a unit. */
const TIME_DIGITS: Readonly<Record<string, number>> = {
  time_ns: 9,
  time_us: 6,
  time_s: 0,
  time: 0,
  ts: 0,
  timestamp: 0,
  tick: -1,
};

export interface CsvHeader {
  /** Names as the file has them, by position. */
  readonly fields: readonly string[];
  /** Position of each column, -1 when it is missing. */
  readonly at: Readonly<Record<CsvColumn, number>>;
  /** The name as the file has it: errors speak the file's language. */
  readonly called: Readonly<Record<CsvColumn, string>>;
  readonly clock: Clock;
  readonly timeDigits: number;
  /** What the order column holds. */
  readonly orderAs: 'order' | 'bytes' | 'pages';
  /** The pfn column holds byte addresses. */
  readonly pfnAsAddress: boolean;
  /** `columns: op, pfn; not read: colour` */
  readonly columns: string;
  readonly notes: readonly string[];
  /** Required columns that are missing. */
  readonly missing: readonly ColumnDefinition[];
}

export function readHeader(fields: readonly string[]): CsvHeader {
  const normalized = fields.map(normalize);
  const used = new Set<number>();
  const at = {} as Record<CsvColumn, number>;
  const called = {} as Record<CsvColumn, string>;
  const found = {} as Record<CsvColumn, string>;
  const missing: ColumnDefinition[] = [];
  const defaults: string[] = [];
  for (const definition of CSV_COLUMNS) {
    const { column, names, otherwise } = definition;
    const name = names.find((candidate) => normalized.includes(candidate));
    at[column] = name === undefined ? -1 : normalized.indexOf(name);
    called[column] = name === undefined ? names[0] : fields[at[column]].trim();
    found[column] = name ?? '';
    if (name !== undefined) used.add(at[column]);
    else if (otherwise === undefined) missing.push(definition);
    else if (otherwise !== '') defaults.push(`${names[0]} (${otherwise})`);
  }
  const listed = (isUsed: boolean): string =>
    fields
      .filter((_, index) => used.has(index) === isUsed)
      .map((name) => name.trim())
      .join(', ');
  const unread = used.size < fields.length ? `; not read: ${listed(false)}` : '';
  const columns = `columns: ${listed(true)}${unread}`;
  const notes: string[] = [];
  // Names that are read as expected are for `check` alone; a column that is left out is for everybody.
  if (unread !== '') notes.push(columns);
  if (defaults.length > 0) notes.push(`columns that are missing, and what was taken: ${defaults.join(', ')}`);
  const orderName = found.order;
  return {
    fields,
    at,
    called,
    clock: found.time === '' ? 'none' : found.time === 'tick' ? 'ticks' : 'seconds',
    timeDigits: TIME_DIGITS[found.time] ?? -1,
    orderAs:
      orderName === 'size' || orderName === 'bytes' ? 'bytes' : orderName === 'nr_pages' ? 'pages' : 'order',
    pfnAsAddress: found.pfn === 'addr',
    columns,
    notes,
    missing,
  };
}

const KNOWN_NAMES = new Set(CSV_COLUMNS.flatMap(({ names }) => names));

/** Does any of these names belong to a column of a CSV trace? */
export function hasKnownColumn(fields: readonly string[]): boolean {
  return fields.some((name) => KNOWN_NAMES.has(normalize(name)));
}

/** The separator that the header line uses most; a comma when it uses none. */
export function delimiterOf(headerLine: string): ',' | '\t' | ';' {
  const count = (char: string): number => headerLine.split(char).length - 1;
  const tabs = count('\t');
  const semicolons = count(';');
  const commas = count(',');
  if (tabs > commas && tabs >= semicolons) return '\t';
  return semicolons > commas ? ';' : ',';
}

/** A name as it is compared. */
export function normalize(name: string): string {
  return name.trim().toLowerCase().replace(/[- ]/g, '_');
}
