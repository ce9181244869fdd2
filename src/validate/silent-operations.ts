/**
 * Operations on lists that the six page events do not tell, as far as compaction events and the capture
 * kit's probes show them: isolation by compaction, captures, highatomic reserves (page-allocator §9.3).
 * Both levels of validation apply them the same way.
 */

import { ALLOC_CMA, ALLOC_WMARK_MIN } from '../kernel/alloc-flags.js';
import { UNMAPPED } from '../kernel/classes.js';
import { gfpMigratetype } from '../kernel/gfp.js';
import {
  FREETYPE_UNMAPPED_UNMOVABLE,
  MIGRATE_ISOLATE,
  MIGRATE_MOVABLE,
  MIGRATE_PCPTYPES,
} from '../kernel/migratetypes.js';
import { PAGEBLOCK_ORDER, PAGEBLOCK_PAGES, pageblockOf } from '../kernel/orders.js';
import { type CompactionCapture, NONE } from '../pagealloc/free-lists.js';
import type { PageAllocator } from '../pagealloc/page-allocator.js';
import { INFO_FREE, USE_LRU } from '../pagealloc/page-frames.js';
import type { EventColumns } from '../trace/columns.js';
import { KIND } from '../trace/events.js';
import { pfnOfStructPage } from '../trace/struct-page.js';
import { Corrections } from './recorded/corrections.js';

/** What a task in direct compaction waits for. */
interface CompactingTask {
  readonly order: number;
  readonly freetype: number;
  capture: CompactionCapture | null;
}

export class SilentOperations {
  /** Blocks that compaction tried to isolate, and those where the model's watermark says the same (§2.11). */
  readonly isolations = { recorded: 0, equal: 0 };
  private readonly allocator: PageAllocator;
  private readonly events: EventColumns;
  private readonly vmemmap: number;
  private readonly gfpBits: (gfp: number) => number;
  private readonly hasIsolateReturns: boolean;
  private readonly compacting = new Map<number, CompactingTask>();
  /** Announced requests of freetype captures, by pid: what a capture is for, whatever compaction was raised to. */
  private readonly announced = new Map<number, { order: number; freetype: number }>();
  /** Migratetype of the request that a task reclaims for, by pid. */
  private readonly reclaimType = new Map<number, number>();
  private readonly isolating = new Map<number, { pfn: number; order: number }>();
  private readonly corrections: Corrections;

  constructor(
    allocator: PageAllocator,
    events: EventColumns,
    vmemmap: number,
    gfpBits: (gfp: number) => number,
    corrections: Corrections = new Corrections(allocator),
  ) {
    this.allocator = allocator;
    this.corrections = corrections;
    this.events = events;
    this.vmemmap = vmemmap;
    this.gfpBits = gfpBits;
    this.hasIsolateReturns = events.kind.subarray(0, events.length).includes(KIND.isolateFreePageRet);
  }

  /** Applies the event if it tells of such an operation. */
  event(i: number, kind: number): void {
    const { pid } = this.events;
    switch (kind) {
      case KIND.moveFreepagesBlock:
        this.moveBlock(pfnOfStructPage(this.events.pfn[i], this.vmemmap), this.events.migratetype[i]);
        break;
      case KIND.isolateFreePage:
        this.isolateFreePage(i);
        break;
      case KIND.isolateFreePageRet:
        this.isolateReturned(i);
        break;
      case KIND.putbackIsolatedPage:
        this.putBack(i);
        break;
      case KIND.requestAlloc:
        this.announced.set(pid[i], {
          order: this.events.order[i],
          freetype:
            this.events.pageClass[i] === UNMAPPED ? FREETYPE_UNMAPPED_UNMOVABLE : this.events.migratetype[i],
        });
        break;
      case KIND.resultPage:
      case KIND.resultNone:
        this.announced.delete(pid[i]);
        break;
      case KIND.directReclaimBegin:
        this.reclaimType.set(pid[i], gfpMigratetype(this.gfpBits(this.events.gfp[i])));
        break;
      case KIND.compactionTryToCompact:
        this.compacting.set(pid[i], { ...this.wantedBy(i), capture: null });
        break;
      case KIND.compactionBegin:
        this.beginCompaction(i);
        break;
      case KIND.compactionEnd:
        this.endCompaction(i);
        break;
      case KIND.reserveHighatomic:
        this.reserveHighatomic(i);
        break;
      case KIND.unreserveHighatomic:
        this.unreserveHighatomic(i);
        break;
    }
  }

  /** The task has entered direct compaction since its last capture. */
  isCompacting(pid: number): boolean {
    return this.compacting.has(pid);
  }

  /** Freetype of the request that a task has announced; null where it has none. */
  announcedType(pid: number): number | null {
    return this.announced.get(pid)?.freetype ?? null;
  }

  /** Migratetype that a task in direct compaction wants; null for a task that does none. */
  wantedType(pid: number): number | null {
    return this.compacting.get(pid)?.freetype ?? null;
  }

  /** What frees of this task may complete for itself; also those of interrupts on top of it (§2.6). */
  captureOf(pid: number): CompactionCapture | null {
    return this.compacting.get(pid)?.capture ?? null;
  }

  private moveBlock(pfn: number, to: number): void {
    if (!this.corrections.isBlock(pfn, 0)) return;
    const block = pageblockOf(pfn);
    // Isolation of half a block and more has moved it already.
    if (this.allocator.lists.freetypeOfBlock(block) !== to) this.corrections.move(block, to);
  }

  private isolateFreePage(i: number): void {
    const pfn = pfnOfStructPage(this.events.pfn[i], this.vmemmap);
    const order = this.events.order[i];
    // Older captures lack the return probe: then nothing was refused (captures README, end).
    if (this.hasIsolateReturns) this.isolating.set(this.events.cpu[i], { pfn, order });
    else {
      this.countIsolation(pfn, order, true);
      this.isolate(pfn, order);
    }
  }

  private isolateReturned(i: number): void {
    const tried = this.isolating.get(this.events.cpu[i]);
    this.isolating.delete(this.events.cpu[i]);
    if (tried === undefined) return;
    this.allocator.lists.cpu = this.corrections.cpuOf(this.events.cpu[i]);
    const isGranted = this.events.a[i] !== 0;
    this.countIsolation(tried.pfn, tried.order, isGranted);
    if (isGranted) this.isolate(tried.pfn, tried.order);
  }

  private countIsolation(pfn: number, order: number, isGranted: boolean): void {
    if (!this.corrections.isBlock(pfn, order)) return;
    this.isolations.recorded++;
    if (this.mayIsolate(pfn, order) === isGranted) this.isolations.equal++;
  }

  /**
   * The watermark test of __isolate_free_page(): above the bare MIN mark by the block (§2.11). All parts of
   * the counter are read as one: idle CPUs fold theirs at moments that no event tells (§1.7, §4.8), and with
   * the sum all 24,000 tests of the captures come out as recorded, two refusals by a single page among them.
   */
  private mayIsolate(pfn: number, order: number): boolean {
    const { lists, watermarks, machine } = this.allocator;
    const zone = lists.zoneOf(pfn);
    if (lists.freetypeOfBlock(pageblockOf(pfn)) === MIGRATE_ISOLATE) return true;
    for (let cpu = 0; cpu < machine.cpus; cpu++) lists.foldCounter(zone, cpu);
    const mark = watermarks.mark(zone, ALLOC_WMARK_MIN) - watermarks.boost[zone] + 2 ** order;
    return watermarks.isOk(zone, 0, mark, 0, ALLOC_CMA);
  }

  /** __isolate_free_page() (§2.11): removes the page; from order 8 on its blocks become movable. */
  isolate(pfn: number, order: number): void {
    const { lists, frames } = this.allocator;
    if (!this.corrections.isBlock(pfn, order)) return;
    const zone = lists.zoneOf(pfn);
    const block = pageblockOf(pfn);
    const node = frames.nodeAt(pfn, order);
    if (frames.info[node] === (INFO_FREE | order)) {
      const freetype = lists.freetypeOfBlock(block);
      lists.del(zone, order, freetype, node);
      lists.account(zone, -(2 ** order), freetype);
    } else {
      this.corrections.vacate(pfn, order);
    }
    // What compaction moves into it is on an LRU; what it does not need comes back with a mm_page_free (§7.4).
    frames.clearAllocated(node, order);
    frames.markAllocated(node, order, USE_LRU);
    if (order < PAGEBLOCK_ORDER - 1) return;
    const end = Math.ceil((pfn + 2 ** order) / PAGEBLOCK_PAGES);
    for (let each = block; each < end; each++) {
      const type = lists.freetypeOfBlock(each);
      if (type >= 0 && type < MIGRATE_PCPTYPES) this.corrections.move(each, MIGRATE_MOVABLE);
    }
  }

  private putBack(i: number): void {
    const { lists, frames } = this.allocator;
    const pfn = pfnOfStructPage(this.events.pfn[i], this.vmemmap);
    const order = this.events.order[i];
    if (!this.corrections.isBlock(pfn, order)) return;
    lists.cpu = this.corrections.cpuOf(this.events.cpu[i]);
    this.corrections.vacate(pfn, order);
    const node = frames.nodeAt(pfn, order);
    frames.clearAllocated(node, order);
    lists.freeBlock(lists.zoneOf(pfn), node, order, true);
  }

  /** What the compacting task wants: its announced request, else what the event says. */
  private wantedBy(i: number): { order: number; freetype: number } {
    const { order, gfp, pid } = this.events;
    return this.announced.get(pid[i]) ?? { order: order[i], freetype: gfpMigratetype(this.gfpBits(gfp[i])) };
  }

  private beginCompaction(i: number): void {
    const task = this.compacting.get(this.events.pid[i]);
    if (task === undefined) return;
    const zone = this.allocator.lists.zoneOf(this.events.a[i]);
    if (task.capture !== null && task.capture.node !== NONE) return;
    task.capture = { zone, order: task.order, freetype: task.freetype, node: NONE };
  }

  private endCompaction(i: number): void {
    const task = this.compacting.get(this.events.pid[i]);
    if (task !== undefined) task.capture = null;
  }

  private reserveHighatomic(i: number): void {
    const { lists, frames, highatomic } = this.allocator;
    const pfn = pfnOfStructPage(this.events.pfn[i], this.vmemmap);
    const order = this.events.order[i];
    if (!this.corrections.isBlock(pfn, order)) return;
    lists.cpu = this.corrections.cpuOf(this.events.cpu[i]);
    this.corrections.vacate(pfn, order);
    highatomic.reserve(lists.zoneOf(pfn), frames.nodeAt(pfn, order), order);
  }

  /** For whom, the event does not say: the task's announced request, or that of its reclaim. */
  private unreserveHighatomic(i: number): void {
    const { pid, a } = this.events;
    const freetype = this.announced.get(pid[i])?.freetype ?? this.reclaimType.get(pid[i]) ?? MIGRATE_MOVABLE;
    for (let zone = this.allocator.machine.zones.length - 1; zone >= 0; zone--) {
      if (this.allocator.highatomic.unreserve(zone, freetype, a[i] !== 0)) return;
    }
  }
}
