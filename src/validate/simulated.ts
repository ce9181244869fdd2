/**
 * Simulated replay at API level: from the first snapshot, pcp lists included, and the requests alone. One
 * step at a time: the model predicts the page of each allocation; after a miss it adopts the kernel's page
 * and goes on (page-allocator §9.5 R13 to R15, §12.3).
 *
 * atHead     the page that the model chose
 * reordered  the model chose it at its list operation, but the line of its task stands later or earlier
 *            than those of others (R13): it is on the very list, not at its head
 * missed     everything else
 */

import { UNMAPPED } from '../kernel/classes.js';
import type { AllocRequest } from '../pagealloc/core.js';
import type { PageAllocator } from '../pagealloc/page-allocator.js';
import { INFO_FREE, INFO_KIND_MASK, INFO_PCP, useOf } from '../pagealloc/page-frames.js';
import { isPcpOrder, NR_PCP_LISTS_FREETYPE, pindexOf } from '../pagealloc/pcp-lists.js';
import { takeExact } from '../pagealloc/take-exact.js';
import type { EventColumns } from '../trace/columns.js';
import { KIND } from '../trace/events.js';
import { pfnOfStructPage } from '../trace/struct-page.js';
import { AT_ONCE, freeDestinations, NO_FREE } from './free-destinations.js';
import type { Miss } from './recorded.js';
import { SilentOperations } from './silent-operations.js';

/** The core under validation, and its allocator, whose lists the misses are put right in. */
export interface ValidatedCore {
  readonly allocator: PageAllocator;
  /** A pfn or a negative reason. */
  alloc(request: AllocRequest): number;
}

/** A decay of one CPU that has pages left to give back. */
interface PendingDecay {
  readonly zone: number;
  readonly pid: number;
  /** Pages still to go. */
  rest: number;
  /** Drain events of the running portion that are still to come. */
  expected: number;
}

export class SimulatedReplay {
  allocations = 0;
  atHead = 0;
  reordered = 0;
  missed = 0;
  /** Pages that left a pcp list without a mm_page_alloc line (R14). */
  silent = 0;
  /** Requests that failed in the recording: what the model does with them is not judged page by page. */
  failedInRecording = 0;
  failedInModel = 0;
  firstMiss: Miss | null = null;
  /** Index of the event that is being replayed. */
  at = 0;
  private readonly core: ValidatedCore;
  private readonly allocator: PageAllocator;
  private readonly events: EventColumns;
  private readonly vmemmap: number;
  private readonly gfpBits: (gfp: number) => number;
  private readonly destinations: Uint8Array;
  private readonly silentOperations: SilentOperations;
  private readonly zoneOfAddress: ReadonlyMap<number, number>;
  private readonly splitTables: ReadonlySet<number>;
  private readonly announced = new Map<number, AllocRequest>();
  /** Orders of pages that are between their mm_page_free line and their entry into a list. */
  private readonly pending = new Map<number, number>();
  private lastAlloc = -1;
  private readonly decays = new Map<number, PendingDecay>();

  constructor(
    core: ValidatedCore,
    events: EventColumns,
    context: {
      readonly vmemmap: number;
      readonly gfpBits: (gfp: number) => number;
      readonly zoneOfAddress: ReadonlyMap<number, number>;
      /** Lines of page tables that the recorded kernel's splits took, where the core under test makes its own. */
      readonly splitTables: ReadonlySet<number>;
    },
  ) {
    this.core = core;
    this.allocator = core.allocator;
    this.events = events;
    this.vmemmap = context.vmemmap;
    this.gfpBits = context.gfpBits;
    this.zoneOfAddress = context.zoneOfAddress;
    this.splitTables = context.splitTables;
    this.destinations = freeDestinations(events, context.vmemmap);
    this.silentOperations = new SilentOperations(this.allocator, events, context.vmemmap, context.gfpBits);
  }

  run(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      this.at = i;
      this.event(i, this.events.kind[i]);
    }
    if (to === this.events.length) for (const cpu of [...this.decays.keys()]) this.finishDecay(cpu);
  }

  private event(i: number, kind: number): void {
    const { events, allocator } = this;
    const cpu = events.cpu[i];
    switch (kind) {
      case KIND.alloc:
        this.alloc(i);
        break;
      case KIND.free:
        this.free(i);
        break;
      case KIND.freeBatched:
        this.enter(events.pfn[i], cpu);
        break;
      case KIND.pcpPut:
        this.enter(pfnOfStructPage(events.pfn[i], this.vmemmap), cpu);
        break;
      case KIND.freeOnePage:
        this.freePastPcp(i);
        break;
      case KIND.freePrepared:
        this.freePrepared(i);
        break;
      case KIND.bulkPage:
        this.bulk(i);
        break;
      case KIND.decayPcpHigh: {
        const zone = this.zoneOfAddress.get(events.a[i]);
        if (zone !== undefined) this.decay(i, zone);
        break;
      }
      case KIND.pcpuDrain:
        this.drainSeen(i);
        break;
      case KIND.drainPagesZone: {
        const zone = this.zoneOfAddress.get(events.a[i]);
        if (zone !== undefined) this.drain(zone, events.b[i]);
        break;
      }
      case KIND.kswapdWake:
        allocator.kswapdRan();
        break;
      case KIND.requestAlloc:
        this.announce(i);
        this.silentOperations.event(i, kind);
        break;
      case KIND.reserveHighatomic:
      case KIND.unreserveHighatomic:
        // The model does these by itself.
        break;
      default:
        this.silentOperations.event(i, kind);
    }
  }

  // Allocations.

  private alloc(i: number): void {
    const { events } = this;
    if (this.splitTables.has(events.line[i])) return;
    const request = this.requestOf(i);
    const pfn = events.pfn[i];
    if (pfn < 0) {
      this.failedInRecording++;
      const found = this.core.alloc(request);
      if (found >= 0) this.allocator.free(found, request.order, request.cpu);
      return;
    }
    this.lastAlloc = pfn;
    this.allocations++;
    if (this.isDeeperInItsList(pfn, request)) {
      this.unlinkFromPcp(pfn, request);
      this.reordered++;
      return;
    }
    this.dropSilentPages(pfn, request);
    const chosen = this.core.alloc(request);
    if (chosen === pfn) {
      this.atHead++;
      return;
    }
    if (chosen < 0) this.failedInModel++;
    else this.takeBack(chosen, request);
    if (this.isOnItsList(pfn, request)) {
      this.unlinkFromPcp(pfn, request);
      this.reordered++;
      return;
    }
    this.miss(i, chosen, pfn);
    takeExact(this.allocator, pfn, request.order, useOf(request.migratetype, request.gfp), request.cpu);
  }

  private requestOf(i: number): AllocRequest {
    const { events } = this;
    const announced = this.announced.get(events.pid[i]);
    if (announced !== undefined && announced.order === events.order[i]) {
      this.announced.delete(events.pid[i]);
      return announced;
    }
    return {
      order: events.order[i],
      migratetype: events.migratetype[i],
      gfp: this.gfpBits(events.gfp[i]),
      pageClass: 0,
      cpu: events.cpu[i],
      inInterrupt: (events.context[i] & 7) !== 0,
      isMarked: false,
    };
  }

  private announce(i: number): void {
    const { events } = this;
    this.announced.set(events.pid[i], {
      order: events.order[i],
      migratetype: events.migratetype[i],
      gfp: events.b[i],
      pageClass: events.pageClass[i],
      cpu: events.cpu[i],
      inInterrupt: false,
      isMarked: false,
    });
  }

  /** The pcp list that serves the request: in the zone of the kernel's page. */
  private listFor(pfn: number, request: AllocRequest): number {
    const { lists, pcp } = this.allocator;
    const freetype = request.pageClass === UNMAPPED ? 6 : request.migratetype;
    return pcp.list(pcp.slotOf(request.cpu, lists.zoneOf(pfn)), pindexOf(request.order, freetype));
  }

  private isOnItsList(pfn: number, request: AllocRequest): boolean {
    if (!isPcpOrder(request.order)) return false;
    const { frames } = this.allocator;
    const wanted = frames.nodeAt(pfn, request.order);
    if (frames.info[wanted] !== (INFO_PCP | request.order)) return false;
    const list = this.listFor(pfn, request);
    let node = frames.next[wanted];
    while (node >= frames.listHeads) node = frames.next[node];
    return node === list;
  }

  private isDeeperInItsList(pfn: number, request: AllocRequest): boolean {
    if (!this.isOnItsList(pfn, request)) return false;
    const { frames } = this.allocator;
    return frames.next[this.listFor(pfn, request)] !== frames.nodeAt(pfn, request.order);
  }

  /** R13: unlink the page where it is; the list then is what the kernel has. */
  private unlinkFromPcp(pfn: number, request: AllocRequest): void {
    const { frames, lists, pcp } = this.allocator;
    const node = frames.nodeAt(pfn, request.order);
    const slot = pcp.slotOf(request.cpu, lists.zoneOf(pfn));
    frames.unlink(node);
    pcp.freeCount[slot] >>= 1;
    pcp.count[slot] -= 1 << request.order;
    frames.info[node] = 0;
    frames.markAllocated(node, request.order, useOf(request.migratetype, request.gfp));
  }

  /**
   * R14: the kernel refilled, so its list was empty; what the model still holds there left silently: pages
   * that show up next as freed.
   */
  private dropSilentPages(pfn: number, request: AllocRequest): void {
    if (!isPcpOrder(request.order)) return;
    const { frames, pcp, lists } = this.allocator;
    const wanted = frames.nodeAt(pfn, request.order);
    if ((frames.info[wanted] & INFO_KIND_MASK) === INFO_PCP) return;
    const list = this.listFor(pfn, request);
    const first = frames.next[list];
    if (first === list) return;
    const slot = pcp.slotOf(request.cpu, lists.zoneOf(pfn));
    for (let node = first; node !== list; node = frames.next[list]) {
      frames.unlink(node);
      frames.info[node] = 0;
      pcp.count[slot] -= 1 << request.order;
      this.silent++;
    }
  }

  /** The model's wrong page returns to where it was: the head of the list it came from. */
  private takeBack(pfn: number, request: AllocRequest): void {
    const { frames, lists, pcp } = this.allocator;
    const node = frames.nodeAt(pfn, request.order);
    const zone = lists.zoneOf(pfn);
    frames.clearAllocated(node, request.order);
    lists.cpu = request.cpu;
    if (!isPcpOrder(request.order)) {
      lists.freeBlock(zone, node, request.order, false);
      return;
    }
    const slot = pcp.slotOf(request.cpu, zone);
    const freetype = request.pageClass === UNMAPPED ? 6 : request.migratetype;
    frames.info[node] = INFO_PCP | request.order;
    frames.linkHead(pcp.list(slot, pindexOf(request.order, freetype)), node);
    pcp.count[slot] += 1 << request.order;
  }

  private miss(at: number, chosen: number, pfn: number): void {
    this.missed++;
    const model = chosen < 0 ? 'no page' : `pfn 0x${chosen.toString(16)}`;
    this.firstMiss ??= { at, reason: `model: ${model}; kernel: pfn 0x${pfn.toString(16)}` };
  }

  /** The bulk allocator's pages, in list order (page-allocator §4.7). */
  private bulk(i: number): void {
    const { frames, pcp, lists } = this.allocator;
    const pfn = this.events.pfn[i];
    // Its path for a single page has a mm_page_alloc line of its own.
    if (pfn === this.lastAlloc) return;
    this.silent++;
    const node = frames.nodeAt(pfn, 0);
    if (frames.info[node] === INFO_PCP) {
      frames.unlink(node);
      frames.info[node] = 0;
      pcp.forgetAt(pcp.slotOf(this.events.cpu[i], lists.zoneOf(pfn)), 0);
      return;
    }
    takeExact(this.allocator, pfn, 0, 0, this.events.cpu[i]);
  }

  // Frees.

  private free(i: number): void {
    const { pfn, order, cpu } = this.events;
    const destination = this.destinations[i];
    if (destination === NO_FREE) return;
    this.makeInUse(pfn[i], order[i], cpu[i]);
    if (destination === AT_ONCE) {
      this.allocator.lists.capture = this.silentOperations.captureOf(this.events.pid[i]);
      this.allocator.free(pfn[i], order[i], cpu[i]);
      this.allocator.lists.capture = null;
    } else {
      this.pending.set(pfn[i], order[i]);
    }
  }

  /** A page that is freed was in use: if the model has it on a list, it left there silently (R14). */
  private makeInUse(pfn: number, order: number, cpu: number): void {
    const { frames } = this.allocator;
    const kind = frames.info[frames.nodeAt(pfn, order)] & INFO_KIND_MASK;
    if (kind !== INFO_PCP && kind !== INFO_FREE) return;
    this.silent++;
    takeExact(this.allocator, pfn, order, 0, cpu);
  }

  /** The line that stands inside the pcp lock: the page enters its list now (R8). */
  private enter(pfn: number, cpu: number): void {
    const order = this.pending.get(pfn);
    if (order === undefined) return;
    this.pending.delete(pfn);
    this.allocator.free(pfn, order, cpu);
  }

  /** A free that went straight to the buddy lists (R12). */
  private freePastPcp(i: number): void {
    const { pfn, order, cpu, pid, b } = this.events;
    const pendingOrder = this.pending.get(pfn[i]);
    if (pendingOrder === undefined) return;
    this.pending.delete(pfn[i]);
    const { lists, frames } = this.allocator;
    const node = frames.nodeAt(pfn[i], order[i]);
    frames.clearAllocated(node, order[i]);
    lists.cpu = cpu[i];
    lists.capture = this.silentOperations.captureOf(pid[i]);
    this.allocator.freeToBuddy(lists.zoneOf(pfn[i]), node, order[i], (b[i] & 2) !== 0);
    lists.capture = null;
  }

  /** A run of contiguous order-0 pages enters as aligned chunks (§2.10, R10). */
  private freePrepared(i: number): void {
    let pfn = pfnOfStructPage(this.events.pfn[i], this.vmemmap);
    let left = this.events.a[i];
    while (left > 0) {
      let order = Math.min(Math.floor(Math.log2(left)), 10);
      while (pfn % 2 ** order !== 0) order--;
      for (let page = pfn; page < pfn + 2 ** order; page++) this.pending.delete(page);
      this.allocator.free(pfn, order, this.events.cpu[i]);
      pfn += 2 ** order;
      left -= 2 ** order;
    }
  }

  /**
   * A decay gives pages back in portions and lets go of the pcp lock between them, so that frees and refills
   * of interrupts and other tasks come in between (§4.8). How many pages, the model says at once; when each
   * portion went, the drain events of its task tell.
   */
  private decay(i: number, zone: number): void {
    const { cpu, pid } = this.events;
    const { lists, pcp } = this.allocator;
    this.finishDecay(cpu[i]);
    lists.cpu = cpu[i];
    lists.foldCounter(zone, cpu[i]);
    const rest = pcp.beginDecay(zone, cpu[i]);
    if (rest > 0) this.decays.set(cpu[i], { zone, pid: pid[i], rest, expected: 0 });
  }

  private drainSeen(i: number): void {
    const { cpu, pid } = this.events;
    const decay = this.decays.get(cpu[i]);
    if (decay === undefined || decay.pid !== pid[i]) return;
    if (decay.expected > 0) {
      decay.expected--;
      return;
    }
    decay.expected = this.portion(cpu[i], decay) - 1;
    if (decay.rest <= 0) this.decays.delete(cpu[i]);
  }

  /** One portion of a decay; how many entries left the lists by it. */
  private portion(cpu: number, decay: PendingDecay): number {
    const { pcp, lists } = this.allocator;
    const slot = pcp.slotOf(cpu, decay.zone);
    lists.cpu = cpu;
    const pages = Math.min(decay.rest, pcp.batch[slot]);
    decay.rest -= pcp.batch[slot];
    return pcp.bulkFree(slot, decay.zone, pages, 0);
  }

  private finishDecay(cpu: number): void {
    const decay = this.decays.get(cpu);
    if (decay === undefined) return;
    while (decay.rest > 0) this.portion(cpu, decay);
    this.decays.delete(cpu);
  }

  private drain(zone: number, cpu: number): void {
    this.allocator.lists.cpu = cpu;
    this.allocator.pcp.drain(zone, cpu);
  }

  /** Pcp lists that are equal to a snapshot's, of all that both have. */
  comparePcpLists(recorded: ReadonlyMap<string, ArrayLike<number>>): { lists: number; equal: number } {
    const { pcp, machine } = this.allocator;
    let lists = 0;
    let equal = 0;
    for (let cpu = 0; cpu < machine.cpus; cpu++) {
      machine.zones.forEach(({ index }, zone) => {
        for (let pindex = 0; pindex < NR_PCP_LISTS_FREETYPE; pindex++) {
          const kernel = recorded.get(`${index}/${cpu}/${pindex}`);
          const model = pcp.pfns(pcp.slotOf(cpu, zone), pindex);
          if ((kernel === undefined || kernel.length === 0) && model.length === 0) continue;
          lists++;
          if (kernel?.length === model.length && model.every((pfn, k) => pfn === kernel[k])) equal++;
        }
      });
    }
    return { lists, equal };
  }
}
