/** A core on a small machine with a direct map, for vectors: requests and states as text. */

import { FreetypeCore } from '../../src/cores/freetype.js';
import { DirectMap } from '../../src/directmap/direct-map.js';
import type { LeafLevel } from '../../src/directmap/leaves.js';
import { PLAIN, UNMAPPED } from '../../src/kernel/classes.js';
import { GFP_KERNEL } from '../../src/kernel/gfp.js';
import { MIGRATE_MOVABLE, MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE } from '../../src/kernel/migratetypes.js';
import { type AllocRequest, FAILURE_NAMES, NO_OBSERVER } from '../../src/pagealloc/core.js';
import { BLOCK_UNMAPPED } from '../../src/pagealloc/page-frames.js';
import { expectState, hex, machineOf, snapshotOf, type ZoneSetting } from '../pagealloc/zone-fixture.js';

/** GFP without direct reclaim, and without the reserves of GFP_ATOMIC: NOBLOCK of freetype-series §4.5. */
export const NOBLOCK = 0x800;

const MIGRATETYPES = {
  U: MIGRATE_UNMOVABLE,
  'U*': MIGRATE_UNMOVABLE,
  M: MIGRATE_MOVABLE,
  R: MIGRATE_RECLAIMABLE,
};
type RequestType = keyof typeof MIGRATETYPES;

export function requestOf(order: number, type: RequestType, gfp = GFP_KERNEL, cpu = 0): AllocRequest {
  return {
    order,
    migratetype: MIGRATETYPES[type],
    gfp,
    pageClass: type === 'U*' ? UNMAPPED : PLAIN,
    cpu,
    inInterrupt: false,
    isMarked: false,
  };
}

export interface FreetypeSetting {
  readonly series?: string;
  /** Largest leaf of the direct map at the start: 3 = 1G, 2 = 2M, 1 = 4K. */
  readonly largest?: LeafLevel;
  /** FREE_HIGH_BATCH of each pcp (page-allocator §4.5). */
  readonly freeHighBatch?: boolean;
}

export class FreetypeMachine {
  readonly core: FreetypeCore;
  readonly directMap: DirectMap;
  /** pfns that the core gave to the direct map as page tables, newest last. */
  readonly pageTables: string[] = [];
  /** Splits, page tables and flushes that brought the direct map into its start state. */
  private readonly before: { level2: number; level3: number; pageTables: number; full: number };

  constructor(zones: readonly ZoneSetting[], setting: FreetypeSetting = {}) {
    const { series = 'v4', largest = 3, freeHighBatch = false } = setting;
    const machine = machineOf(zones, { freeHighBatch });
    this.directMap = new DirectMap(machine, null, { largest });
    this.core = new FreetypeCore(
      {
        machine,
        directMap: this.directMap,
        snapshot: snapshotOf(zones, freeHighBatch),
        live: null,
        kswapdIsRecorded: false,
        observer: NO_OBSERVER,
      },
      { series },
    );
    const { blockBits } = this.core.allocator.frames;
    for (let block = 0; block < blockBits.length; block++) {
      if ((blockBits[block] & BLOCK_UNMAPPED) !== 0)
        this.directMap.setDirectMapValid(block * 512, 512, false);
    }
    const { level2Splits, level3Splits, pageTablePages, fullFlushes } = this.directMap.counts;
    this.before = {
      level2: level2Splits,
      level3: level3Splits,
      pageTables: pageTablePages,
      full: fullFlushes,
    };
  }

  /** The pfn, or the name of the failure. */
  alloc(order: number, type: RequestType, gfp = GFP_KERNEL, cpu = 0): string {
    const pfn = this.core.alloc(requestOf(order, type, gfp, cpu));
    this.core.validate();
    return pfn < 0 ? FAILURE_NAMES[-pfn] : hex(pfn);
  }

  free(pfn: string | number, order: number, type: RequestType, cpu = 0): void {
    const pageClass = type === 'U*' ? UNMAPPED : PLAIN;
    const first = typeof pfn === 'string' ? Number.parseInt(pfn, 16) : pfn;
    this.core.free(first, order, { pageClass, cpu, inInterrupt: false });
    this.core.validate();
  }

  /** Page tables come from the core from now on, as they do in a replay. */
  takePageTablesFromCore(): void {
    this.directMap.pageTableSource = () => {
      const pfn = this.core.alloc(requestOf(0, 'U'));
      if (pfn < 0) return false;
      this.pageTables.push(hex(pfn));
      return true;
    };
  }

  /** The whole of a zone, and the counters: free, bM, bU, L3, L2, PTP, F, Z and the flips in both directions. */
  expectState(text: string, zone = 0): void {
    const { allocator } = this.core;
    const { counts } = this.directMap;
    const { lists, counters } = allocator;
    const wholeBlocks = (freetypes: readonly number[]) =>
      freetypes.reduce(
        (pages, freetype) =>
          pages +
          lists.length[lists.list(zone, 9, freetype)] * 512 +
          lists.length[lists.list(zone, 10, freetype)] * 1024,
        0,
      );
    const slot = allocator.pcp.slotOf(0, zone);
    const numbers = {
      free: lists.nrFreePages[zone] + lists.nrFreePagesDiff[slot],
      bM: wholeBlocks([0, 1, 2, 3, 4]),
      bU: wholeBlocks([6]),
      L2: counts.level2Splits - this.before.level2,
      L3: counts.level3Splits - this.before.level3,
      PTP: counts.pageTablePages - this.before.pageTables,
      F: counts.fullFlushes - this.before.full,
      Z: counters.zeroedPages,
      unmaps: counters.flipsToUnmapped,
      maps: counters.flipsToMapped,
      watermark_boost: allocator.watermarks.boost[zone],
      count: allocator.pcp.count[slot],
      high: allocator.pcp.high[slot],
      alloc_factor: allocator.pcp.allocFactor[slot],
    };
    expectState(allocator, zone, text, numbers, ['L2', 'L3', 'PTP', 'F', 'Z', 'watermark_boost']);
  }
}
