/**
 * The direct map as runs of equal leaves, in the form of a snapshot's `directmap` rows: neighbours with
 * equal size and bits are one row, and rows of 4K leaves never cross a 2M border. Accessed and Dirty are
 * not in it, PSE is in the bits of a large leaf while that is present.
 */

import type { DirectMapRun } from '../machine/snapshot.js';
import {
  ACCESSED,
  DIRTY,
  FLAGS_MASK,
  GLOBAL,
  KERNEL_4K,
  LEVEL_1G,
  LEVEL_2M,
  LEVEL_4K,
  LEVEL_SHIFT,
  type LeafLevel,
  type Leaves,
  NX,
  PAGES_PER_1G,
  PAGES_PER_2M,
  PRESENT,
  RW,
} from './leaves.js';

const X86_PRESENT = 0x1;
const X86_RW = 0x2;
const X86_PSE = 0x80;
const X86_GLOBAL = 0x100;
const X86_SOFTWARE_11 = 0x800;

/** Bits of a word that no row shows. */
const UNSHOWN = ACCESSED | DIRTY;

const NAMES = ['none', '4K', '2M', '1G'] as const;

/** An entry of a table that maps nothing prints as a 4K row with no bits at all. */
export function isHole(run: DirectMapRun): boolean {
  return run.level === 'none' || (run.level === '4K' && run.bits === 0 && !run.nx);
}

export function levelOfRun(run: DirectMapRun): LeafLevel {
  if (run.level === '1G') return LEVEL_1G;
  return run.level === '2M' ? LEVEL_2M : LEVEL_4K;
}

/**
 * Flags of a recorded leaf. Rows leave out A and D: A is taken as set, D as set in writable leaves,
 * since boot sets it and the first write sets it again (direct-map-and-rivals §2.8).
 */
export function flagsOfRun(run: DirectMapRun): number {
  let flags = ACCESSED;
  if (run.bits & X86_PRESENT) flags |= PRESENT;
  if (run.bits & X86_RW) flags |= RW | DIRTY;
  if (run.bits & X86_GLOBAL) flags |= GLOBAL;
  if (run.bits & X86_SOFTWARE_11) flags |= KERNEL_4K;
  if (run.nx) flags |= NX;
  return flags;
}

/** Rows from pfn 0 to `endPfn`. */
export function* runsOf(leaves: Leaves, endPfn: number): Generator<DirectMapRun> {
  let startPfn = 0;
  let word = -1;
  let pageTable = 0;
  for (let pfn = 0; pfn < endPfn; ) {
    const gib = Math.floor(pfn / PAGES_PER_1G);
    const page = pfn - gib * PAGES_PER_1G;
    let pages = page === 0 ? PAGES_PER_1G : PAGES_PER_2M;
    let next = page === 0 ? leaves.wordOf1G(gib) : -1;
    if (next === -1 || next >>> LEVEL_SHIFT === LEVEL_4K) {
      pages = PAGES_PER_2M;
      next = page % PAGES_PER_2M === 0 ? leaves.wordOf2M(gib, page) : -1;
    }
    let nextTable = 0;
    if (next === -1) {
      pages = 1;
      // A hole below an existing table is not `none`: the entry is there, and empty.
      next = leaves.at(gib, page) || LEVEL_4K << LEVEL_SHIFT;
      nextTable = leaves.pageTableOf(gib, page);
    }
    next &= ~UNSHOWN;
    const is4K = next >>> LEVEL_SHIFT === LEVEL_4K;
    if (next !== word || nextTable !== pageTable || (is4K && page % PAGES_PER_2M === 0)) {
      if (word !== -1) yield run(startPfn, pfn - startPfn, word, pageTable);
      startPfn = pfn;
      word = next;
      pageTable = nextTable;
    }
    pfn += pages;
  }
  if (word !== -1) yield run(startPfn, endPfn - startPfn, word, pageTable);
}

function run(startPfn: number, pages: number, word: number, pageTable: number): DirectMapRun {
  const level = word >>> LEVEL_SHIFT;
  const flags = word & FLAGS_MASK;
  let bits = 0;
  if (flags & PRESENT) bits |= level === LEVEL_4K ? X86_PRESENT : X86_PRESENT | X86_PSE;
  if (flags & RW) bits |= X86_RW;
  if (flags & GLOBAL) bits |= X86_GLOBAL;
  if (flags & KERNEL_4K) bits |= X86_SOFTWARE_11;
  return { startPfn, pages, level: NAMES[level], bits, nx: (flags & NX) !== 0, pageTable };
}
