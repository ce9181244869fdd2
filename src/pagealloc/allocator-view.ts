/** What fragmentation metrics read of the shared parts. Walks what it must: asked for at samples and at the end. */

import {
  FREETYPE_UNMAPPED_UNMOVABLE,
  MIGRATE_CMA,
  MIGRATE_MOVABLE,
  NR_FREETYPE_IDXS,
} from '../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, PAGEBLOCK_ORDER, PAGEBLOCK_PAGES } from '../kernel/orders.js';
import { migratetypeOf } from './free-lists.js';
import type { MemoryView, ZoneView } from './memory-view.js';
import type { PageAllocator } from './page-allocator.js';

export class AllocatorView implements MemoryView {
  private readonly allocator: PageAllocator;
  readonly zones: readonly ZoneView[];

  constructor(allocator: PageAllocator) {
    this.allocator = allocator;
    this.zones = allocator.machine.zones.map(({ index, name, managed }) => ({ index, name, managed }));
  }

  freeListLength(zone: number, order: number, freetype: number): number {
    const { lists } = this.allocator;
    return lists.length[lists.list(zone, order, freetype)];
  }

  pageblocksByFreetype(): number[] {
    const counts = new Array<number>(NR_FREETYPE_IDXS).fill(0);
    for (const zone of this.allocator.machine.zones) {
      for (const block of blocksOf(zone.startPfn, zone.endPfn)) {
        const freetype = this.allocator.lists.freetypeOfBlock(block);
        if (freetype >= 0) counts[freetype]++;
      }
    }
    return counts;
  }

  mixedPageblocks(): number {
    const { frames, lists, machine } = this.allocator;
    let mixed = 0;
    for (const zone of machine.zones) {
      for (const block of blocksOf(zone.startPfn, zone.endPfn)) {
        const type = migratetypeOf(lists.freetypeOfBlock(block));
        // CMA blocks count as movable; in a highatomic block any page differs (page-allocator §8.7).
        if (frames.holdsOtherThan(block, type === MIGRATE_CMA ? MIGRATE_MOVABLE : type)) mixed++;
      }
    }
    return mixed;
  }

  free2M(): number {
    return this.allocator.lists.whole2MBlocks;
  }

  unmovableRanges(order: number): [number, number] {
    const { frames, machine } = this.allocator;
    const blocksEach = 2 ** (order - PAGEBLOCK_ORDER);
    let all = 0;
    let withUnmovable = 0;
    let countedRange = -1;
    let foundIn = -1;
    for (const range of machine.ram) {
      for (const block of blocksOf(range.start, range.end)) {
        const aligned = Math.floor(block / blocksEach);
        if (aligned !== countedRange) {
          countedRange = aligned;
          all++;
        }
        if (foundIn !== aligned && frames.holdsUnmovable(block)) {
          foundIn = aligned;
          withUnmovable++;
        }
      }
    }
    return [withUnmovable, all];
  }

  pcpPages(): number {
    return this.allocator.pcp.pages();
  }

  /** Free pages on the mapped buddy lists. */
  mappedFreePages(): number {
    const { lists, machine } = this.allocator;
    let pages = 0;
    for (let zone = 0; zone < machine.zones.length; zone++) {
      for (let order = 0; order <= MAX_PAGE_ORDER; order++) {
        const unmapped = lists.length[lists.list(zone, order, FREETYPE_UNMAPPED_UNMOVABLE)];
        pages += (lists.nrFree(zone, order) - unmapped) * 2 ** order;
      }
    }
    return pages;
  }
}

function* blocksOf(startPfn: number, endPfn: number): Generator<number> {
  const end = Math.ceil(endPfn / PAGEBLOCK_PAGES);
  for (let block = Math.floor(startPfn / PAGEBLOCK_PAGES); block < end; block++) yield block;
}
