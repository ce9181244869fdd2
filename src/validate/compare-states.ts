/** A model's lists against a snapshot's: entry by entry, in order. */

import { FREETYPE_NAMES, NR_FREETYPE_IDXS } from '../kernel/migratetypes.js';
import { NR_PAGE_ORDERS, pageblockOf } from '../kernel/orders.js';
import type { Snapshot } from '../machine/snapshot.js';
import type { PageAllocator } from '../pagealloc/page-allocator.js';

export interface StateComparison {
  /** Lists that are not empty in either state. */
  freeLists: number;
  freeListsEqual: number;
  /** Entries of the snapshot, and those at the same place in the model. */
  listEntries: number;
  listEntriesEqual: number;
  pageblocks: number;
  pageblocksEqual: number;
  /** Lists with the same members in another order: rotated after the last taking. */
  rotatedLists: string[];
  differingLists: string[];
}

export function compareStates(allocator: PageAllocator, snapshot: Snapshot): StateComparison {
  const result: StateComparison = {
    freeLists: 0,
    freeListsEqual: 0,
    listEntries: 0,
    listEntriesEqual: 0,
    pageblocks: 0,
    pageblocksEqual: 0,
    rotatedLists: [],
    differingLists: [],
  };
  const recorded = new Map(
    snapshot.freeLists.map((list) => [`${list.zone}/${list.order}/${list.freetype}`, list.pfns]),
  );
  allocator.machine.zones.forEach(({ index, name }, zone) => {
    for (let order = 0; order < NR_PAGE_ORDERS; order++) {
      for (let freetype = 0; freetype < NR_FREETYPE_IDXS; freetype++) {
        const kernel = recorded.get(`${index}/${order}/${freetype}`) ?? new Float64Array(0);
        compareLists(
          `${name} order ${order} ${FREETYPE_NAMES[freetype]}`,
          kernel,
          allocator.lists.pfns(zone, order, freetype),
          result,
        );
      }
    }
  });
  for (const run of snapshot.pageblocks) {
    for (let k = 0; k < run.blocks; k++) {
      const bits = allocator.frames.blockBits[pageblockOf(run.startPfn) + k];
      const type = run.isolate ? 5 : run.migratetype;
      result.pageblocks++;
      const modelType = (bits & 0x10) !== 0 ? 5 : bits & 7;
      if (modelType === type && ((bits & 0x20) !== 0) === run.unmapped) result.pageblocksEqual++;
    }
  }
  return result;
}

function compareLists(
  name: string,
  kernel: ArrayLike<number>,
  model: readonly number[],
  result: StateComparison,
): void {
  if (kernel.length === 0 && model.length === 0) return;
  result.freeLists++;
  result.listEntries += kernel.length;
  let equal = 0;
  for (let i = 0; i < Math.min(kernel.length, model.length); i++) if (kernel[i] === model[i]) equal++;
  result.listEntriesEqual += equal;
  if (equal === kernel.length && kernel.length === model.length) {
    result.freeListsEqual++;
    return;
  }
  const members = new Set(model);
  const sameMembers = kernel.length === model.length && Array.from(kernel).every((pfn) => members.has(pfn));
  (sameMembers ? result.rotatedLists : result.differingLists).push(name);
}
