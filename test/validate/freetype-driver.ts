/**
 * The freetype core under a capture's requests alone: no event of the buddy lists, nothing put right. Good for
 * captures of one CPU without reclaim, where lines stand in the order of the operations; enough to see
 * whether the core flips when, where and as the kernel did.
 */

import { FreetypeCore } from '../../src/cores/freetype.js';
import { DirectMap } from '../../src/directmap/direct-map.js';
import { PLAIN } from '../../src/kernel/classes.js';
import { GFP_COMP_BIT, GFP_KERNEL, GFP_ZERO_BIT } from '../../src/kernel/gfp.js';
import { type AllocRequest, type CoreObserver, NO_OBSERVER } from '../../src/pagealloc/core.js';
import { KIND } from '../../src/trace/events.js';
import { pfnOfStructPage } from '../../src/trace/struct-page.js';
import { FlipComparison } from '../../src/validate/flips.js';
import type { ReadCapture } from './captures.js';

const TABLE_GFP = GFP_KERNEL | GFP_ZERO_BIT | GFP_COMP_BIT;

export class FreetypeDriver {
  readonly flips: FlipComparison;
  /** Pages of the kernel, and those of them that the core chose, too. */
  pages = 0;
  pagesEqual = 0;
  firstMiss: number | null = null;
  private readonly core: FreetypeCore;
  private readonly read: ReadCapture;
  /** Frees whose page enters its list at a later line. */
  private readonly entersLater = new Set<number>();
  /** Answers of the core to announced requests, by pid. */
  private readonly announced = new Map<number, { readonly order: number; readonly pfn: number }>();
  private readonly orders = new Map<number, number>();
  /** Page tables that the core gave to its own splits; the kernel's lines follow. */
  private readonly tables: number[] = [];

  constructor(read: ReadCapture) {
    this.read = read;
    this.flips = new FlipComparison(read.events);
    const observer: CoreObserver = { ...NO_OBSERVER, flip: this.flips.flip };
    const { machine, before: snapshot } = read;
    const directMap = new DirectMap(machine, snapshot);
    const parts = { machine, directMap, snapshot, live: null, observer, kswapdIsRecorded: true };
    this.core = new FreetypeCore(parts, { series: 'v4' });
    // Where direct reclaim drains the pcp lists, the recording says.
    this.core.allocator.drainsAreRecorded = true;
    directMap.pageTableSource = () => {
      const { cpu } = this.core.allocator.lists;
      const table = { order: 0, migratetype: 0, gfp: TABLE_GFP, pageClass: PLAIN, cpu };
      this.tables.push(this.core.alloc({ ...table, inInterrupt: false, isMarked: false }));
      return this.tables[this.tables.length - 1] >= 0;
    };
    this.findLateFrees();
  }

  run(): void {
    const { events } = this.read;
    for (let i = 0; i < events.length; i++) {
      this.flips.at = i;
      this.event(i);
    }
  }

  private event(i: number): void {
    const { kind, pfn, order, cpu, pid, a, b } = this.read.events;
    const { allocator } = this.core;
    switch (kind[i]) {
      case KIND.requestAlloc:
        // Served at once: page tables that its flip takes have their lines before its own.
        this.announced.set(pid[i], { order: order[i], pfn: this.serve(this.requestAt(i, b[i])) });
        break;
      case KIND.alloc:
        this.alloc(i);
        break;
      case KIND.free:
        this.orders.set(pfn[i], order[i]);
        if (!this.entersLater.has(i)) this.free(pfn[i], cpu[i]);
        break;
      case KIND.freeBatched:
      case KIND.freeOnePage:
        this.free(pfn[i], cpu[i]);
        break;
      case KIND.pcpPut:
        this.free(pfnOfStructPage(pfn[i], this.read.before.vmemmap), cpu[i]);
        break;
      case KIND.decayPcpHigh:
        allocator.decay(this.zoneAt(a[i]), cpu[i]);
        break;
      case KIND.kswapdWake:
        allocator.kswapdBegins();
        allocator.kswapdEnds();
        break;
      case KIND.drainPagesZone:
        allocator.lists.cpu = b[i];
        allocator.pcp.drain(this.zoneAt(a[i]), b[i]);
        break;
      case KIND.requestDrainAll:
        allocator.drainAll();
        break;
      case KIND.requestDrainLocal:
        allocator.drainCpu(cpu[i]);
        break;
    }
  }

  private alloc(i: number): void {
    const { pid, pfn, order, gfp } = this.read.events;
    const bits = this.read.gfpBits(gfp[i]);
    const announced = this.announced.get(pid[i]);
    let chosen: number;
    if (bits === TABLE_GFP && order[i] === 0 && this.tables.length > 0) {
      chosen = this.tables.shift()!;
    } else if (announced?.order === order[i]) {
      this.announced.delete(pid[i]);
      chosen = announced.pfn;
    } else {
      chosen = this.serve(this.requestAt(i, bits));
    }
    if (pfn[i] < 0) return;
    this.pages++;
    if (chosen === pfn[i]) this.pagesEqual++;
    else this.firstMiss ??= i;
  }

  private serve(request: AllocRequest): number {
    const pfn = this.core.alloc(request);
    if (pfn < 0) this.flips.failed();
    return pfn;
  }

  private zoneAt(address: number): number {
    const { zone } = this.read.before.zones.find((each) => each.address === address)!;
    return this.read.machine.zones.findIndex(({ index }) => index === zone);
  }

  private free(pfn: number, cpu: number): void {
    const order = this.orders.get(pfn);
    if (order === undefined) return;
    this.orders.delete(pfn);
    this.core.allocator.free(pfn, order, cpu);
  }

  private requestAt(i: number, gfp: number): AllocRequest {
    const { order, migratetype, pageClass, cpu, context } = this.read.events;
    return {
      order: order[i],
      migratetype: migratetype[i],
      gfp,
      pageClass: pageClass[i],
      cpu: cpu[i],
      inInterrupt: (context[i] & 7) !== 0,
      isMarked: false,
    };
  }

  private findLateFrees(): void {
    const { kind, pfn, length } = this.read.events;
    const last = new Map<number, number>();
    for (let i = 0; i < length; i++) {
      if (kind[i] === KIND.free) last.set(pfn[i], i);
      else if (kind[i] === KIND.freeBatched || kind[i] === KIND.freeOnePage) {
        const free = last.get(pfn[i]);
        if (free !== undefined) this.entersLater.add(free);
      }
    }
  }
}
