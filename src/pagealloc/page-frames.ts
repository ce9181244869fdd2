/**
 * Page metadata, sparse in the machine's size, and the links of every list.
 *
 * An entry of a list is a *node*, a number that fits 32 bits; pfns appear only at the edges. Nodes are
 * laid out in three runs:
 *
 *   list heads    one node a list, so that a list is a ring and no operation tests for its ends
 *   pageblocks    one node a pageblock: free or allocated blocks of order 9 and 10
 *   slab pages    512 nodes for a pageblock that is broken into smaller pieces
 *
 * A pageblock takes a slab from the pool when it is first broken and gives it back when it is whole
 * again, so memory grows with what is broken, not with the machine: 14 bytes a pageblock, 4.5 KiB a
 * slab. Slabs are aligned to 512 nodes: below order 9 the buddy of a node is `node ^ (1 << order)`.
 */

import { InvariantError } from '../kernel/errors.js';
import { GFP_HIGHMEM_BIT } from '../kernel/gfp.js';
import { MIGRATE_MOVABLE } from '../kernel/migratetypes.js';
import { PAGEBLOCK_PAGES } from '../kernel/orders.js';

/** What a node says of the page it stands for; the low four bits are its order. 0: no head of anything known. */
export const INFO_FREE = 0x10;
export const INFO_PCP = 0x20;
/** In use: INFO_ALLOCATED + 0x10 * one of the uses below. */
export const INFO_ALLOCATED = 0x40;
export const INFO_KIND_MASK = 0xf0;
export const INFO_ORDER_MASK = 0x0f;

/** Who holds a page: the migratetype of its request, and for movable ones whether it is on an LRU. */
export const USE_UNMOVABLE = 0;
export const USE_LRU = 1;
export const USE_RECLAIMABLE = 2;
export const USE_MOVABLE_OFF_LRU = 3;
/** The kernel's since before the start, type of the request unknown: cannot move, and is no evidence of mixing. */
export const USE_KERNEL = 4;
const NR_USES = 5;
const UNMOVABLE_USES = [USE_UNMOVABLE, USE_RECLAIMABLE, USE_KERNEL];
const INFO_LRU = INFO_ALLOCATED + 0x10 * USE_LRU;

/**
 * What a request will use its page for. The half rule counts pages on an LRU (page-allocator §3.5), and
 * memory that goes there, page cache and anonymous, is asked for with __GFP_HIGHMEM beside __GFP_MOVABLE.
 * The freetype captures under pressure show the difference: a module's GFP_KERNEL | __GFP_MOVABLE pages do
 * not count (49 of 50 and 74 of 95 of their fallbacks were right when they did, all are now).
 */
export function useOf(migratetype: number, gfp: number): number {
  return migratetype === MIGRATE_MOVABLE && (gfp & GFP_HIGHMEM_BIT) === 0 ? USE_MOVABLE_OFF_LRU : migratetype;
}

/** Bits of a pageblock, as the kernel keeps them (freetype-series §2.4, freetype-observed §1). */
export const BLOCK_TYPE_MASK = 0x07;
export const BLOCK_ISOLATE = 0x10;
export const BLOCK_UNMAPPED = 0x20;

const FIRST_SLABS = 64;

export class PageFrames {
  /** Links of every node; a list head points to itself when its list is empty. Reassigned when slabs are added. */
  next: Int32Array;
  prev: Int32Array;
  /** INFO_ byte of every node. */
  info: Uint8Array;
  /** BLOCK_ bits of every pageblock. */
  readonly blockBits: Uint8Array;
  readonly blocks: number;
  readonly listHeads: number;
  /** Node of pageblock 0. */
  readonly blockBase: number;
  /** First slab node; a multiple of 512. */
  readonly slabBase: number;
  /** First node of a pageblock's slab, 0 for none. */
  private readonly slabOfBlock: Int32Array;
  private blockOfSlab: Int32Array;
  private slabCapacity = FIRST_SLABS;
  private slabsMade = 0;
  private readonly freeSlabs: number[] = [];

  constructor(endPfn: number, listHeads: number) {
    // An even number of blocks: the buddy of the last block of order 9 must have a node to look at.
    this.blocks = Math.ceil(endPfn / (2 * PAGEBLOCK_PAGES)) * 2;
    this.listHeads = listHeads;
    this.blockBase = listHeads;
    this.slabBase = Math.ceil((this.blockBase + this.blocks) / PAGEBLOCK_PAGES) * PAGEBLOCK_PAGES;
    const nodes = this.slabBase + FIRST_SLABS * PAGEBLOCK_PAGES;
    this.next = new Int32Array(nodes);
    this.prev = new Int32Array(nodes);
    this.info = new Uint8Array(nodes);
    this.blockBits = new Uint8Array(this.blocks);
    this.slabOfBlock = new Int32Array(this.blocks);
    this.blockOfSlab = new Int32Array(FIRST_SLABS);
    for (let list = 0; list < listHeads; list++) {
      this.next[list] = list;
      this.prev[list] = list;
    }
  }

  /** Slabs in use: the measure of what is broken. */
  get slabsInUse(): number {
    return this.slabsMade - this.freeSlabs.length;
  }

  /** Becomes equal to the frames of another allocator of the same machine, node by node. */
  copyFrom(other: PageFrames): void {
    if (this.slabCapacity < other.slabCapacity) {
      this.next = other.next.slice();
      this.prev = other.prev.slice();
      this.info = other.info.slice();
      this.blockOfSlab = other.blockOfSlab.slice();
      this.slabCapacity = other.slabCapacity;
    } else {
      this.next.set(other.next);
      this.prev.set(other.prev);
      this.info.set(other.info);
      this.blockOfSlab.set(other.blockOfSlab);
    }
    this.blockBits.set(other.blockBits);
    this.slabOfBlock.set(other.slabOfBlock);
    this.slabsMade = other.slabsMade;
    this.freeSlabs.length = 0;
    this.freeSlabs.push(...other.freeSlabs);
  }

  linkHead(list: number, node: number): void {
    const next = this.next;
    const prev = this.prev;
    const first = next[list];
    next[node] = first;
    prev[node] = list;
    prev[first] = node;
    next[list] = node;
  }

  linkTail(list: number, node: number): void {
    const next = this.next;
    const prev = this.prev;
    const last = prev[list];
    prev[node] = last;
    next[node] = list;
    next[last] = node;
    prev[list] = node;
  }

  unlink(node: number): void {
    const next = this.next;
    const prev = this.prev;
    const after = next[node];
    const before = prev[node];
    next[before] = after;
    prev[after] = before;
  }

  pfnOf(node: number): number {
    if (node < this.slabBase) return (node - this.blockBase) * PAGEBLOCK_PAGES;
    return this.blockOfSlab[(node - this.slabBase) >>> 9] * PAGEBLOCK_PAGES + (node & 511);
  }

  /** Pageblock of any page node. */
  blockOf(node: number): number {
    return node < this.slabBase ? node - this.blockBase : this.blockOfSlab[(node - this.slabBase) >>> 9];
  }

  isSlabNode(node: number): boolean {
    return node >= this.slabBase;
  }

  /** Slab of a pageblock; one is taken from the pool, all zero, if it has none. */
  slabOf(block: number): number {
    const slab = this.slabOfBlock[block];
    return slab !== 0 ? slab : this.takeSlab(block);
  }

  /** Slab of a pageblock, 0 if it is not broken. */
  slabIfBroken(block: number): number {
    return this.slabOfBlock[block];
  }

  /** The pageblock is whole again: gives the slab back and returns the pageblock's own node. */
  releaseSlab(slab: number): number {
    const index = (slab - this.slabBase) >>> 9;
    const block = this.blockOfSlab[index];
    this.slabOfBlock[block] = 0;
    this.freeSlabs.push(index);
    return this.blockBase + block;
  }

  /**
   * Node of the block of `order` that starts at this page. For orders below 9 the pageblock gets a slab if
   * it has none. Division instead of a shift: bit operators cut a pfn to 32 bits.
   */
  nodeAt(pfn: number, order: number): number {
    const block = Math.floor(pfn / PAGEBLOCK_PAGES);
    if (order >= 9) return this.blockBase + block;
    return this.slabOf(block) + (pfn - block * PAGEBLOCK_PAGES);
  }

  /** Pages of the pageblock that are on an LRU (page-allocator §3.5). */
  movablePagesIn(block: number): number {
    const slab = this.slabOfBlock[block];
    if (slab === 0) return this.wholeBlockHeldBy(block, USE_LRU) ? PAGEBLOCK_PAGES : 0;
    let movable = 0;
    for (let page = 0; page < PAGEBLOCK_PAGES; ) {
      const info = this.info[slab + page];
      const pages = info === 0 ? 1 : 1 << (info & INFO_ORDER_MASK);
      if ((info & INFO_KIND_MASK) === INFO_LRU) movable += pages;
      page += pages;
    }
    return movable;
  }

  /** Free pages of the pageblock on buddy lists. */
  freePagesIn(block: number): number {
    const slab = this.slabOfBlock[block];
    if (slab === 0) return this.isWhollyFree(block) ? PAGEBLOCK_PAGES : 0;
    let free = 0;
    for (let page = 0; page < PAGEBLOCK_PAGES; ) {
      const info = this.info[slab + page];
      const pages = info === 0 ? 1 : 1 << (info & INFO_ORDER_MASK);
      if ((info & INFO_KIND_MASK) === INFO_FREE) free += pages;
      page += pages;
    }
    return free;
  }

  /** True if the pageblock holds an allocated page whose request type is none of `type` (page-allocator §8.7). */
  holdsOtherThan(block: number, type: number): boolean {
    const slab = this.slabOfBlock[block];
    if (slab === 0) {
      for (let use = 0; use < NR_USES; use++) {
        if (differs(use, type) && this.wholeBlockHeldBy(block, use)) return true;
      }
      return false;
    }
    for (let page = 0; page < PAGEBLOCK_PAGES; ) {
      const info = this.info[slab + page];
      if (info >= INFO_ALLOCATED && differs((info - INFO_ALLOCATED) >> 4, type)) return true;
      page += info === 0 ? 1 : 1 << (info & INFO_ORDER_MASK);
    }
    return false;
  }

  /** True if the pageblock holds a page in use that nothing can move (facts/field.md §2). */
  holdsUnmovable(block: number): boolean {
    const slab = this.slabOfBlock[block];
    if (slab === 0) return UNMOVABLE_USES.some((use) => this.wholeBlockHeldBy(block, use));
    for (let page = 0; page < PAGEBLOCK_PAGES; ) {
      const info = this.info[slab + page];
      if (info >= INFO_ALLOCATED && UNMOVABLE_USES.includes((info - INFO_ALLOCATED) >> 4)) return true;
      page += info === 0 ? 1 : 1 << (info & INFO_ORDER_MASK);
    }
    return false;
  }

  /** The pageblock is free as a whole, alone or as a half of an order-10 page. */
  isWhollyFree(block: number): boolean {
    const info = this.info[this.blockBase + block];
    if (info === (INFO_FREE | 9) || info === (INFO_FREE | 10)) return true;
    return (block & 1) === 1 && this.info[this.blockBase + block - 1] === (INFO_FREE | 10);
  }

  private wholeBlockHeldBy(block: number, use: number): boolean {
    const allocated = INFO_ALLOCATED + 0x10 * use;
    const info = this.info[this.blockBase + block];
    if (info === (allocated | 9) || info === (allocated | 10)) return true;
    return (block & 1) === 1 && this.info[this.blockBase + block - 1] === (allocated | 10);
  }

  /** Writes down what the block is used for. */
  markAllocated(node: number, order: number, use: number): void {
    this.info[node] = INFO_ALLOCATED + (use << 4) + order;
  }

  /**
   * Forgets the allocation mark of the pages that are about to be freed. A piece of a larger allocation
   * (split pages, page-allocator §2.9) first breaks the mark into pieces, upper halves outermost.
   */
  clearAllocated(node: number, order: number): void {
    const info = this.info[node];
    if (info >= INFO_ALLOCATED && (info & INFO_ORDER_MASK) === order) {
      this.info[node] = 0;
      return;
    }
    this.clearPiece(node, order);
  }

  private clearPiece(node: number, order: number): void {
    if (order >= 9) {
      this.clearWholeBlocks(this.blockOf(node), order);
      return;
    }
    this.breakWholeBlockMark(this.blockOf(node));
    const slab = node - (node & 511);
    const offset = node & 511;
    for (let above = order; above < 9; above++) {
      const head = slab + (offset & ~((1 << above) - 1));
      const info = this.info[head];
      if (info < INFO_ALLOCATED || (info & INFO_ORDER_MASK) < above) continue;
      const kind = info & INFO_KIND_MASK;
      // Break from the top: the half without our page keeps a mark of its own.
      for (let size = (info & INFO_ORDER_MASK) - 1, start = head; size >= order; size--) {
        const upper = start + (1 << size);
        this.info[start] = kind | size;
        this.info[upper] = kind | size;
        if (node >= upper) start = upper;
      }
      break;
    }
    // Several smaller allocations freed as one: all their marks go.
    for (let page = 0; page < 1 << order; page++) {
      if (this.info[node + page] >= INFO_ALLOCATED) this.info[node + page] = 0;
    }
  }

  private clearWholeBlocks(block: number, order: number): void {
    this.breakOrder10Mark(block);
    for (let each = block; each < block + (1 << (order - 9)); each++) {
      if (this.info[this.blockBase + each] >= INFO_ALLOCATED) this.info[this.blockBase + each] = 0;
      const slab = this.slabOfBlock[each];
      if (slab === 0) continue;
      for (let page = 0; page < PAGEBLOCK_PAGES; page++) {
        const info = this.info[slab + page];
        if (info !== 0 && info < INFO_ALLOCATED) {
          throw new InvariantError(
            `pageblock ${each} is freed whole while part of it is free (page-allocator §1.3)`,
          );
        }
        this.info[slab + page] = 0;
      }
      this.releaseSlab(slab);
    }
  }

  /** A whole-block allocation loses its first piece: its mark moves into the slab. */
  private breakWholeBlockMark(block: number): void {
    this.breakOrder10Mark(block);
    const info = this.info[this.blockBase + block];
    if (info < INFO_ALLOCATED) return;
    this.info[this.blockBase + block] = 0;
    const slab = this.slabOf(block);
    const half = (info & INFO_KIND_MASK) | 8;
    this.info[slab] = half;
    this.info[slab + 256] = half;
  }

  private breakOrder10Mark(block: number): void {
    const first = this.blockBase + (block & ~1);
    const info = this.info[first];
    if (info < INFO_ALLOCATED || (info & INFO_ORDER_MASK) !== 10) return;
    this.info[first] = (info & INFO_KIND_MASK) | 9;
    this.info[first + 1] = (info & INFO_KIND_MASK) | 9;
  }

  private takeSlab(block: number): number {
    let index = this.freeSlabs.pop();
    if (index === undefined) {
      if (this.slabsMade === this.slabCapacity) this.grow();
      index = this.slabsMade++;
    }
    const slab = this.slabBase + index * PAGEBLOCK_PAGES;
    this.slabOfBlock[block] = slab;
    this.blockOfSlab[index] = block;
    return slab;
  }

  private grow(): void {
    this.slabCapacity *= 2;
    const nodes = this.slabBase + this.slabCapacity * PAGEBLOCK_PAGES;
    this.next = grown(this.next, new Int32Array(nodes));
    this.prev = grown(this.prev, new Int32Array(nodes));
    this.info = grown(this.info, new Uint8Array(nodes));
    this.blockOfSlab = grown(this.blockOfSlab, new Int32Array(this.slabCapacity));
  }
}

/** The page's request was of another migratetype, as far as it is known. */
function differs(use: number, type: number): boolean {
  if (use === USE_KERNEL) return false;
  return (use === USE_MOVABLE_OFF_LRU ? MIGRATE_MOVABLE : use) !== type;
}

function grown<A extends Int32Array | Uint8Array>(old: A, larger: A): A {
  larger.set(old);
  return larger;
}
