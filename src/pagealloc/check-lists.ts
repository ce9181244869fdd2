/** The invariants of page-allocator §1.3 and freetype-series §7 that hold between any two operations. */

import { InvariantError } from '../kernel/errors.js';
import { MIGRATE_ISOLATE, NR_FREETYPE_IDXS } from '../kernel/migratetypes.js';
import { NR_PAGE_ORDERS } from '../kernel/orders.js';
import { migratetypeOf } from './free-lists.js';
import type { PageAllocator } from './page-allocator.js';
import { BLOCK_UNMAPPED, INFO_FREE, INFO_PCP } from './page-frames.js';
import { NR_PCP_LISTS_FREETYPE, orderOfPindex } from './pcp-lists.js';

/** Throws InvariantError at the first violation. Costs a walk over every list. */
export function checkLists(allocator: PageAllocator): void {
  for (let zone = 0; zone < allocator.machine.zones.length; zone++) {
    checkBuddyLists(allocator, zone);
    for (let cpu = 0; cpu < allocator.machine.cpus; cpu++) checkPcpLists(allocator, zone, cpu);
  }
}

function checkBuddyLists(allocator: PageAllocator, zone: number): void {
  const { lists, frames } = allocator;
  let free = 0;
  for (let order = 0; order < NR_PAGE_ORDERS; order++) {
    for (let freetype = 0; freetype < NR_FREETYPE_IDXS; freetype++) {
      const list = lists.list(zone, order, freetype);
      let entries = 0;
      for (
        let node = frames.next[list], before = list;
        node !== list;
        before = node, node = frames.next[node]
      ) {
        const where = `zone ${zone} order ${order} freetype ${freetype} pfn ${frames.pfnOf(node)}`;
        if (frames.prev[node] !== before) throw new InvariantError(`list links broken at ${where}`);
        if (frames.info[node] !== (INFO_FREE | order)) throw new InvariantError(`not marked free: ${where}`);
        checkBlocksOfEntry(allocator, node, order, freetype, where);
        checkUnmerged(allocator, node, order, where);
        entries++;
      }
      if (entries !== lists.length[list])
        throw new InvariantError(`zone ${zone} order ${order}: list length is wrong`);
      if (freetype !== MIGRATE_ISOLATE) free += entries * 2 ** order;
    }
  }
  let counted = lists.nrFreePages[zone];
  for (let cpu = 0; cpu < allocator.machine.cpus; cpu++)
    counted += lists.nrFreePagesDiff[allocator.pcp.slotOf(cpu, zone)];
  if (counted !== free) {
    throw new InvariantError(
      `zone ${zone}: NR_FREE_PAGES ${counted}, on lists ${free} (freetype-series §7.16)`,
    );
  }
}

/** I1: each block that the entry covers reads the list's freetype. */
function checkBlocksOfEntry(
  allocator: PageAllocator,
  node: number,
  order: number,
  freetype: number,
  where: string,
): void {
  const first = allocator.frames.blockOf(node);
  const blocks = order > 9 ? 2 : 1;
  for (let block = first; block < first + blocks; block++) {
    if (allocator.lists.freetypeOfBlock(block) !== freetype) {
      throw new InvariantError(`block of another freetype than its list: ${where} (page-allocator §1.3 I1)`);
    }
  }
}

/**
 * I2: two free buddies of one order would have merged. Not asked from order 9 on: giving a highatomic block
 * back retypes a free block without merging it (page-allocator §3.8).
 */
function checkUnmerged(allocator: PageAllocator, node: number, order: number, where: string): void {
  if (order >= 9 || allocator.frames.info[node ^ (1 << order)] !== (INFO_FREE | order)) return;
  throw new InvariantError(`free buddies not merged: ${where} (page-allocator §1.3 I2)`);
}

function checkPcpLists(allocator: PageAllocator, zone: number, cpu: number): void {
  const { pcp, frames, lists } = allocator;
  const slot = pcp.slotOf(cpu, zone);
  let pages = 0;
  for (let index = 0; index < NR_PCP_LISTS_FREETYPE; index++) {
    const list = pcp.list(slot, index);
    const order = orderOfPindex(index);
    for (let node = frames.next[list]; node !== list; node = frames.next[node]) {
      const where = `cpu ${cpu} zone ${zone} pcp list ${index} pfn ${frames.pfnOf(node)}`;
      if (frames.info[node] !== (INFO_PCP | order))
        throw new InvariantError(`not marked as on a pcp list: ${where}`);
      const block = frames.blockOf(node);
      const unmapped = (frames.blockBits[block] & BLOCK_UNMAPPED) !== 0;
      if (unmapped !== index >= 14)
        throw new InvariantError(`mapped and unmapped pages mixed: ${where} (freetype-series §7.5)`);
      if (migratetypeOf(lists.freetypeOfBlock(block)) > MIGRATE_ISOLATE)
        throw new InvariantError(`no such type: ${where}`);
      pages += 2 ** order;
    }
  }
  if (pages !== pcp.count[slot]) {
    throw new InvariantError(
      `cpu ${cpu} zone ${zone}: pcp count ${pcp.count[slot]}, on lists ${pages} (page-allocator §1.4)`,
    );
  }
}
