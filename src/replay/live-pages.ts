/**
 * The map from a trace's pages to simulated pages: two things that a replay must never mix up (DESIGN §3).
 *
 * Kept page by page, because an allocation may be freed in pieces, in any order (trace-formats §5.2 item 4).
 * A slab of 512 entries per 512 pages that the trace names: memory grows with what the trace touches.
 */

import { PAGEBLOCK_ORDER, PAGEBLOCK_PAGES } from '../kernel/orders.js';

/** Never named by the trace so far. */
export const UNSEEN = 0;
/** Named before, and free now. */
export const FREED = 1;
/** The request for it failed in the simulation: its free has nothing to give back. */
export const LOST = 2;
/** Live; the class of its request is the state minus LIVE. */
export const LIVE = 8;

const FIRST_SLABS = 64;
const DIRECTORY_BITS = 12;
/** Block numbers of 27 bits have a directory; ids of other tools (trace-formats §8) may be larger. */
const DIRECTORY_BLOCKS = 2 ** 27;
/** Pages below 8 TiB: bit operators would cut larger pfns. */
const INTEGER_PFNS = 2 ** 31;

export class LivePages {
  /** Entry e stands for a page of the trace; see entryOf. */
  state = new Uint8Array(FIRST_SLABS * PAGEBLOCK_PAGES);
  /** Simulated page of a live one. */
  simulated = new Float64Array(FIRST_SLABS * PAGEBLOCK_PAGES);
  private readonly directory: (Int32Array | undefined)[] = [];
  private readonly strayBlocks = new Map<number, number>();
  private slabs = 0;
  private lastBlock = -1;
  private lastEntry = 0;

  /** Entry of a page; entries of one pageblock are neighbours. Makes room for it if the trace had not named it. */
  entryOf(pfn: number): number {
    // Integer operators where they are exact: the whole replay loop gains 6 % (`npm run bench`, core baseline).
    if (pfn < INTEGER_PFNS) return this.entryOfBlock(pfn >>> PAGEBLOCK_ORDER) + (pfn & (PAGEBLOCK_PAGES - 1));
    return this.entryOfBlock(Math.floor(pfn / PAGEBLOCK_PAGES)) + (pfn % PAGEBLOCK_PAGES);
  }

  get bytes(): number {
    return this.state.byteLength + this.simulated.byteLength;
  }

  private entryOfBlock(block: number): number {
    if (block !== this.lastBlock) {
      this.lastEntry = this.slabOf(block);
      this.lastBlock = block;
    }
    return this.lastEntry;
  }

  private slabOf(block: number): number {
    if (block >= DIRECTORY_BLOCKS) {
      const known = this.strayBlocks.get(block);
      if (known !== undefined) return known;
      const entry = this.newSlab();
      this.strayBlocks.set(block, entry);
      return entry;
    }
    const chunkIndex = block >>> DIRECTORY_BITS;
    let chunk = this.directory[chunkIndex];
    if (chunk === undefined) {
      chunk = new Int32Array(1 << DIRECTORY_BITS).fill(-1);
      this.directory[chunkIndex] = chunk;
    }
    const slot = block & ((1 << DIRECTORY_BITS) - 1);
    if (chunk[slot] < 0) chunk[slot] = this.newSlab();
    return chunk[slot];
  }

  private newSlab(): number {
    const entry = this.slabs * PAGEBLOCK_PAGES;
    this.slabs++;
    if (entry + PAGEBLOCK_PAGES > this.state.length) {
      const state = new Uint8Array(this.state.length * 2);
      state.set(this.state);
      this.state = state;
      const simulated = new Float64Array(this.simulated.length * 2);
      simulated.set(this.simulated);
      this.simulated = simulated;
    }
    return entry;
  }
}
