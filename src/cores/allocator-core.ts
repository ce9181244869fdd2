/**
 * What every core on the shared page allocator has: the allocator in its start state, the treatment of
 * marked pages one by one, and the outer events that only pass through. How requests are served is the
 * core's own.
 */

import { PLAIN } from '../kernel/classes.js';
import { AllocatorView } from '../pagealloc/allocator-view.js';
import { type CoreParts, FAILED_PAGE_TABLE } from '../pagealloc/core.js';
import { loadBoot, loadSnapshot } from '../pagealloc/load-state.js';
import { PageAllocator } from '../pagealloc/page-allocator.js';
import { PerPageTreatment } from '../pagealloc/per-page.js';

export abstract class AllocatorCore {
  readonly allocator: PageAllocator;
  protected readonly perPage: PerPageTreatment;
  protected readonly view: AllocatorView;

  /** `flushEvery`: pages treated one by one between two flushes; 0 for no flush. */
  protected constructor(parts: CoreParts, flushEvery: number) {
    this.allocator = new PageAllocator(parts.machine, parts.observer, parts.kswapdIsRecorded);
    this.perPage = new PerPageTreatment(parts.directMap, flushEvery);
    this.view = new AllocatorView(this.allocator);
  }

  /** After the core has set the allocator's rules: lists are counted by them. */
  protected loadStart({ snapshot, live }: CoreParts): void {
    if (snapshot !== null) loadSnapshot(this.allocator, snapshot);
    else loadBoot(this.allocator, live);
  }

  /** Gives a page of a marked class its place in the direct map, or the page back; returns pfn or the failure. */
  protected protect(pfn: number, order: number, pageClass: number, cpu: number): number {
    if (pageClass === PLAIN || this.perPage.apply(pfn, 2 ** order, pageClass)) return pfn;
    this.allocator.free(pfn, order, cpu);
    return FAILED_PAGE_TABLE;
  }

  tick(cpu: number, zone: number): void {
    this.allocator.decay(zone, cpu);
  }

  kswapdBegins(): void {
    this.allocator.kswapdBegins();
  }

  kswapdEnds(): void {
    this.allocator.kswapdEnds();
  }

  kswapdSleeps(): void {
    this.allocator.kswapdSleeps();
  }

  drain(cpu: number): void {
    if (cpu < 0) this.allocator.drainAll();
    else this.allocator.drainCpu(cpu);
  }
}
