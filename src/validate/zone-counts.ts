/** What the kernel's own metrics are printed from: lengths of free lists, and pageblocks by type. */

import { MIGRATE_ISOLATE, MIGRATE_TYPES, NR_FREETYPE_IDXS } from '../kernel/migratetypes.js';
import { NR_PAGE_ORDERS, pageblockOf } from '../kernel/orders.js';
import { ZONE_NAMES } from '../machine/machine.js';
import type { PageblockRun, StateSnapshot } from '../machine/snapshot.js';
import type { PageAllocator } from '../pagealloc/page-allocator.js';
import { BLOCK_ISOLATE, BLOCK_TYPE_MASK } from '../pagealloc/page-frames.js';

/** A populated zone. */
export interface ZoneCounts {
  readonly name: string;
  /** Entries by freetype index, then by order. */
  readonly lists: readonly (readonly number[])[];
  /** Pageblocks by migratetype, one in isolation as such; those without struct pages are not counted (§8.6). */
  readonly blocks: readonly number[];
}

/** The kernel's own state. */
export function countsOfSnapshot(snapshot: StateSnapshot): ZoneCounts[] {
  const lengths = new Map(
    snapshot.freeLists.map((list) => [`${list.zone}/${list.freetype}/${list.order}`, list.pfns.length]),
  );
  return populatedZones(snapshot).map((zone) => ({
    name: ZONE_NAMES[zone],
    lists: everyList((freetype, order) => lengths.get(`${zone}/${freetype}/${order}`) ?? 0),
    blocks: countBlocks(snapshot, zone, (run) => (run.isolate ? MIGRATE_ISOLATE : run.migratetype)),
  }));
}

/** A model's; `snapshot` says which zones and pageblocks the machine has, which does not change. */
export function countsOfAllocator(
  { lists, frames, machine }: PageAllocator,
  snapshot: StateSnapshot,
): ZoneCounts[] {
  return populatedZones(snapshot).map((zone) => {
    const position = machine.zones.findIndex(({ index }) => index === zone);
    return {
      name: ZONE_NAMES[zone],
      lists: everyList((freetype, order) => lists.length[lists.list(position, order, freetype)]),
      blocks: countBlocks(snapshot, zone, (run, each) => {
        const bits = frames.blockBits[pageblockOf(run.startPfn) + each];
        return (bits & BLOCK_ISOLATE) !== 0 ? MIGRATE_ISOLATE : bits & BLOCK_TYPE_MASK;
      }),
    };
  });
}

function populatedZones(snapshot: StateSnapshot): number[] {
  return snapshot.zones
    .filter(({ present }) => present > 0)
    .map(({ zone }) => zone)
    .sort((a, b) => a - b);
}

function everyList(length: (freetype: number, order: number) => number): number[][] {
  return Array.from({ length: NR_FREETYPE_IDXS }, (_, freetype) =>
    Array.from({ length: NR_PAGE_ORDERS }, (__, order) => length(freetype, order)),
  );
}

function countBlocks(
  { pageblocks }: StateSnapshot,
  zone: number,
  typeOf: (run: PageblockRun, each: number) => number,
): number[] {
  const counts = new Array<number>(MIGRATE_TYPES).fill(0);
  for (const run of pageblocks) {
    if (run.zone !== zone) continue;
    for (let each = 0; each < run.blocks; each++) counts[typeOf(run, each)]++;
  }
  return counts;
}
