/**
 * One small number for every page that a trace names, kept by pageblock: a Map entry per 512 pages, so
 * that memory and Map work grow with what the trace touches and pfns may reach 2^52.
 * Readers that walk a trace in order ask for neighbours again and again: the last slab is remembered.
 */
import { MAX_PFN, PAGEBLOCK_PAGES } from '../kernel/orders.js';

/** Other configurations go up to 13 or so (trace-formats §5.5). */
const LARGEST_ORDER = 20;

/** Can a machine have this block? A damaged number must not become a loop over 2^77 pages. */
export function isPossibleBlock(pfn: number, order: number): boolean {
  return pfn >= 0 && pfn < MAX_PFN && order >= 0 && order <= LARGEST_ORDER;
}

export class PageStates<Slab extends Uint8Array | Uint32Array> {
  private readonly slabs = new Map<number, Slab>();
  private readonly create: () => Slab;
  private lastBlock = Number.NaN;
  private lastSlab: Slab | undefined;

  constructor(create: () => Slab) {
    this.create = create;
  }

  /** The 512 entries of a pageblock (pfn / 512, a whole number), made when it is first asked for. */
  slab(block: number): Slab {
    if (block === this.lastBlock) return this.lastSlab as Slab;
    let slab = this.slabs.get(block);
    if (slab === undefined) {
      slab = this.create();
      this.slabs.set(block, slab);
    }
    this.lastBlock = block;
    this.lastSlab = slab;
    return slab;
  }

  /** The entries of a pageblock if any of its pages was ever written. */
  peek(block: number): Slab | undefined {
    if (block === this.lastBlock) return this.lastSlab;
    return this.slabs.get(block);
  }

  get(pfn: number): number {
    const block = Math.floor(pfn / PAGEBLOCK_PAGES);
    const slab = this.peek(block);
    return slab === undefined ? 0 : slab[pfn - block * PAGEBLOCK_PAGES];
  }

  set(pfn: number, value: number): void {
    const block = Math.floor(pfn / PAGEBLOCK_PAGES);
    this.slab(block)[pfn - block * PAGEBLOCK_PAGES] = value;
  }

  /** Sets `pages` entries from `pfn`; a block of order 10 spans two pageblocks, a run any number. */
  fill(pfn: number, pages: number, value: number): void {
    let at = pfn;
    const end = pfn + pages;
    while (at < end) {
      const block = Math.floor(at / PAGEBLOCK_PAGES);
      const base = block * PAGEBLOCK_PAGES;
      const stop = Math.min(end - base, PAGEBLOCK_PAGES);
      this.slab(block).fill(value, at - base, stop);
      at = base + stop;
    }
  }

  clear(): void {
    this.slabs.clear();
    this.lastBlock = Number.NaN;
    this.lastSlab = undefined;
  }

  /** Block numbers that have entries, ascending. */
  blocks(): Float64Array {
    return Float64Array.from(this.slabs.keys()).sort();
  }
}
