/**
 * Parsers for copies of /proc/zoneinfo, /proc/buddyinfo, /proc/pagetypeinfo and debugfs extfrag/extfrag_index
 * and unusable_index. Formats: trace-formats §7.2, page-allocator §8.4 to §8.8.
 * Unpopulated zones are left out: they have no lists.
 */

import { EXIT, UserError } from '../kernel/errors.js';
import { PAGETYPEINFO_NAMES } from '../kernel/migratetypes.js';
import { NR_PAGE_ORDERS } from '../kernel/orders.js';
import type { Watermark } from './sizing.js';

export interface ZoneinfoPageset {
  readonly cpu: number;
  readonly count: number;
  readonly high: number;
  readonly batch: number;
  /** Null where the kernel does not print it: 6.12 does not, 7.3 does. */
  readonly highMin: number | null;
  readonly highMax: number | null;
}

export interface ZoneinfoZone {
  readonly node: number;
  readonly name: string;
  /** Global part of NR_FREE_PAGES (page-allocator §8.8). */
  readonly free: number;
  readonly boost: number;
  /** As printed: with boost added. */
  readonly watermark: Watermark;
  readonly spanned: number;
  readonly present: number;
  readonly managed: number;
  readonly cma: number;
  /** lowmem_reserve. */
  readonly protection: readonly number[];
  readonly pagesets: readonly ZoneinfoPageset[];
  readonly statThreshold: number;
  readonly startPfn: number;
  /** Zone counters such as nr_free_pages. */
  readonly counters: ReadonlyMap<string, number>;
}

export interface ZoneOrders {
  readonly node: number;
  readonly zone: string;
  /** By order, 0 to 10. */
  readonly values: readonly number[];
}

export interface PagetypeinfoList extends ZoneOrders {
  /** As printed; PAGETYPEINFO_NAMES, and 'Unmapped' on a kernel with the freetype series. */
  readonly type: string;
  /** Bit o is set where counting stopped at 100000 (`>100000`). */
  readonly capped: number;
}

export interface PagetypeinfoBlocks {
  readonly node: number;
  readonly zone: string;
  /** Pageblocks by the migratetypes of kernel/migratetypes.ts. */
  readonly byMigratetype: readonly number[];
}

export interface Pagetypeinfo {
  readonly lists: readonly PagetypeinfoList[];
  readonly blocks: readonly PagetypeinfoBlocks[];
}

const ZONE_LINE = /^Node +(\d+), zone +(\S+)/;

export function parseZoneinfo(text: string, file: string): ZoneinfoZone[] {
  const zones: ZoneinfoZone[] = [];
  // One chunk a zone: its first line names it.
  for (const chunk of text.split(/^(?=Node)/m)) {
    if (chunk.trim() === '') continue;
    const head = ZONE_LINE.exec(chunk);
    if (head === null) throw problem(file, "this is no zoneinfo: 'Node 0, zone …' was expected");
    const zone = parseZone(chunk, Number(head[1]), head[2], file);
    if (zone.present > 0) zones.push(zone);
  }
  return zones;
}

/** Free blocks of all types. */
export function parseBuddyinfo(text: string, file: string): ZoneOrders[] {
  return orderRows(text, file, (word) => integer(word));
}

/** extfrag_index and unusable_index, in thousandths: `-1.000` reads -1000, `0.142` reads 142. */
export function parseFragmentationIndex(text: string, file: string): ZoneOrders[] {
  return orderRows(text, file, thousandths);
}

export function parsePagetypeinfo(text: string, file: string): Pagetypeinfo {
  const lists: PagetypeinfoList[] = [];
  const blocks: PagetypeinfoBlocks[] = [];
  let columns: string[] | null = null;
  for (const line of text.split('\n')) {
    const list = /^Node +(\d+), zone +(\S+), type +(\S+) +(.*)$/.exec(line);
    if (list !== null) {
      const words = list[4].trim().split(/\s+/);
      const values = words.map((word) => integer(word.replace('>', '')));
      if (values.length !== NR_PAGE_ORDERS || values.some(Number.isNaN)) throw oddLine(file, line);
      const capped = words.reduce((bits, word, order) => bits | (word.startsWith('>') ? 1 << order : 0), 0);
      lists.push({ node: Number(list[1]), zone: list[2], type: list[3], values, capped });
    } else if (line.startsWith('Number of blocks type')) {
      columns = line.slice('Number of blocks type'.length).trim().split(/\s+/);
    } else if (line.startsWith('Number of mixed blocks')) {
      // With page_owner alone; the same rows with another meaning.
      break;
    } else if (columns !== null && line.startsWith('Node')) {
      blocks.push(blockRow(line, columns, file));
    }
  }
  if (lists.length === 0) throw problem(file, 'this is no pagetypeinfo: there are no list lengths');
  return { lists, blocks };
}

function parseZone(chunk: string, node: number, name: string, file: string): ZoneinfoZone {
  const field = (key: string, otherwise?: number): number => {
    const match = new RegExp(`^ +(?:pages )?${key}:? +(\\d+)$`, 'm').exec(chunk);
    if (match !== null) return Number(match[1]);
    if (otherwise !== undefined) return otherwise;
    throw problem(file, `zone ${name} has no '${key}' line`);
  };
  const protection = /^ +protection: \(([\d, ]+)\)$/m.exec(chunk);
  if (protection === null) throw problem(file, `zone ${name} has no 'protection' line`);
  const afterProtection = chunk.slice(protection.index);
  const counters = new Map<string, number>();
  for (const match of afterProtection.matchAll(/^ {6}(\w+) +(\d+)$/gm))
    counters.set(match[1], Number(match[2]));
  return {
    node,
    name,
    free: field('free'),
    // Kernels before 5.0 have no boost, before 5.13 no cma, before 6.0 no promo.
    boost: field('boost', 0),
    watermark: { min: field('min'), low: field('low'), high: field('high'), promo: field('promo', 0) },
    spanned: field('spanned'),
    present: field('present'),
    managed: field('managed'),
    cma: field('cma', 0),
    protection: protection[1].split(',').map(Number),
    pagesets: pagesets(afterProtection),
    statThreshold: field('vm stats threshold', 0),
    startPfn: field('start_pfn', 0),
    counters,
  };
}

function pagesets(text: string): ZoneinfoPageset[] {
  const sets: ZoneinfoPageset[] = [];
  for (const part of text.split(/^ {4}cpu: /m).slice(1)) {
    const optional = (key: string) => {
      const match = new RegExp(`^ +${key}: +(\\d+)$`, 'm').exec(part);
      return match === null ? null : Number(match[1]);
    };
    const field = (key: string) => optional(key) ?? 0;
    sets.push({
      cpu: Number.parseInt(part, 10),
      count: field('count'),
      high: field('high'),
      batch: field('batch'),
      highMin: optional('high_min'),
      highMax: optional('high_max'),
    });
  }
  return sets;
}

function orderRows(text: string, file: string, value: (word: string) => number): ZoneOrders[] {
  const rows: ZoneOrders[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const head = ZONE_LINE.exec(line);
    if (head === null) throw oddLine(file, line);
    // A negative fraction is printed as ` 0.-500` (page-allocator §8.4).
    const values = line.slice(head[0].length).trim().split(/\s+/).map(value);
    if (values.length !== NR_PAGE_ORDERS || values.some(Number.isNaN)) throw oddLine(file, line);
    rows.push({ node: Number(head[1]), zone: head[2], values });
  }
  return rows;
}

/** `%d.%03d` of a C division: -1000 is `-1.000`, -500 is `0.-500`. */
function thousandths(word: string): number {
  const match = /^(-?\d+)\.(-?\d+)$/.exec(word);
  return match === null ? Number.NaN : Number(match[1]) * 1000 + Number(match[2]);
}

function integer(word: string): number {
  return /^\d+$/.test(word) ? Number(word) : Number.NaN;
}

function blockRow(line: string, columns: readonly string[], file: string): PagetypeinfoBlocks {
  const head = ZONE_LINE.exec(line);
  if (head === null) throw oddLine(file, line);
  const values = line.slice(head[0].length).trim().split(/\s+/).map(integer);
  if (values.length !== columns.length || values.some(Number.isNaN)) throw oddLine(file, line);
  const byMigratetype = PAGETYPEINFO_NAMES.map((name) => {
    const column = columns.indexOf(name);
    return column < 0 ? 0 : values[column];
  });
  return { node: Number(head[1]), zone: head[2], byMigratetype };
}

function oddLine(file: string, line: string): UserError {
  return problem(file, `'${line.trim().slice(0, 60)}' is not a line of this kind of file`);
}

function problem(file: string, text: string): UserError {
  return new UserError(EXIT.badInput, text, { place: { file } });
}
