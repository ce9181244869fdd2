/**
 * Core `baseline`: the page allocator of the kernel as it is, with marked pages treated one by one.
 *
 * The allocator is page-allocator §1 to §6. A page that must be absent from the direct map is taken from
 * the ordinary lists, removed from the direct map, and flushed on every CPU, as memfd_secret does today;
 * its free puts it back without a flush (direct-map-and-rivals §4.1, §12.1).
 */

import { PLAIN } from '../kernel/classes.js';
import { AllocatorView } from '../pagealloc/allocator-view.js';
import { checkLists } from '../pagealloc/check-lists.js';
import {
  type AllocRequest,
  type Core,
  type CoreInfo,
  type CoreMeasures,
  type CoreParts,
  FAILED_PAGE_TABLE,
  type FreeContext,
} from '../pagealloc/core.js';
import { loadBoot, loadSnapshot } from '../pagealloc/load-state.js';
import { PageAllocator } from '../pagealloc/page-allocator.js';
import { useOf } from '../pagealloc/page-frames.js';
import { PerPageTreatment } from '../pagealloc/per-page.js';
import { takeExact } from '../pagealloc/take-exact.js';

export const BASELINE_INFO: CoreInfo = {
  name: 'baseline',
  summary: 'the kernel as it is; marked pages one by one, as memfd_secret does',
  source: 'page-allocator §1-6, direct-map-and-rivals §4.1',
  classes: ['unmapped', 'readonly', 'pkey'],
  parameters: {
    flush: {
      type: 'word',
      default: 'page',
      values: ['page', 'batch:N', 'never'],
      meaning: 'when a page leaves the TLBs: with each request, once for N pages, or not at all',
    },
  },
};

export interface BaselineParameters {
  readonly flush: string;
}

export class BaselineCore implements Core {
  readonly allocator: PageAllocator;
  private readonly perPage: PerPageTreatment;
  private readonly view: AllocatorView;

  constructor(parts: CoreParts, parameters: BaselineParameters) {
    this.allocator = new PageAllocator(parts.machine, parts.observer, parts.kswapdIsRecorded);
    this.perPage = new PerPageTreatment(parts.directMap, flushEvery(parameters.flush));
    this.view = new AllocatorView(this.allocator);
    if (parts.snapshot !== null) loadSnapshot(this.allocator, parts.snapshot);
    else loadBoot(this.allocator, parts.live);
  }

  alloc(request: AllocRequest): number {
    const { order, migratetype, pageClass, cpu } = request;
    const pfn = this.allocator.alloc(order, migratetype, request.gfp, cpu, migratetype);
    if (pfn < 0 || pageClass === PLAIN) return pfn;
    return this.protect(pfn, order, pageClass, cpu);
  }

  allocAt(pfn: number, request: AllocRequest): number {
    const { order, migratetype, pageClass, cpu } = request;
    takeExact(this.allocator, pfn, order, useOf(migratetype, request.gfp), cpu);
    return pageClass === PLAIN ? pfn : this.protect(pfn, order, pageClass, cpu);
  }

  free(pfn: number, order: number, context: FreeContext): void {
    if (context.pageClass !== PLAIN) this.perPage.undo(pfn, 2 ** order, context.pageClass);
    this.allocator.free(pfn, order, context.cpu);
  }

  tick(cpu: number, zone: number): void {
    this.allocator.decay(zone, cpu);
  }

  kswapdRan(): void {
    this.allocator.kswapdRan();
  }

  drain(cpu: number): void {
    if (cpu < 0) this.allocator.drainAll();
    else this.allocator.drainCpu(cpu);
  }

  validate(): void {
    checkLists(this.allocator);
  }

  describe(): CoreInfo {
    return BASELINE_INFO;
  }

  measures(): CoreMeasures {
    return { counters: this.allocator.counters, memory: this.view, pool: null };
  }

  private protect(pfn: number, order: number, pageClass: number, cpu: number): number {
    if (this.perPage.apply(pfn, 2 ** order, pageClass)) return pfn;
    this.allocator.free(pfn, order, cpu);
    return FAILED_PAGE_TABLE;
  }
}

function flushEvery(flush: string): number {
  if (flush === 'page') return 1;
  return flush === 'never' ? 0 : Number(flush.slice('batch:'.length));
}
