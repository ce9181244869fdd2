/**
 * The recorded kernel's own lists at every event, buddy and pcp: the recorded replay, and beside it what the
 * pages do on the pcp lists by the events (page-allocator §9.5 R1, R7 to R15). The simulated replay is put
 * right from here after a miss.
 */

import { FREETYPE_UNMAPPED_UNMOVABLE, MIGRATE_MOVABLE, MIGRATE_PCPTYPES } from '../../kernel/migratetypes.js';
import type { Snapshot } from '../../machine/snapshot.js';
import { adoptState } from '../../pagealloc/adopt-state.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { isPcpOrder, pindexOf } from '../../pagealloc/pcp-lists.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { pfnOfStructPage } from '../../trace/struct-page.js';
import type { RecordedReplay } from '../recorded.js';
import { contiguousChunks } from './contiguous-chunks.js';
import { AT_ONCE, type Destinations, LAST_OF_RUN, LATER } from './free-destinations.js';
import { KswapdWatch } from './kswapd-watch.js';
import { RecordedPcpLists } from './recorded-pcp.js';

export class KernelLists {
  private readonly recorded: RecordedReplay;
  private readonly allocator: PageAllocator;
  private readonly pcp: RecordedPcpLists;
  private readonly events: EventColumns;
  private readonly vmemmap: number;
  private readonly destinations: Destinations;
  private readonly zoneOfAddress: ReadonlyMap<number, number>;
  private readonly kswapd: KswapdWatch;
  /** Orders of pages between their mm_page_free and their entry into a list. */
  private readonly pending = new Map<number, number>();

  constructor(
    recorded: RecordedReplay,
    snapshot: Snapshot,
    events: EventColumns,
    destinations: Destinations,
    zoneOfAddress: ReadonlyMap<number, number>,
    nextOwn: Int32Array,
  ) {
    this.recorded = recorded;
    this.allocator = recorded.allocator;
    this.pcp = new RecordedPcpLists(recorded.allocator, snapshot);
    this.events = events;
    this.vmemmap = snapshot.vmemmap;
    this.destinations = destinations;
    this.zoneOfAddress = zoneOfAddress;
    this.kswapd = new KswapdWatch(events, nextOwn);
  }

  /** Makes a model's lists those of the kernel by now. */
  putRight(model: PageAllocator): void {
    adoptState(model, this.allocator);
    this.pcp.linkInto(model);
  }

  /** Applies one event. */
  step(i: number): void {
    const { kind, pfn, order, cpu, a } = this.events;
    this.recorded.run(i, i + 1);
    this.kswapd.event(i, this.allocator);
    switch (kind[i]) {
      case KIND.alloc:
      case KIND.pcpuDrain:
      case KIND.bulkPage:
      case KIND.flip:
        this.pcp.remove(pfn[i]);
        break;
      case KIND.zoneLocked:
      case KIND.extfrag:
        this.refilled(i);
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
        this.pcp.remove(pfn[i]);
        break;
      case KIND.freePrepared:
        for (const [start, chunk] of contiguousChunks(pfnOfStructPage(pfn[i], this.vmemmap), a[i]))
          if (isPcpOrder(chunk)) this.link(start, chunk, cpu[i], false, this.freetypeAt(start));
        break;
      case KIND.decayPcpHigh: {
        const zone = this.zoneOfAddress.get(a[i]);
        if (zone !== undefined) this.allocator.lists.foldCounter(zone, cpu[i]);
        break;
      }
    }
    if (kind[i] === KIND.alloc && order[i] > 3) this.pending.delete(pfn[i]);
  }

  /** A page of pcp order that left the buddy lists enters its pcp list, last of all, until its line tells who has it. */
  private refilled(i: number): void {
    const { pfn, order, cpu, migratetype } = this.events;
    if (!isPcpOrder(order[i]) || migratetype[i] >= MIGRATE_PCPTYPES) return;
    const freetype = this.freetypeAt(pfn[i]);
    this.link(
      pfn[i],
      order[i],
      cpu[i],
      true,
      freetype === FREETYPE_UNMAPPED_UNMOVABLE ? freetype : migratetype[i],
    );
  }

  private free(i: number): void {
    const { pfn, order, cpu } = this.events;
    this.pcp.remove(pfn[i]);
    const destination = this.destinations.at[i];
    if (destination === LAST_OF_RUN) {
      for (const chunk of this.destinations.chunks.get(i) ?? [])
        if (!chunk.isPastPcp) this.link(chunk.pfn, chunk.order, cpu[i], false, this.freetypeAt(chunk.pfn));
      return;
    }
    const isLater = destination === LATER;
    if (!isLater && (destination !== AT_ONCE || !isPcpOrder(order[i]))) return;
    this.pending.set(pfn[i], order[i]);
    if (!isLater) this.enter(pfn[i], cpu[i]);
  }

  private enter(pfn: number, cpu: number): void {
    const order = this.pending.get(pfn);
    if (order === undefined) return;
    this.pending.delete(pfn);
    if (isPcpOrder(order)) this.link(pfn, order, cpu, false, this.freetypeAt(pfn));
  }

  private freetypeAt(pfn: number): number {
    const { lists, frames } = this.allocator;
    return lists.freetypeOfBlock(frames.blockOf(frames.nodeAt(pfn, 9)));
  }

  private link(pfn: number, order: number, cpu: number, toTail: boolean, freetype: number): void {
    const { lists, pcp } = this.allocator;
    if (freetype < 0) return;
    const isReserve = freetype >= MIGRATE_PCPTYPES && freetype !== FREETYPE_UNMAPPED_UNMOVABLE;
    const pindex = pindexOf(order, isReserve ? MIGRATE_MOVABLE : freetype);
    this.pcp.add(pcp.list(pcp.slotOf(cpu, lists.zoneOf(pfn)), pindex), pfn, order, toTail);
  }
}
