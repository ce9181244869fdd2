/**
 * Decays and drains go in portions and let go of the pcp lock between them, so that frees and refills of
 * interrupts and other tasks come in between (page-allocator §4.8). How many pages, the model says; when each
 * portion went, the drain events of its task tell.
 */

import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { BATCH_SCALE_MAX } from '../../pagealloc/pcp-lists.js';

interface PortionedDrain {
  readonly zone: number;
  readonly cpu: number;
  /** Pages in a portion. */
  readonly size: number;
  /** Pages still to go; infinite for a drain that empties the lists. */
  rest: number;
  /** Drain events of the running portion that are still to come. */
  expected: number;
}

export class PortionedDrains {
  private readonly allocator: PageAllocator;
  /** By pid of the task that drains. */
  private readonly running = new Map<number, PortionedDrain>();

  constructor(allocator: PageAllocator) {
    this.allocator = allocator;
  }

  /** decay_pcp_high(): the pages to go are counted once. */
  beginDecay(pid: number, zone: number, cpu: number): void {
    const { lists, pcp } = this.allocator;
    lists.cpu = cpu;
    lists.foldCounter(zone, cpu);
    const rest = pcp.beginDecay(zone, cpu);
    const size = pcp.batch[pcp.slotOf(cpu, zone)];
    if (rest > 0) this.running.set(pid, { zone, cpu, size, rest, expected: 0 });
  }

  /** drain_pages_zone(): until the lists are empty. */
  beginDrain(pid: number, zone: number, cpu: number): void {
    const { pcp } = this.allocator;
    const slot = pcp.slotOf(cpu, zone);
    const size = pcp.batch[slot] << BATCH_SCALE_MAX;
    if (pcp.count[slot] > 0)
      this.running.set(pid, { zone, cpu, size, rest: Number.POSITIVE_INFINITY, expected: 0 });
  }

  /** The task gave back a page: a portion begins, or goes on. */
  drainSeen(pid: number): void {
    const drain = this.running.get(pid);
    if (drain === undefined) return;
    if (drain.expected > 0) drain.expected--;
    else drain.expected = this.portion(drain) - 1;
    if (drain.rest <= 0) this.running.delete(pid);
  }

  /** The task does something else: it is through. */
  finish(pid: number): void {
    const drain = this.running.get(pid);
    if (drain === undefined) return;
    while (drain.rest > 0) this.portion(drain);
    this.running.delete(pid);
  }

  finishAll(): void {
    for (const pid of [...this.running.keys()]) this.finish(pid);
  }

  /** How many entries left the lists by it. */
  private portion(drain: PortionedDrain): number {
    const { pcp, lists } = this.allocator;
    const slot = pcp.slotOf(drain.cpu, drain.zone);
    lists.cpu = drain.cpu;
    const isLast = !Number.isFinite(drain.rest) && pcp.count[slot] <= drain.size;
    const pages = Math.min(drain.rest, drain.size);
    drain.rest = isLast ? 0 : drain.rest - drain.size;
    return pcp.bulkFree(slot, drain.zone, pages, 0);
  }
}
