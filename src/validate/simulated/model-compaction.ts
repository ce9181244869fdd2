/**
 * Compaction in a model that goes its own way: which blocks its scanners isolate in the recording is no
 * choice of the allocator, so the model gives the same block where it has it free, else one of the same
 * order from its movable lists. What comes back is freed through the bindings, as any page.
 */

import { MIGRATE_MOVABLE } from '../../kernel/migratetypes.js';
import { PAGEBLOCK_ORDER } from '../../kernel/orders.js';
import { type CompactionCapture, NONE } from '../../pagealloc/free-lists.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { INFO_FREE, USE_LRU } from '../../pagealloc/page-frames.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { pfnOfStructPage } from '../../trace/struct-page.js';
import { SilentOperations } from '../silent-operations.js';
import type { SilentChanges } from './background.js';
import type { PageBindings } from './page-bindings.js';

export class ModelCompaction implements SilentChanges {
  private readonly allocator: PageAllocator;
  private readonly events: EventColumns;
  private readonly vmemmap: number;
  private readonly bindings: PageBindings;
  readonly captures: SilentOperations;
  private readonly hasReturns: boolean;
  private readonly isolating = new Map<number, { pfn: number; order: number }>();

  constructor(
    allocator: PageAllocator,
    events: EventColumns,
    vmemmap: number,
    gfpBits: (gfp: number) => number,
    bindings: PageBindings,
  ) {
    this.allocator = allocator;
    this.events = events;
    this.vmemmap = vmemmap;
    this.bindings = bindings;
    this.captures = new SilentOperations(allocator, events, vmemmap, gfpBits);
    this.hasReturns = events.kind.subarray(0, events.length).includes(KIND.isolateFreePageRet);
  }

  event(i: number, kind: number): void {
    const { pfn, order, cpu, a } = this.events;
    switch (kind) {
      case KIND.isolateFreePage: {
        const wanted = { pfn: pfnOfStructPage(pfn[i], this.vmemmap), order: order[i] };
        if (this.hasReturns) this.isolating.set(cpu[i], wanted);
        else this.isolate(wanted.pfn, wanted.order);
        break;
      }
      case KIND.isolateFreePageRet: {
        const wanted = this.isolating.get(cpu[i]);
        this.isolating.delete(cpu[i]);
        if (wanted !== undefined && a[i] !== 0) this.isolate(wanted.pfn, wanted.order);
        break;
      }
      case KIND.putbackIsolatedPage:
        this.putBack(pfnOfStructPage(pfn[i], this.vmemmap), order[i], cpu[i]);
        break;
      case KIND.compactionTryToCompact:
      case KIND.compactionBegin:
      case KIND.compactionEnd:
      case KIND.directReclaimBegin:
      case KIND.requestAlloc:
      case KIND.resultPage:
      case KIND.resultNone:
        this.captures.event(i, kind);
        break;
    }
  }

  /** Which block completes first is the model's own; that the task waits for one, the events say. */
  captureOf(pid: number): CompactionCapture | null {
    return this.captures.captureOf(pid);
  }

  private isolate(pfn: number, order: number): void {
    const { lists, frames } = this.allocator;
    const zone = lists.zoneOf(pfn);
    let node = frames.nodeAt(pfn, order);
    if (frames.info[node] === (INFO_FREE | order)) {
      const freetype = lists.freetypeOfBlock(frames.blockOf(node));
      lists.del(zone, order, freetype, node);
      lists.account(zone, -(2 ** order), freetype);
    } else {
      node = lists.takeSmallest(zone, order, MIGRATE_MOVABLE);
      if (node === NONE) return;
    }
    frames.markAllocated(node, order, USE_LRU);
    this.bindings.bind(pfn, order, frames.pfnOf(node));
    if (order < PAGEBLOCK_ORDER - 1) return;
    const block = frames.blockOf(node);
    const type = lists.freetypeOfBlock(block);
    if (type < 0 || type >= 3) return;
    lists.moveBlock(zone, block, type, MIGRATE_MOVABLE);
    lists.setBlockType(block, MIGRATE_MOVABLE);
  }

  private putBack(pfn: number, order: number, cpu: number): void {
    const { lists, frames } = this.allocator;
    lists.cpu = cpu;
    for (const piece of this.bindings.release(pfn, order, () => false)) {
      const node = frames.nodeAt(piece.pfn, piece.order);
      frames.clearAllocated(node, piece.order);
      lists.freeBlock(lists.zoneOf(piece.pfn), node, piece.order, true);
    }
  }
}
