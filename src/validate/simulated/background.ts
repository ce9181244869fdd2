/**
 * Everything of a capture that is no allocation, done to the model's lists: frees at the moment when they
 * enter a list, decays in portions, drains, kswapd, and what compaction and reserves do silently.
 */

import { MIGRATE_MOVABLE } from '../../kernel/migratetypes.js';
import { type CompactionCapture, NONE } from '../../pagealloc/free-lists.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { USE_LRU, USE_UNMOVABLE } from '../../pagealloc/page-frames.js';
import { isPageInUse } from '../../pagealloc/page-in-use.js';
import { type EventColumns, isInInterrupt } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { pfnOfStructPage } from '../../trace/struct-page.js';
import { Corrections } from '../recorded/corrections.js';
import { contiguousChunks } from './contiguous-chunks.js';
import { AT_ONCE, type Destinations, LAST_OF_RUN, NO_FREE, PAST_PCP } from './free-destinations.js';
import { KswapdWatch } from './kswapd-watch.js';
import type { PageBindings, Piece } from './page-bindings.js';
import { PortionedDrains } from './portioned-drains.js';

/** Compaction and reserves: by the events' own pages, or as the model would. */
export interface SilentChanges {
  event(i: number, kind: number): void;
  captureOf(pid: number): CompactionCapture | null;
}

export class Background {
  /** Told of each page that enters a pcp list, and of each that had left one without a line. */
  entered: (pfn: number, at: number) => void = () => {};
  silent: () => void = () => {};
  /** Told before a decay, with the pcp->count that its probe saw. */
  beforeDecay: (zone: number, cpu: number, recordedCount: number) => void = () => {};
  private readonly allocator: PageAllocator;
  private readonly events: EventColumns;
  private readonly vmemmap: number;
  private readonly destinations: Destinations;
  private readonly zoneOfAddress: ReadonlyMap<number, number>;
  private readonly silentChanges: SilentChanges;
  /** Null while the model's pages are the recording's. */
  private readonly bindings: PageBindings | null;
  /** Pieces of blocks that are between their mm_page_free line and their entry into a list, by recorded page. */
  private readonly pending = new Map<number, readonly Piece[]>();
  private readonly kswapd: KswapdWatch;
  /** Blocks that tasks captured and have not told of yet, by pid. */
  private readonly captured = new Map<number, Piece>();
  private readonly corrections: Corrections;
  private readonly drains: PortionedDrains;

  constructor(
    allocator: PageAllocator,
    events: EventColumns,
    context: {
      readonly vmemmap: number;
      readonly destinations: Destinations;
      readonly zoneOfAddress: ReadonlyMap<number, number>;
      readonly silentChanges: SilentChanges;
      readonly bindings: PageBindings | null;
      readonly nextOwn: Int32Array;
    },
  ) {
    this.allocator = allocator;
    this.events = events;
    this.vmemmap = context.vmemmap;
    this.destinations = context.destinations;
    this.zoneOfAddress = context.zoneOfAddress;
    this.silentChanges = context.silentChanges;
    this.bindings = context.bindings;
    this.corrections = new Corrections(allocator);
    this.drains = new PortionedDrains(allocator);
    this.kswapd = new KswapdWatch(events, context.nextOwn);
  }

  event(i: number): void {
    // Whatever the task frees or drains may complete what its compaction waits for (§2.6, R16 c).
    this.allocator.lists.capture = this.silentChanges.captureOf(this.events.pid[i]);
    if (this.events.kind[i] !== KIND.pcpuDrain && !isInInterrupt(this.events.context[i]))
      this.drains.finish(this.events.pid[i]);
    this.apply(i);
    this.allocator.lists.capture = null;
    this.kswapd.event(i, this.allocator);
  }

  private apply(i: number): void {
    const { events } = this;
    const kind = events.kind[i];
    switch (kind) {
      case KIND.free:
        this.free(i);
        break;
      case KIND.freeBatched:
        this.enter(events.pfn[i], i);
        break;
      case KIND.pcpPut:
        this.enter(pfnOfStructPage(events.pfn[i], this.vmemmap), i);
        break;
      case KIND.freeOnePage:
        this.freePastPcp(i);
        break;
      case KIND.freePrepared:
        this.freePrepared(i);
        break;
      case KIND.decayPcpHigh: {
        const zone = this.zoneOfAddress.get(events.a[i]);
        if (zone === undefined) break;
        this.beforeDecay(zone, events.cpu[i], events.pfn[i]);
        this.drains.beginDecay(events.pid[i], zone, events.cpu[i]);
        break;
      }
      case KIND.pcpuDrain:
        this.drains.drainSeen(events.pid[i]);
        break;
      case KIND.drainPagesZone: {
        const zone = this.zoneOfAddress.get(events.a[i]);
        if (zone !== undefined) this.drains.beginDrain(events.pid[i], zone, events.b[i]);
        break;
      }
      case KIND.reserveHighatomic:
      case KIND.unreserveHighatomic:
        // The model does these by itself.
        break;
      case KIND.compactionEnd:
        this.keepCaptured(events.pid[i]);
        this.silentChanges.event(i, kind);
        break;
      default:
        this.silentChanges.event(i, kind);
    }
  }

  /** The block that the task's compaction captured for this request; -1 when there is none. Given out once. */
  takeCaptured(pid: number, order: number): number {
    const captured = this.captured.get(pid);
    if (captured === undefined || captured.order !== order) return -1;
    this.captured.delete(pid);
    return captured.pfn;
  }

  /** A capture never reaches a list: its mm_page_alloc follows without any event of the zone (§2.6, R16 c). */
  private keepCaptured(pid: number): void {
    const capture = this.silentChanges.captureOf(pid);
    if (capture === null || capture.node === NONE) return;
    const { frames } = this.allocator;
    frames.markAllocated(
      capture.node,
      capture.order,
      capture.freetype === MIGRATE_MOVABLE ? USE_LRU : USE_UNMOVABLE,
    );
    this.captured.set(pid, { pfn: frames.pfnOf(capture.node), order: capture.order });
  }

  /** The trace is over: drains end. */
  finish(): void {
    this.drains.finishAll();
  }

  private free(i: number): void {
    const { pfn, order, cpu } = this.events;
    const destination = this.destinations.at[i];
    if (destination === NO_FREE) return;
    const pieces = this.released(pfn[i], order[i], cpu[i]);
    if (destination === AT_ONCE) {
      this.put(pieces, cpu[i]);
      this.entered(pfn[i], i);
    } else if (destination === PAST_PCP) {
      this.putPastPcp(pieces, cpu[i], false);
    } else {
      this.pending.set(pfn[i], pieces);
      if (destination === LAST_OF_RUN) this.putRun(i);
    }
  }

  private putRun(i: number): void {
    const cpu = this.events.cpu[i];
    for (const { pfn, order, isPastPcp } of this.destinations.chunks.get(i) ?? []) {
      const pieces = joined(this.takePending(pfn, order), order);
      if (isPastPcp) this.putPastPcp(pieces, cpu, false);
      else this.put(pieces, cpu);
      this.entered(pfn, i);
    }
  }

  /** The pieces of a block whose pages have each had their line. */
  private takePending(start: number, order: number): Piece[] {
    const pieces: Piece[] = [];
    for (let page = start; page < start + 2 ** order; page++) {
      pieces.push(...(this.pending.get(page) ?? []));
      this.pending.delete(page);
    }
    return pieces;
  }

  private released(pfn: number, order: number, cpu: number): readonly Piece[] {
    if (this.bindings !== null) return this.bindings.release(pfn, order, (page) => this.isInUse(page));
    this.makeInUse(pfn, order, cpu);
    return [{ pfn, order }];
  }

  private put(pieces: readonly Piece[], cpu: number): void {
    for (const { pfn, order } of pieces) this.allocator.free(pfn, order, cpu);
  }

  /** A page that is freed was in use: if the model has it on a list, it left there silently (R14). */
  private makeInUse(pfn: number, order: number, cpu: number): void {
    const { vacated } = this.corrections;
    this.allocator.lists.cpu = cpu;
    this.corrections.vacate(pfn, order);
    if (this.corrections.vacated > vacated) this.silent();
  }

  private isInUse(pfn: number): boolean {
    return isPageInUse(this.allocator, pfn);
  }

  /** The line that stands inside the pcp lock: the page enters its list now (R8). */
  private enter(pfn: number, i: number): void {
    const pieces = this.pending.get(pfn);
    if (pieces === undefined) return;
    this.pending.delete(pfn);
    this.put(pieces, this.events.cpu[i]);
    this.entered(pfn, i);
  }

  /** A free that went straight to the buddy lists (R12). */
  private freePastPcp(i: number): void {
    const { pfn, cpu, b } = this.events;
    const pieces = this.pending.get(pfn[i]);
    if (pieces === undefined) return;
    this.pending.delete(pfn[i]);
    this.putPastPcp(pieces, cpu[i], (b[i] & 2) !== 0);
  }

  private putPastPcp(pieces: readonly Piece[], cpu: number, toTail: boolean): void {
    const { lists, frames } = this.allocator;
    lists.cpu = cpu;
    for (const { pfn, order } of pieces) {
      const node = frames.nodeAt(pfn, order);
      frames.clearAllocated(node, order);
      this.allocator.freeToBuddy(lists.zoneOf(pfn), node, order, toTail);
    }
  }

  /** A run of contiguous order-0 pages enters in chunks (§2.10, R10), as far as the model's are contiguous, too. */
  private freePrepared(i: number): void {
    const { events } = this;
    for (const [start, order] of contiguousChunks(
      pfnOfStructPage(events.pfn[i], this.vmemmap),
      events.a[i],
    )) {
      this.put(joined(this.takePending(start, order), order), events.cpu[i]);
      this.entered(start, i);
    }
  }
}

/** The single pages as one block of the order, if they are one. */
function joined(pieces: readonly Piece[], order: number): readonly Piece[] {
  const pages = 2 ** order;
  if (pieces.length !== pages || pieces[0].pfn % pages !== 0) return pieces;
  return pieces.every(({ pfn }, k) => pfn === pieces[0].pfn + k) ? [{ pfn: pieces[0].pfn, order }] : pieces;
}
