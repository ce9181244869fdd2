/**
 * Recorded replay at buddy level: the model's lists, driven by the events that the kernel emitted under the
 * zone lock, and asked at each taking which page it would choose (page-allocator §9.5).
 *
 * Events say *that* a block was taken and of which order and type; the model says *which*. What no event
 * tells is inferred and counted: frees past the pcp lists (R12), rotations of lists by compaction (R16).
 *
 * Whatever the events say, the replay comes to its end: damaged and missing lines cost misses, and the lists
 * keep their invariants (corrections.ts).
 */

import { FREETYPE_UNMAPPED_UNMOVABLE, MIGRATE_PCPTYPES, MIGRATE_UNMOVABLE } from '../kernel/migratetypes.js';
import { PAGEBLOCK_ORDER, pageblockOf } from '../kernel/orders.js';
import type { Machine } from '../machine/machine.js';
import type { Snapshot } from '../machine/snapshot.js';
import { loadSnapshot } from '../pagealloc/load-state.js';
import { PageAllocator } from '../pagealloc/page-allocator.js';
import { USE_KERNEL, useOf } from '../pagealloc/page-frames.js';
import type { EventColumns } from '../trace/columns.js';
import { KIND } from '../trace/events.js';
import { BYPASS, BYPASS_TO_TAIL, type Bypasses, END_OF_RUN, NO_FREE } from './recorded/bypass.js';
import { findBypasses } from './recorded/bypasses.js';
import { CompactionScans } from './recorded/compaction-scans.js';
import { Corrections } from './recorded/corrections.js';
import { CpuOrder, NO_NEIGHBOUR } from './recorded/cpu-order.js';
import { forgetPcpLists } from './recorded/forget-pcp.js';
import { HalfRule } from './recorded/half-rule.js';
import { LateFrees } from './recorded/late-frees.js';
import { Rotations } from './recorded/rotations.js';
import { LastFallback, type Miss, Takings } from './recorded/takings.js';
import { SilentOperations } from './silent-operations.js';

export type { Miss } from './recorded/takings.js';

export class RecordedReplay {
  readonly allocator: PageAllocator;
  /** Frees past the pcp lists that only a rule told, not a probe. */
  bypasses = 0;
  /** Frees that got the zone lock after a taking by another CPU whose line stands behind theirs. */
  overtaken = 0;
  /** Lines that cannot be what happened on this machine. */
  damaged = 0;
  readonly corrections: Corrections;
  private readonly events: EventColumns;
  private readonly gfpBits: (gfp: number) => number;
  private readonly known: Bypasses;
  private readonly rotated: Rotations;
  private readonly silent: SilentOperations;
  private readonly takings: Takings;
  readonly scans: CompactionScans;
  readonly halfRule: HalfRule;
  private readonly lateFrees: LateFrees;
  /** Frees that wait for a taking by another CPU, by its index. */
  private readonly waiting = new Map<
    number,
    { readonly at: number; readonly pfn: number; readonly order: number; readonly toTail: boolean }[]
  >();
  /** The kernel flips blocks, and no probe tells of it. */
  private readonly infersFlips: boolean;
  /** Whole blocks of which nothing tells yet what became of them, by pfn: who took them. */
  private readonly wholeBlocks = new Map<number, { readonly pid: number; readonly order: number }>();

  constructor(machine: Machine, snapshot: Snapshot, events: EventColumns, gfpBits: (gfp: number) => number) {
    const fallback = new LastFallback();
    const allocator = new PageAllocator(machine, fallback.observer(), true);
    loadSnapshot(allocator, snapshot);
    // For the buddy lists a page on a pcp list is in use (§1.3 I3), and it is back when a drain says so.
    forgetPcpLists(allocator);
    this.allocator = allocator;
    this.events = events;
    this.gfpBits = gfpBits;
    this.corrections = new Corrections(allocator);
    this.rotated = new Rotations(allocator);
    const { corrections, rotated: rotations } = this;
    this.silent = new SilentOperations(allocator, events, snapshot.vmemmap, gfpBits, corrections);
    const cpuOrder = new CpuOrder(events);
    const { silent } = this;
    this.takings = new Takings(events, { allocator, fallback, corrections, rotations, silent, cpuOrder });
    this.lateFrees = new LateFrees(allocator, events, cpuOrder);
    this.halfRule = new HalfRule(allocator, corrections, events, snapshot.vmemmap, cpuOrder);
    this.scans = new CompactionScans(allocator, events, snapshot.vmemmap, rotations, this.silent);
    this.known = findBypasses(events, {
      endPfn: machine.endPfn,
      vmemmap: snapshot.vmemmap,
      zoneOf: (pfn) => allocator.lists.zoneOf(pfn),
      gfpBits,
      freesInChunks: machine.rules.freesInChunks,
    });
    this.infersFlips = snapshot.freetypes && !events.kind.subarray(0, events.length).includes(KIND.flip);
  }

  /** Blocks that left the buddy lists, and those where the model chose the same, in the same way. */
  get allocations(): number {
    return this.takings.allocations;
  }

  get exact(): number {
    return this.takings.exact;
  }

  get extfragRecorded(): number {
    return this.takings.extfragRecorded;
  }

  get extfragEqual(): number {
    return this.takings.extfragEqual;
  }

  get firstMiss(): Miss | null {
    return this.takings.firstMiss;
  }

  /** Rotations that were read off the next page taken (R16 a). */
  get rotations(): number {
    return this.rotated.inferred;
  }

  /** Rotations that events told or searches of compaction explain (R16 b). */
  get predictedRotations(): number {
    return this.rotated.predicted;
  }

  /** Watermark tests of isolations, and those that the model predicts (§2.11). */
  get isolations(): { readonly recorded: number; readonly equal: number } {
    return this.silent.isolations;
  }

  /** Goes through the events from one to another. */
  run(from: number, to: number): void {
    for (let i = from; i < to; i++) this.event(i, this.events.kind[i]);
  }

  private event(i: number, kind: number): void {
    const { events } = this;
    switch (kind) {
      case KIND.zoneLocked:
        this.takings.zoneLocked(i);
        if (this.waiting.size > 0) this.enterWaiting(i);
        this.noteWholeBlock(i);
        break;
      case KIND.extfrag:
        this.takings.extfrag(i);
        this.noteWholeBlock(i);
        break;
      case KIND.pcpuDrain:
        this.enter(i, events.pfn[i], events.order[i], false, events.migratetype[i]);
        break;
      case KIND.freeOnePage:
        // fpi bit 1 is FPI_TO_TAIL (page-allocator §0.4).
        this.bypass(i, events.pfn[i], events.order[i], (events.b[i] & 2) !== 0);
        break;
      case KIND.alloc:
        this.handOut(i);
        break;
      case KIND.free:
        this.freed(i);
        break;
      case KIND.flip:
        if (events.c[i] === 1)
          this.flip(i, events.pfn[i], events.a[i] === 2 ? 10 : 9, events.order[i], events.b[i] !== 0);
        break;
      case KIND.claimBlock:
        this.halfRule.claimBlock(i);
        break;
      default:
        this.allocator.lists.cpu = this.corrections.cpuOf(this.events.cpu[i]);
        this.scans.event(i, kind);
        this.silent.event(i, kind);
    }
  }

  /** A free past the pcp lists; its line stands before it has the zone lock. */
  private bypass(i: number, pfn: number, order: number, toTail: boolean): void {
    const taking = this.corrections.isBlock(pfn, order)
      ? this.lateFrees.overtakenBy(i, pfn, order)
      : NO_NEIGHBOUR;
    if (taking === NO_NEIGHBOUR) {
      this.enter(i, pfn, order, toTail, -1);
      return;
    }
    this.overtaken++;
    const waiting = this.waiting.get(taking);
    const free = { at: i, pfn, order, toTail };
    if (waiting === undefined) this.waiting.set(taking, [free]);
    else waiting.push(free);
  }

  private enterWaiting(taking: number): void {
    for (const { at, pfn, order, toTail } of this.waiting.get(taking) ?? [])
      this.enter(at, pfn, order, toTail, -1);
    this.waiting.delete(taking);
  }

  /** Pages enter the buddy lists. `type` is that of their block as the event has it, or negative. */
  private enter(i: number, pfn: number, order: number, toTail: boolean, type: number): void {
    const { allocator, events, corrections } = this;
    const { lists, frames } = allocator;
    if (!corrections.isBlock(pfn, order)) {
      this.damaged++;
      return;
    }
    lists.cpu = this.corrections.cpuOf(this.events.cpu[i]);
    corrections.vacate(pfn, order);
    // R1: the block was retyped silently.
    if (type >= 0) corrections.retype(pageblockOf(pfn), type);
    const node = frames.nodeAt(pfn, order);
    frames.clearAllocated(node, order);
    lists.capture = this.silent.captureOf(events.pid[i]);
    lists.freeBlock(lists.zoneOf(pfn), node, order, toTail);
    lists.capture = null;
  }

  /** Who holds a page decides the half rule of claims (§3.5): movable requests' pages count as on an LRU. */
  private handOut(i: number): void {
    const { pfn, order, migratetype, gfp } = this.events;
    const { frames, lists } = this.allocator;
    if (pfn[i] < 0) return;
    if (!this.corrections.isBlock(pfn[i], order[i])) {
      this.damaged++;
      return;
    }
    if (this.infersFlips) this.inferFlip(i);
    lists.cpu = this.corrections.cpuOf(this.events.cpu[i]);
    this.corrections.vacate(pfn[i], order[i]);
    const node = frames.nodeAt(pfn[i], order[i]);
    frames.clearAllocated(node, order[i]);
    const type = migratetype[i];
    const isType = type >= 0 && type < MIGRATE_PCPTYPES;
    frames.markAllocated(node, order[i], isType ? useOf(type, this.gfpBits(gfp[i])) : USE_KERNEL);
  }

  /** A mm_page_free: the pages were in use up to here; where they go, bypasses.ts knows. */
  private freed(i: number): void {
    const { pfn, order } = this.events;
    if (pfn[i] < 0) return;
    if (!this.corrections.isBlock(pfn[i], order[i])) {
      this.damaged++;
      return;
    }
    const { frames, lists } = this.allocator;
    lists.cpu = this.corrections.cpuOf(this.events.cpu[i]);
    this.corrections.vacate(pfn[i], order[i]);
    const what = this.known.at[i];
    if (what === NO_FREE || this.scans.keeps(i)) return;
    frames.clearAllocated(frames.nodeAt(pfn[i], order[i]), order[i]);
    if (what === BYPASS || what === BYPASS_TO_TAIL) {
      this.bypasses++;
      this.bypass(i, pfn[i], order[i], what === BYPASS_TO_TAIL);
    } else if (what === END_OF_RUN) {
      for (const chunk of this.known.chunks.get(i) ?? []) {
        this.bypasses++;
        this.bypass(i, chunk.pfn, chunk.order, false);
      }
    }
  }

  private noteWholeBlock(i: number): void {
    const { pid, pfn, order } = this.events;
    if (this.infersFlips && order[i] >= PAGEBLOCK_ORDER)
      this.wholeBlocks.set(pfn[i], { pid: pid[i], order: order[i] });
  }

  /**
   * Without the probe: a request that gets the first page of a block that its task took whole has flipped the
   * block, if it is smaller, or if it wants the other side than the block's (freetype-series §4.2).
   */
  private inferFlip(i: number): void {
    const { pfn, order, pid } = this.events;
    const whole = this.wholeBlocks.get(pfn[i]);
    this.wholeBlocks.delete(pfn[i]);
    if (whole === undefined || whole.pid !== pid[i] || whole.order < order[i]) return;
    const freetype = this.allocator.lists.freetypeOfBlock(pageblockOf(pfn[i]));
    const isUnmapped = freetype === FREETYPE_UNMAPPED_UNMOVABLE;
    const wanted = this.silent.announcedType(pid[i]);
    const wantsUnmapped =
      wanted === null ? isUnmapped !== whole.order > order[i] : wanted === FREETYPE_UNMAPPED_UNMOVABLE;
    if (wantsUnmapped !== isUnmapped) this.flip(i, pfn[i], whole.order, order[i], isUnmapped);
  }

  /** The rest of a flipped block goes to the lists of its new side (freetype-series §4.2 steps 10 to 12). */
  private flip(i: number, pfn: number, order: number, requestOrder: number, toMapped: boolean): void {
    const { allocator, corrections } = this;
    const { lists, frames } = allocator;
    if (!corrections.isBlock(pfn, order) || requestOrder < 0) {
      this.damaged++;
      return;
    }
    lists.cpu = this.corrections.cpuOf(this.events.cpu[i]);
    corrections.vacate(pfn, order);
    frames.clearAllocated(frames.nodeAt(pfn, order), order);
    const first = pageblockOf(pfn);
    for (let each = first; each < first + 2 ** (order - PAGEBLOCK_ORDER); each++) {
      // Only unmovable blocks flip; another type would have no list (freetype-series §2.2).
      lists.setBlockType(each, MIGRATE_UNMOVABLE);
      lists.setBlockUnmapped(each, !toMapped);
    }
    if (requestOrder >= order) return;
    const freetype = lists.freetypeOfBlock(first);
    const zone = lists.zoneOf(pfn);
    lists.expand(zone, frames.nodeAt(pfn, order), requestOrder, order, freetype);
    lists.account(zone, 2 ** order - 2 ** requestOrder, freetype);
  }
}
