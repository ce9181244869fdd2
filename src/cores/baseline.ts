/**
 * Core `baseline`: the page allocator of the kernel as it is, with marked pages treated one by one.
 *
 * The allocator is page-allocator §1 to §6. A page that must be absent from the direct map is taken from
 * the ordinary lists, removed from the direct map, and flushed on every CPU, as memfd_secret does today;
 * its free puts it back without a flush (direct-map-and-rivals §4.1, §12.1).
 */

import { PLAIN } from '../kernel/classes.js';
import { checkLists } from '../pagealloc/check-lists.js';
import type {
  AllocRequest,
  Core,
  CoreInfo,
  CoreMeasures,
  CoreParts,
  FreeContext,
} from '../pagealloc/core.js';
import { useOf } from '../pagealloc/page-frames.js';
import { takeExact } from '../pagealloc/take-exact.js';
import { AllocatorCore } from './allocator-core.js';

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

export class BaselineCore extends AllocatorCore implements Core {
  constructor(parts: CoreParts, parameters: BaselineParameters) {
    super(parts, flushEvery(parameters.flush));
    this.loadStart(parts);
  }

  alloc(request: AllocRequest): number {
    const { order, migratetype, pageClass, cpu } = request;
    const pfn = this.allocator.alloc(order, migratetype, request.gfp, cpu, migratetype);
    return pfn < 0 ? pfn : this.protect(pfn, order, pageClass, cpu);
  }

  allocAt(pfn: number, request: AllocRequest): number {
    const { order, migratetype, pageClass, cpu } = request;
    takeExact(this.allocator, pfn, order, useOf(migratetype, request.gfp), cpu);
    return this.protect(pfn, order, pageClass, cpu);
  }

  free(pfn: number, order: number, context: FreeContext): void {
    if (context.pageClass !== PLAIN) this.perPage.undo(pfn, 2 ** order, context.pageClass);
    this.allocator.free(pfn, order, context.cpu);
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
}

function flushEvery(flush: string): number {
  if (flush === 'page') return 1;
  return flush === 'never' ? 0 : Number(flush.slice('batch:'.length));
}
