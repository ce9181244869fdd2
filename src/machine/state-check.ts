/**
 * Whether a state that was read can be a state of a kernel: counts that agree with their lists, blocks that
 * are aligned (page-allocator §0.1), inside their zone and nowhere twice. A flipped bit in a state.txt that
 * is not gzipped is found here and not as a strange result.
 */

import { EXIT, UserError } from '../kernel/errors.js';
import { ZONE_NAMES } from './machine.js';
import type { FreeListState, StateSnapshot } from './snapshot.js';
import type { StateLine } from './state-line.js';
import { RECORD_AGAIN } from './state-rows.js';

/** `nr_free` counts the entries of all types of an order (page-allocator §1.2). */
export function checkNrFree(
  lists: readonly FreeListState[],
  area: { line: StateLine; zone: number; order: number; nrFree: number } | null,
): void {
  if (area === null) return;
  let entries = 0;
  for (const list of lists) {
    if (list.zone === area.zone && list.order === area.order) entries += list.pfns.length;
  }
  if (entries === area.nrFree) return;
  throw area.line.problem(`nr_free=${area.nrFree}, but the lists of the order hold ${entries} entries`);
}

/** Free blocks, in free lists and pcp lists, lie in their zone, aligned, and do not overlap. */
export function checkFreeLists(snapshot: StateSnapshot, file: string): void {
  const keys: number[] = [];
  const add = (zone: number, order: number, pfns: Float64Array) => {
    const span = snapshot.zones.find((candidate) => candidate.zone === zone)!;
    const pages = 2 ** order;
    for (const pfn of pfns) {
      if (pfn % pages !== 0)
        throw damaged(file, `page ${hex(pfn)} is on a list of order ${order}, but not aligned`);
      if (pfn < span.startPfn || pfn + pages > span.startPfn + span.spanned) {
        throw damaged(file, `page ${hex(pfn)} is on a list of zone ${ZONE_NAMES[zone]}, but outside of it`);
      }
      // One sortable number for block and order: pfns have 36 bits, orders fit 4.
      keys.push(pfn * 16 + order);
    }
  };
  for (const list of snapshot.freeLists) add(list.zone, list.order, list.pfns);
  for (const pcp of snapshot.pcps) {
    for (const list of pcp.lists) add(pcp.zone, orderOfPcpList(list.index), list.pfns);
  }
  let end = 0;
  for (const key of Float64Array.from(keys).sort()) {
    const pfn = Math.floor(key / 16);
    if (pfn < end) throw damaged(file, `page ${hex(pfn)} is in two free blocks`);
    end = pfn + 2 ** (key % 16);
  }
}

/** `count` of a pcp is in pages, over all its lists (page-allocator §1.4). */
export function checkPcps(snapshot: StateSnapshot, file: string): void {
  for (const pcp of snapshot.pcps) {
    let pages = 0;
    for (const list of pcp.lists) pages += list.pfns.length * 2 ** orderOfPcpList(list.index);
    if (pages === pcp.count) continue;
    const name = `pcp of CPU ${pcp.cpu}, zone ${ZONE_NAMES[pcp.zone]}`;
    throw damaged(file, `${name}: count=${pcp.count}, but its lists hold ${pages} pages`);
  }
}

/** Order of a pcp list by its index: page-allocator §4.1; 14 to 18 with the series, freetype-series §3.2. */
export function orderOfPcpList(index: number): number {
  if (index < 12) return Math.floor(index / 3);
  if (index < 14 || index === 18) return 9;
  return index < 18 ? index - 14 : -1;
}

function damaged(file: string, problem: string): UserError {
  return new UserError(EXIT.badInput, problem, {
    place: { file },
    advice: RECORD_AGAIN,
  });
}

function hex(pfn: number): string {
  return `0x${pfn.toString(16)}`;
}
