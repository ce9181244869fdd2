/** The requests of a capture: what a mm_page_alloc line, or the announcement before it, asks of a core. */

import { PLAIN, UNMAPPED } from '../../kernel/classes.js';
import { gfpMigratetype } from '../../kernel/gfp.js';
import { FREETYPE_UNMAPPED_UNMOVABLE } from '../../kernel/migratetypes.js';
import type { AllocRequest } from '../../pagealloc/core.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { pindexOf } from '../../pagealloc/pcp-lists.js';
import { type EventColumns, isInInterrupt } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';

export class Requests {
  private readonly allocator: PageAllocator;
  private readonly events: EventColumns;
  private readonly gfpBits: (gfp: number) => number;
  private readonly splitTables: ReadonlySet<number>;
  private readonly moved: ReadonlyMap<number, number>;
  /** Announced in freetype captures, by pid (captures FREETYPE.md). */
  private readonly announced = new Map<number, AllocRequest>();

  constructor(
    allocator: PageAllocator,
    events: EventColumns,
    gfpBits: (gfp: number) => number,
    splitTables: ReadonlySet<number>,
    moved: ReadonlyMap<number, number>,
  ) {
    this.allocator = allocator;
    this.events = events;
    this.gfpBits = gfpBits;
    this.splitTables = splitTables;
    this.moved = moved;
  }

  /** A page table that a split of the direct map took: no request of its own where the core splits, too. */
  isNested(i: number): boolean {
    return this.splitTables.has(this.events.line[i]);
  }

  /** The task took its page on another CPU than its line tells (R19). */
  hasMoved(i: number): boolean {
    return this.moved.has(i);
  }

  announce(i: number): void {
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

  /** The request of the line at `i`; an announced one is given out once. */
  of(i: number): AllocRequest {
    const { events } = this;
    const announced = this.announced.get(events.pid[i]);
    if (announced !== undefined && announced.order === events.order[i] && !isInInterrupt(events.context[i])) {
      this.announced.delete(events.pid[i]);
      return announced;
    }
    return this.peek(i);
  }

  /** The announced request of a task that no line has used; undefined when there is none. Given out once. */
  unused(i: number): AllocRequest | undefined {
    const { pid } = this.events;
    const announced = this.announced.get(pid[i]);
    this.announced.delete(pid[i]);
    return announced;
  }

  /** The request as the line itself tells it. */
  peek(i: number): AllocRequest {
    const { events } = this;
    if (events.kind[i] === KIND.bulkPage) return this.ofBulkPage(i);
    return {
      order: events.order[i],
      migratetype: events.migratetype[i],
      gfp: this.gfpBits(events.gfp[i]),
      pageClass: PLAIN,
      cpu: this.moved.get(i) ?? events.cpu[i],
      inInterrupt: isInInterrupt(events.context[i]),
      isMarked: false,
    };
  }

  /** A page of the bulk allocator as a request of its own: order 0, of the bulk request's gfp (§4.7). */
  ofBulkPage(i: number): AllocRequest {
    const gfp = this.gfpBits(this.events.gfp[i]);
    return {
      order: 0,
      migratetype: gfpMigratetype(gfp),
      gfp,
      pageClass: PLAIN,
      cpu: this.events.cpu[i],
      inInterrupt: false,
      isMarked: false,
    };
  }

  /** The pcp list that serves the request, in the zone of the kernel's page. */
  listFor(pfn: number, request: AllocRequest): number {
    const { lists, pcp } = this.allocator;
    const freetype = request.pageClass === UNMAPPED ? FREETYPE_UNMAPPED_UNMOVABLE : request.migratetype;
    return pcp.list(pcp.slotOf(request.cpu, lists.zoneOf(pfn)), pindexOf(request.order, freetype));
  }

  /** The bulk page's mm_page_alloc stands right before it: the bulk allocator took its path for a single page. */
  wasJustTold(i: number): boolean {
    const { kind, pfn, pid } = this.events;
    for (let before = i - 1; before >= 0; before--) {
      if (pid[before] !== pid[i] || kind[before] === KIND.bulkPage) continue;
      return kind[before] === KIND.alloc && pfn[before] === pfn[i];
    }
    return false;
  }
}
