/**
 * Fallbacks below a pageblock that looked at a block, where a probe on try_to_claim_block() tells of each
 * (captures README §2): does the model take or refuse the same blocks by the half rule (page-allocator §3.5)?
 * A refused one leaves no other trace.
 */

import { MIGRATE_PCPTYPES } from '../../kernel/migratetypes.js';
import { PAGEBLOCK_ORDER, pageblockOf } from '../../kernel/orders.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { pfnOfStructPage } from '../../trace/struct-page.js';
import type { Corrections } from './corrections.js';
import { type CpuOrder, NO_NEIGHBOUR } from './cpu-order.js';

export class HalfRule {
  readonly accepted = { recorded: 0, equal: 0 };
  readonly refused = { recorded: 0, equal: 0 };
  private readonly allocator: PageAllocator;
  private readonly corrections: Corrections;
  private readonly events: EventColumns;
  private readonly vmemmap: number;
  private readonly cpuOrder: CpuOrder;

  constructor(
    allocator: PageAllocator,
    corrections: Corrections,
    events: EventColumns,
    vmemmap: number,
    cpuOrder: CpuOrder,
  ) {
    this.allocator = allocator;
    this.corrections = corrections;
    this.events = events;
    this.vmemmap = vmemmap;
    this.cpuOrder = cpuOrder;
  }

  /** claim_block: stands before the block moves, inside the zone lock. */
  claimBlock(i: number): void {
    const { pfn, migratetype, b, c, kind } = this.events;
    const page = pfnOfStructPage(pfn[i], this.vmemmap);
    const areTypes =
      migratetype[i] >= 0 && migratetype[i] < MIGRATE_PCPTYPES && c[i] >= 0 && c[i] < MIGRATE_PCPTYPES;
    if (b[i] >= PAGEBLOCK_ORDER || !areTypes || !this.corrections.isBlock(page, 0)) return;
    const { lists, rmqueue } = this.allocator;
    const next = this.cpuOrder.next[i];
    const isAccepted = next !== NO_NEIGHBOUR && kind[next] === KIND.moveFreepagesBlockPfn;
    const counts = isAccepted ? this.accepted : this.refused;
    counts.recorded++;
    const mayClaim = rmqueue.mayClaim(lists.zoneOf(page), pageblockOf(page), migratetype[i], c[i]);
    if (mayClaim === isAccepted) counts.equal++;
  }
}
