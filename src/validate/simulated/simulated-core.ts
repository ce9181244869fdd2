/**
 * The core that stands for the recorded kernel: the baseline, or freetype where the kernel carries the
 * series, with the direct map of the first snapshot. Its splits ask the core itself for page tables.
 */

import { BaselineCore } from '../../cores/baseline.js';
import { FreetypeCore } from '../../cores/freetype.js';
import { DirectMap } from '../../directmap/direct-map.js';
import { PLAIN } from '../../kernel/classes.js';
import { GFP_COMP_BIT, GFP_KERNEL, GFP_ZERO_BIT } from '../../kernel/gfp.js';
import { MIGRATE_UNMOVABLE } from '../../kernel/migratetypes.js';
import type { Machine } from '../../machine/machine.js';
import type { Snapshot } from '../../machine/snapshot.js';
import type { AllocRequest, CoreObserver } from '../../pagealloc/core.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';

export interface SimulatedCore {
  readonly allocator: PageAllocator;
  /** A pfn or a negative reason. */
  alloc(request: AllocRequest): number;
  /** Page tables that splits of the direct map asked for, in order, and that no line has told of yet. */
  readonly nestedTables: number[];
}

export function simulatedCore(machine: Machine, snapshot: Snapshot, observer: CoreObserver): SimulatedCore {
  const directMap = new DirectMap(machine, snapshot);
  const parts = { machine, directMap, snapshot, live: null, observer, kswapdIsRecorded: true };
  const core = snapshot.freetypes
    ? new FreetypeCore(parts, { series: 'v4' })
    : new BaselineCore(parts, { flush: 'page' });
  const nestedTables: number[] = [];
  directMap.pageTableSource = () => {
    const pfn = core.alloc({
      order: 0,
      migratetype: MIGRATE_UNMOVABLE,
      gfp: GFP_KERNEL | GFP_ZERO_BIT | GFP_COMP_BIT,
      pageClass: PLAIN,
      cpu: core.allocator.lists.cpu,
      inInterrupt: false,
      isMarked: false,
    });
    if (pfn >= 0) nestedTables.push(pfn);
    return pfn >= 0;
  };
  core.allocator.drainsAreRecorded = true;
  return { allocator: core.allocator, alloc: (request) => core.alloc(request), nestedTables };
}
