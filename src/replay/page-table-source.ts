/**
 * Page-table pages for splits of the direct map, asked of the core under test itself: the recursion that
 * the designs argue about (DESIGN §6). Unmovable, order 0, as pagetable_alloc asks
 * (direct-map-and-rivals §2.3). They stay for ever: nothing undoes a split.
 */

import { PLAIN } from '../kernel/classes.js';
import { GFP_COMP_BIT, GFP_KERNEL, GFP_ZERO_BIT } from '../kernel/gfp.js';
import { MIGRATE_UNMOVABLE } from '../kernel/migratetypes.js';
import type { Accounting } from '../metrics/accounting.js';
import type { AllocRequest, Core } from '../pagealloc/core.js';
import type { EventRecorder } from './event-recorder.js';

export class PageTableSource {
  private readonly core: Core;
  private readonly accounting: Accounting;
  private readonly recorder: EventRecorder | null;
  private readonly cpuNow: () => number;
  private depth = 0;
  private lastGranted = -1;

  constructor(core: Core, accounting: Accounting, recorder: EventRecorder | null, cpuNow: () => number) {
    this.core = core;
    this.accounting = accounting;
    this.recorder = recorder;
    this.cpuNow = cpuNow;
  }

  /** False when the core has no page: the split, and the change behind it, fails. */
  take(): boolean {
    this.depth++;
    if (this.depth > this.accounting.nestedDepthMax) this.accounting.nestedDepthMax = this.depth;
    this.recorder?.nested(true);
    // A request of its own: the outer one is still being served.
    const request: AllocRequest = {
      order: 0,
      migratetype: MIGRATE_UNMOVABLE,
      gfp: GFP_KERNEL | GFP_ZERO_BIT | GFP_COMP_BIT,
      pageClass: PLAIN,
      cpu: this.cpuNow(),
      inInterrupt: false,
      isMarked: false,
    };
    const pfn = this.core.alloc(request);
    this.recorder?.nested(false);
    this.depth--;
    if (pfn < 0) {
      this.accounting.nestedFailed++;
      return false;
    }
    this.accounting.nestedPageTables++;
    this.lastGranted = pfn;
    return true;
  }

  /** The nested request itself split the leaf: the page is not needed (direct-map-and-rivals §2.3 step 2). */
  giveBack(): void {
    this.accounting.nestedPageTables--;
    this.core.free(this.lastGranted, 0, { pageClass: PLAIN, cpu: this.cpuNow(), inInterrupt: false });
  }
}
