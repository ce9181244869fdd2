/**
 * The recorded kernel's own lists at every event, buddy and pcp: the recorded replay, and what its pages do
 * on the pcp lists by the events (page-allocator §9.5 R1, R7 to R15). The simulated replay is put right
 * from here after a miss.
 */

import { FREETYPE_UNMAPPED_UNMOVABLE, MIGRATE_MOVABLE, MIGRATE_PCPTYPES } from '../../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, PAGEBLOCK_ORDER } from '../../kernel/orders.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { INFO_FREE, INFO_KIND_MASK, INFO_ORDER_MASK, INFO_PCP } from '../../pagealloc/page-frames.js';
import { isPcpOrder, pindexOf } from '../../pagealloc/pcp-lists.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { pfnOfStructPage } from '../../trace/struct-page.js';
import { AT_ONCE, LATER } from '../free-destinations.js';
import type { RecordedReplay } from '../recorded.js';
import { contiguousChunks } from './contiguous-chunks.js';

export class KernelLists {
  readonly allocator: PageAllocator;
  private readonly recorded: RecordedReplay;
  private readonly events: EventColumns;
  private readonly vmemmap: number;
  private readonly destinations: Uint8Array;
  private readonly zoneOfAddress: ReadonlyMap<number, number>;
  /** Orders of pages between their mm_page_free and their entry into a list. */
  private readonly pending = new Map<number, number>();

  constructor(
    recorded: RecordedReplay,
    events: EventColumns,
    vmemmap: number,
    destinations: Uint8Array,
    zoneOfAddress: ReadonlyMap<number, number>,
  ) {
    this.recorded = recorded;
    this.allocator = recorded.allocator;
    this.events = events;
    this.vmemmap = vmemmap;
    this.destinations = destinations;
    this.zoneOfAddress = zoneOfAddress;
  }

  /** Applies one event. */
  step(i: number): void {
    const { kind, pfn, order, cpu, a } = this.events;
    switch (kind[i]) {
      case KIND.alloc:
        if (pfn[i] >= 0) this.leavePcp(pfn[i], order[i]);
        break;
      case KIND.pcpuDrain:
        this.leavePcp(pfn[i], order[i]);
        break;
      case KIND.flip:
        // The block that the flip took is in nobody's list (freetype-series §4.2).
        this.leavePcp(pfn[i], PAGEBLOCK_ORDER);
        break;
      case KIND.bulkPage:
        this.leavePcp(pfn[i], 0);
        break;
      case KIND.free:
        this.free(i);
        break;
      case KIND.freeBatched:
        this.enter(pfn[i], cpu[i]);
        break;
      case KIND.pcpPut:
        this.enter(pfnOfStructPage(pfn[i], this.vmemmap), cpu[i]);
        break;
      case KIND.freeOnePage:
        this.pending.delete(pfn[i]);
        this.leavePcp(pfn[i], order[i]);
        break;
      case KIND.freePrepared:
        for (const [start, chunk] of contiguousChunks(pfnOfStructPage(pfn[i], this.vmemmap), a[i])) {
          if (!isPcpOrder(chunk)) continue;
          this.leavePcp(start, chunk);
          this.allocator.frames.clearAllocated(this.allocator.frames.nodeAt(start, chunk), chunk);
          this.link(start, chunk, cpu[i], false);
        }
        break;
      case KIND.decayPcpHigh: {
        const zone = this.zoneOfAddress.get(a[i]);
        if (zone !== undefined) this.allocator.lists.foldCounter(zone, cpu[i]);
        break;
      }
    }
    this.recorded.run(i, i + 1);
    if (kind[i] === KIND.zoneLocked || (kind[i] === KIND.extfrag && a[i] <= MAX_PAGE_ORDER)) this.refilled(i);
  }

  /** A page of pcp order that left the buddy lists enters its pcp list, last of all, until its line tells who has it. */
  private refilled(i: number): void {
    const { pfn, order, cpu, migratetype } = this.events;
    const { frames } = this.allocator;
    if (!isPcpOrder(order[i])) return;
    const node = frames.nodeAt(pfn[i], order[i]);
    if (frames.info[node] !== 0) return;
    if (migratetype[i] >= MIGRATE_PCPTYPES) return;
    this.link(pfn[i], order[i], cpu[i], true, migratetype[i]);
  }

  private free(i: number): void {
    const { pfn, order, cpu } = this.events;
    this.leavePcp(pfn[i], order[i]);
    if (this.destinations[i] === LATER) this.pending.set(pfn[i], order[i]);
    else if (this.destinations[i] === AT_ONCE && isPcpOrder(order[i])) {
      this.pending.set(pfn[i], order[i]);
      this.enter(pfn[i], cpu[i]);
    }
  }

  private enter(pfn: number, cpu: number): void {
    const order = this.pending.get(pfn);
    if (order === undefined) return;
    this.pending.delete(pfn);
    if (!isPcpOrder(order)) return;
    const { frames } = this.allocator;
    const node = frames.nodeAt(pfn, order);
    if ((frames.info[node] & INFO_KIND_MASK) === INFO_FREE) return;
    frames.clearAllocated(node, order);
    this.link(pfn, order, cpu, false);
  }

  private link(pfn: number, order: number, cpu: number, toTail: boolean, requested = -1): void {
    const { frames, lists, pcp } = this.allocator;
    const node = frames.nodeAt(pfn, order);
    if (frames.info[node] !== 0) return;
    let freetype = lists.freetypeOfBlock(frames.blockOf(node));
    if (requested >= 0 && freetype !== FREETYPE_UNMAPPED_UNMOVABLE) freetype = requested;
    if (freetype >= MIGRATE_PCPTYPES && freetype !== FREETYPE_UNMAPPED_UNMOVABLE) freetype = MIGRATE_MOVABLE;
    if (freetype < 0) return;
    const list = pcp.list(pcp.slotOf(cpu, lists.zoneOf(pfn)), pindexOf(order, freetype));
    frames.info[node] = INFO_PCP | order;
    if (toTail) frames.linkTail(list, node);
    else frames.linkHead(list, node);
  }

  private leavePcp(pfn: number, order: number): void {
    const { frames } = this.allocator;
    const node = frames.nodeAt(pfn, order);
    const info = frames.info[node];
    if ((info & INFO_KIND_MASK) !== INFO_PCP || (info & INFO_ORDER_MASK) !== order) return;
    frames.unlink(node);
    frames.info[node] = 0;
  }
}
