/**
 * Single rows of a state file (captures/README §3) that need nothing of the rows around them, and what a
 * file must begin and end with.
 */

import { PAGETYPEINFO_NAMES } from '../kernel/migratetypes.js';
import { MAX_PAGE_ORDER } from '../kernel/orders.js';
import type { DirectMapRun, PageUseRun, ZoneRecord } from './snapshot.js';
import type { StateLine } from './state-line.js';

const FORMAT_VERSION = 1;
export const NO_STATE_FILE = "this is no state file: the first line must be 'mm-sim-state 1'";
export const RECORD_AGAIN = 'copy the file again, or record it again';

/** Mutable while the lines of a zone arrive: the records of one zone come in several kinds. */
export type Draft<T> = { -readonly [K in keyof T]?: T[K] };

export function checkHeader(line: StateLine): void {
  if (line.kind !== 'mm-sim-state') {
    throw line.problem(NO_STATE_FILE);
  }
  if (line.rest === String(FORMAT_VERSION)) return;
  throw line.problem(`state format ${line.rest} is not known; this mm-sim reads format ${FORMAT_VERSION}`);
}

/** `migratetypes Unmovable=0 … Isolate=4` to an array from the kernel's number to ours. */
export function renumbering(line: StateLine): number[] {
  const ours: number[] = [];
  for (const [index, name] of PAGETYPEINFO_NAMES.entries()) {
    if (line.has(name)) ours[line.count(name)] = index;
  }
  return ours;
}

export function checkOrder(line: StateLine): number {
  const order = line.count('order');
  if (order > MAX_PAGE_ORDER)
    throw line.problem(`order ${order} is larger than the largest, ${MAX_PAGE_ORDER}`);
  return order;
}

export function pageUseRun(line: StateLine): PageUseRun {
  return {
    startPfn: line.pfn('start'),
    pages: line.count('n'),
    use: line.word('class'),
    order: line.count('order'),
  };
}

export function directMapRun(line: StateLine): DirectMapRun {
  const level = line.word('level');
  if (level !== '4K' && level !== '2M' && level !== '1G' && level !== 'none') {
    throw line.problem(`level ${level} is none of 4K, 2M, 1G, none`);
  }
  // Holes have a level and nothing more.
  const flags = level === 'none' ? '0' : line.word('flags');
  if (!/^(?:0|0x[0-9a-f]{1,16})$/.test(flags)) throw line.problem(`flags: '${flags}' is not an entry`);
  const entry = BigInt(flags);
  return {
    startPfn: line.pfn('start'),
    pages: line.count('pages'),
    level,
    // Flags stand below bit 13; the dump has cut off the pfn above them.
    bits: Number(entry & 0x1fffn),
    nx: entry >> 63n === 1n,
    pageTable: level === 'none' ? 0 : line.pfn('pt'),
  };
}

const ZONE_KINDS: Readonly<Record<string, keyof ZoneRecord>> = {
  watermark: 'watermark',
  reserve: 'lowmemReserve',
  zonestate: 'pcpSizes',
  'zonestat item=nr_free_pages': 'nrFreePages',
  zonestat_threshold: 'statThreshold',
};

export function completeZone(draft: Draft<ZoneRecord>, last: StateLine): ZoneRecord {
  for (const [kind, field] of Object.entries(ZONE_KINDS)) {
    if (draft[field] === undefined)
      throw last.problem(`zone ${draft.zone} has no '${kind}' line`, RECORD_AGAIN);
  }
  return draft as ZoneRecord;
}
