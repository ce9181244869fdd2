/**
 * Recorded replay at buddy level: the model's lists, driven by the events that the kernel emitted under the
 * zone lock, and asked at each taking which page it would choose (page-allocator §9.5).
 *
 * Events say *that* a block was taken and of which order and type; the model says *which*. What no event
 * tells is inferred and counted: rotations of lists by compaction (R16).
 */

import { ALLOC_KSWAPD } from '../kernel/alloc-flags.js';
import { FREETYPE_UNMAPPED_UNMOVABLE, MIGRATE_HIGHATOMIC } from '../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, PAGEBLOCK_ORDER, pageblockOf } from '../kernel/orders.js';
import type { Machine } from '../machine/machine.js';
import type { Snapshot } from '../machine/snapshot.js';
import { type CoreObserver, NO_OBSERVER } from '../pagealloc/core.js';
import { NONE } from '../pagealloc/free-lists.js';
import { loadSnapshot } from '../pagealloc/load-state.js';
import { PageAllocator } from '../pagealloc/page-allocator.js';
import { BLOCK_UNMAPPED, INFO_FREE, USE_UNMOVABLE, useOf } from '../pagealloc/page-frames.js';
import { takeExact } from '../pagealloc/take-exact.js';
import type { EventColumns } from '../trace/columns.js';
import { KIND } from '../trace/events.js';
import { SilentOperations } from './silent-operations.js';

export interface Miss {
  /** Index in the events. */
  readonly at: number;
  readonly reason: string;
}

/** What the model did at the last taking, as its observer heard it. */
interface Fallback {
  reason: 'none' | 'claim' | 'steal';
  from: number;
  found: number;
}

export class RecordedReplay {
  readonly allocator: PageAllocator;
  /** Blocks that left the buddy lists, and those where the model chose the same, in the same way. */
  allocations = 0;
  exact = 0;
  rotations = 0;
  /** Frees past the pcp lists that only a rule told, not a probe. */
  bypasses = 0;
  extfragRecorded = 0;
  extfragEqual = 0;
  firstMiss: Miss | null = null;
  private readonly events: EventColumns;
  private readonly gfpBits: (gfp: number) => number;
  private readonly fallback: Fallback = { reason: 'none', from: 0, found: 0 };
  /** CPU and index of the last taking: takings of one lock hold stand together. */
  private lastTake = { at: -2, cpu: -1, order: -1, type: -1 };
  private readonly silent: SilentOperations;
  /** Block that a flip took and has not put back yet, by pid: pfn and order. */
  private readonly flipping = new Map<number, { pfn: number; order: number }>();

  constructor(machine: Machine, snapshot: Snapshot, events: EventColumns, gfpBits: (gfp: number) => number) {
    const observer: CoreObserver = {
      ...NO_OBSERVER,
      fallback: (_pfn, _order, reason, from, _to, found) => {
        this.fallback.reason = reason;
        this.fallback.from = from;
        this.fallback.found = found;
      },
    };
    this.allocator = new PageAllocator(machine, observer, true);
    loadSnapshot(this.allocator, snapshot);
    this.events = events;
    this.gfpBits = gfpBits;
    this.silent = new SilentOperations(this.allocator, events, snapshot.vmemmap, gfpBits);
  }

  /** Goes through all events, or up to one. */
  run(from: number, to: number): void {
    for (let i = from; i < to; i++) this.event(i, this.events.kind[i]);
  }

  private event(i: number, kind: number): void {
    const { events } = this;
    switch (kind) {
      case KIND.zoneLocked:
        this.zoneLocked(i);
        break;
      case KIND.extfrag:
        if (!this.isTailOfClaim(i)) this.extfrag(i);
        break;
      case KIND.pcpuDrain:
        this.free(i, events.pfn[i], events.order[i], false);
        break;
      case KIND.freeOnePage:
        // fpi bit 1 is FPI_TO_TAIL (page-allocator §0.4).
        this.free(i, events.pfn[i], events.order[i], (events.b[i] & 2) !== 0);
        break;
      case KIND.alloc:
        this.notePageUse(i);
        break;
      case KIND.free:
        this.forgetPageUse(i);
        break;
      case KIND.flip:
        this.flip(i);
        break;
      default:
        this.silent.event(i, kind);
    }
  }

  /** R2 and R3: a plain taking, or a claim below a pageblock when an extfrag of the same page follows. */
  private zoneLocked(i: number): void {
    const { events } = this;
    const extfrag = this.extfragAfter(i);
    const pfn = events.pfn[i];
    const order = events.order[i];
    const type = events.migratetype[i];
    if (extfrag >= 0) {
      this.extfragRecorded++;
      this.rotateFor(extfrag, events.a[extfrag], events.b[extfrag], this.claimedHead(extfrag));
      this.take(i, pfn, order, type, 'claim', events.b[extfrag], events.a[extfrag]);
      return;
    }
    this.take(i, pfn, order, type, 'none', 0, 0);
  }

  /** R4 and R5: a whole-block claim, or a steal; or a capture that 7.3 reports (no list operation). */
  private extfrag(i: number): void {
    const { events } = this;
    const pfn = events.pfn[i];
    const found = events.a[i];
    const from = events.b[i];
    const zone = this.allocator.lists.zoneOf(pfn);
    if (this.isCapture(i)) return;
    this.extfragRecorded++;
    this.rotate(zone, found, from, pfn);
    const reason = found >= PAGEBLOCK_ORDER ? 'claim' : 'steal';
    this.take(i, pfn, events.order[i], events.migratetype[i], reason, from, found);
  }

  private take(
    i: number,
    pfn: number,
    order: number,
    type: number,
    reason: Fallback['reason'],
    from: number,
    found: number,
  ): void {
    const { events, allocator } = this;
    const { lists, frames, rmqueue } = allocator;
    const cpu = events.cpu[i];
    const zone = lists.zoneOf(pfn);
    this.allocations++;
    lists.cpu = cpu;
    const continues =
      this.lastTake.cpu === cpu && this.lastTake.order === order && this.lastTake.type === type;
    if (!continues || !this.isSameHold(this.lastTake.at, i)) rmqueue.begin();
    this.lastTake = { at: i, cpu, order, type };
    const isUnmapped = (frames.blockBits[pageblockOf(pfn)] & BLOCK_UNMAPPED) !== 0;
    const freetype = isUnmapped ? FREETYPE_UNMAPPED_UNMOVABLE : type;
    if (reason === 'none') this.rotateForPlain(zone, order, freetype, pfn);
    this.fallback.reason = 'none';
    const node =
      freetype === MIGRATE_HIGHATOMIC
        ? lists.takeSmallest(zone, order, MIGRATE_HIGHATOMIC)
        : rmqueue.take(zone, order, freetype, ALLOC_KSWAPD);
    const chosen = node === NONE ? -1 : frames.pfnOf(node);
    const sameWay =
      this.fallback.reason === reason &&
      (reason === 'none' || (this.fallback.from === from && this.fallback.found === found));
    if (chosen === pfn && sameWay) {
      this.exact++;
      if (reason !== 'none') this.extfragEqual++;
    } else {
      this.miss(i, missReason(chosen, pfn, this.fallback, reason));
      if (chosen !== pfn) this.resync(zone, node, order, pfn);
    }
    if (order >= PAGEBLOCK_ORDER) this.flipping.set(events.pid[i], { pfn, order });
  }

  /** The model took another page: it goes back, and the kernel's page is taken wherever it is. */
  private resync(zone: number, node: number, order: number, pfn: number): void {
    const { lists } = this.allocator;
    if (node !== NONE) lists.freeBlock(zone, node, order, false);
    takeExact(this.allocator, pfn, order, USE_UNMOVABLE, lists.cpu);
    this.allocator.frames.clearAllocated(this.allocator.frames.nodeAt(pfn, order), order);
  }

  private miss(at: number, reason: string): void {
    this.firstMiss ??= { at, reason };
  }

  /** Nothing but events of the same lock hold between two takings of a CPU. */
  private isSameHold(before: number, now: number): boolean {
    const { kind, cpu } = this.events;
    for (let i = before + 1; i < now; i++) {
      if (cpu[i] !== cpu[now]) continue;
      if (!isInsideLock(kind[i])) return false;
    }
    return true;
  }

  /** Index of the extfrag that belongs to this zone_locked: the next event of its CPU, same page (R3). */
  private extfragAfter(i: number): number {
    const { kind, cpu, pfn, length, a } = this.events;
    for (let next = i + 1; next < length; next++) {
      if (cpu[next] !== cpu[i]) continue;
      if (kind[next] === KIND.moveFreepagesBlockPfn || kind[next] === KIND.claimBlock) continue;
      const belongs = kind[next] === KIND.extfrag && pfn[next] === pfn[i] && a[next] < PAGEBLOCK_ORDER;
      return belongs ? next : -1;
    }
    return -1;
  }

  private isTailOfClaim(i: number): boolean {
    const { kind, cpu, pfn, a } = this.events;
    if (a[i] >= PAGEBLOCK_ORDER) return false;
    for (let before = i - 1; before >= 0; before--) {
      if (cpu[before] !== cpu[i]) continue;
      return kind[before] === KIND.zoneLocked && pfn[before] === pfn[i];
    }
    return false;
  }

  /** A page that is on no list, of the wanted order, for a task that compacts: it was captured (R5). */
  private isCapture(i: number): boolean {
    const { pfn, order, a, pid } = this.events;
    if (a[i] !== order[i] || !this.silent.isCompacting(pid[i])) return false;
    const { frames } = this.allocator;
    return frames.info[frames.nodeAt(pfn[i], order[i])] !== (INFO_FREE | order[i]);
  }

  // Rotations (R16 a): compaction moves a part of a list behind its end, without an event.

  private rotateForPlain(zone: number, order: number, freetype: number, pfn: number): void {
    const { lists } = this.allocator;
    for (let o = order; o <= MAX_PAGE_ORDER; o++) {
      if (lists.isEmpty(zone, o, freetype)) continue;
      this.rotate(zone, o, freetype, pfn);
      return;
    }
  }

  /** The head of the raided list gives the block that was claimed: the entry there that lies in this block. */
  private claimedHead(extfrag: number): number {
    const { pfn, a, b } = this.events;
    const { lists, frames } = this.allocator;
    const zone = lists.zoneOf(pfn[extfrag]);
    const block = pageblockOf(pfn[extfrag]);
    const list = lists.list(zone, a[extfrag], b[extfrag]);
    for (let node = frames.next[list]; node !== list; node = frames.next[node]) {
      if (frames.blockOf(node) === block) return frames.pfnOf(node);
    }
    return -1;
  }

  private rotateFor(at: number, order: number, freetype: number, head: number): void {
    if (head >= 0) this.rotate(this.allocator.lists.zoneOf(this.events.pfn[at]), order, freetype, head);
  }

  /** Moves everything in front of the page behind the end of its list, if it is an entry there. */
  private rotate(zone: number, order: number, freetype: number, pfn: number): void {
    const { lists, frames } = this.allocator;
    const list = lists.list(zone, order, freetype);
    const first = frames.next[list];
    if (first === list || pfn % 2 ** order !== 0) return;
    const node = frames.nodeAt(pfn, order);
    if (node === first || frames.info[node] !== (INFO_FREE | order)) return;
    if (lists.freetypeOfBlock(frames.blockOf(node)) !== freetype) return;
    this.rotations++;
    const last = frames.prev[list];
    const beforeNode = frames.prev[node];
    frames.next[last] = first;
    frames.prev[first] = last;
    frames.next[list] = node;
    frames.prev[node] = list;
    frames.next[beforeNode] = list;
    frames.prev[list] = beforeNode;
  }

  // Frees.

  private free(i: number, pfn: number, order: number, toTail: boolean): void {
    const { allocator, events } = this;
    const { lists, frames } = allocator;
    lists.cpu = events.cpu[i];
    lists.capture = this.silent.captureOf(events.pid[i]);
    const node = frames.nodeAt(pfn, order);
    frames.clearAllocated(node, order);
    lists.freeBlock(lists.zoneOf(pfn), node, order, toTail);
    lists.capture = null;
  }

  /** Who holds a page decides the half rule of claims (§3.5): movable requests' pages count as on an LRU. */
  private notePageUse(i: number): void {
    const { pfn, order, migratetype, gfp } = this.events;
    if (pfn[i] < 0) return;
    const { frames } = this.allocator;
    const node = frames.nodeAt(pfn[i], order[i]);
    if ((frames.info[node] & 0xf0) === INFO_FREE) return;
    frames.clearAllocated(node, order[i]);
    frames.markAllocated(node, order[i], useOf(migratetype[i], this.gfpBits(gfp[i])));
  }

  private forgetPageUse(i: number): void {
    const { pfn, order } = this.events;
    if (pfn[i] < 0) return;
    const { frames } = this.allocator;
    const node = frames.nodeAt(pfn[i], order[i]);
    if ((frames.info[node] & 0xf0) !== INFO_FREE) frames.clearAllocated(node, order[i]);
  }

  /** The rest of a flipped block goes to the lists of its new side (freetype-series §4.2 steps 10 to 12). */
  private flip(i: number): void {
    const { events, allocator } = this;
    const { lists, frames } = allocator;
    const pfn = events.pfn[i];
    const blocks = events.a[i];
    if (events.c[i] !== 1) return;
    const toMapped = events.b[i] !== 0;
    const first = pageblockOf(pfn);
    for (let each = first; each < first + blocks; each++) lists.setBlockUnmapped(each, !toMapped);
    const allocOrder = blocks === 2 ? 10 : 9;
    const requestOrder = events.order[i];
    if (requestOrder >= allocOrder) return;
    const freetype = lists.freetypeOfBlock(first);
    const zone = lists.zoneOf(pfn);
    lists.cpu = events.cpu[i];
    lists.expand(zone, frames.nodeAt(pfn, allocOrder), requestOrder, allocOrder, freetype);
    lists.account(zone, 2 ** allocOrder - 2 ** requestOrder, freetype);
  }
}

function isInsideLock(kind: number): boolean {
  return (
    kind === KIND.zoneLocked ||
    kind === KIND.extfrag ||
    kind === KIND.claimBlock ||
    kind === KIND.moveFreepagesBlockPfn
  );
}

function missReason(chosen: number, pfn: number, fallback: Fallback, reason: string): string {
  const way =
    fallback.reason === 'none'
      ? 'own list'
      : `${fallback.reason} from type ${fallback.from} order ${fallback.found}`;
  const model = chosen < 0 ? 'no page' : `pfn 0x${chosen.toString(16)}`;
  return `model: ${model} (${way}); kernel: pfn 0x${pfn.toString(16)} (${reason === 'none' ? 'own list' : reason})`;
}
