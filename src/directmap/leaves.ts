/**
 * Storage of the direct map: which leaf covers a page, and with which flags.
 *
 * The map has the shape of the page tables (direct-map-and-rivals §2.9), with one liberty: an entry may
 * stand for a whole table of equal leaves. 16 TiB of 2M leaves are then 16384 words at the start, and
 * memory grows only where pages begin to differ. A word of `gibs` (one per GiB) or `pmds` (one per 2M,
 * in tables of 512) is one of
 *
 *   0                        a hole: nothing is mapped
 *   flags | level << 16      leaves of that level fill the entry, all with these flags
 *   below 0                  ~n: table n of the next array has the particulars
 *
 * and a halfword of `ptes` (tables of 512) holds the flags of one 4K leaf, or 0 for a hole.
 *
 * Pages are named by GiB and page within it, because both fit 32 bits and a pfn does not.
 */

export const PAGES_PER_2M = 512;
export const PAGES_PER_1G = 262144;
const TABLE = 512;
/**
 * Tables of 4K leaves are kept in chunks of 2048 (2 MiB): a map of many splits grows without copying
 * what it has, and without a limit at 2^31 entries.
 */
const CHUNK_SHIFT = 11;
const CHUNK_MASK = 2047;

/** Flags of a leaf (direct-map-and-rivals, Notation). PSE is not one: it follows from level and P. */
export const PRESENT = 0x1;
export const RW = 0x2;
/** Set in every leaf and never cleared, so that no leaf's flags are 0: 0 is a hole. */
export const ACCESSED = 0x4;
export const DIRTY = 0x8;
export const NX = 0x10;
export const GLOBAL = 0x20;
/** _PAGE_KERNEL_4K, software bit 11 of set_memory_4k in 7.x (direct-map-and-rivals §2.5). */
export const KERNEL_4K = 0x40;
export const KEY_SHIFT = 8;
export const KEY_MASK = 0xf00;
/** PAGE_KERNEL: what boot gives every leaf, without page-table isolation (direct-map-and-rivals §1.2). */
export const BOOT_FLAGS = PRESENT | RW | ACCESSED | DIRTY | NX | GLOBAL;

export type LeafLevel = 1 | 2 | 3;
export const LEVEL_4K = 1;
export const LEVEL_2M = 2;
export const LEVEL_1G = 3;
export const LEVEL_SHIFT = 16;
export const FLAGS_MASK = 0xffff;

export class Leaves {
  /** Number of leaves by size, present or not; holes are none. */
  leaves4K = 0;
  leaves2M = 0;
  leaves1G = 0;
  private readonly gibs: Int32Array;
  private pmds = new Int32Array(4 * TABLE);
  private readonly ptes: Uint16Array[] = [];
  private pmdTables = 0;
  private pteTables = 0;
  /** Tables of 4K leaves that a collapse or unmap left behind. */
  private readonly freePteTables: number[] = [];
  /** pfn of the page that holds a table of 4K leaves, where a snapshot said so. */
  private readonly pageTablePfns = new Map<number, number>();

  constructor(endPfn: number) {
    this.gibs = new Int32Array(Math.ceil(endPfn / PAGES_PER_1G));
  }

  /** GiB entries; pages at and beyond are holes. */
  get gibCount(): number {
    return this.gibs.length;
  }

  /** `flags | level << 16` of the leaf that covers a page; 0 in a hole. */
  at(gib: number, page: number): number {
    if (gib >= this.gibs.length) return 0;
    let word = this.gibs[gib];
    if (word >= 0) return word;
    word = this.pmds[~word * TABLE + (page >>> 9)];
    if (word >= 0) return word;
    const flags = this.ptes[~word >>> CHUNK_SHIFT][pteIndex(~word, page)];
    return flags === 0 ? 0 : flags | (LEVEL_4K << LEVEL_SHIFT);
  }

  /**
   * Word of a whole 2M range: as `at` when its leaves are all alike, -1 when they have a table.
   * Lets a walk over the map pass ranges in one step.
   */
  wordOf2M(gib: number, page: number): number {
    const word = this.gibs[gib];
    if (word >= 0) return word;
    return Math.max(this.pmds[~word * TABLE + (page >>> 9)], -1);
  }

  /** The same for a whole GiB. */
  wordOf1G(gib: number): number {
    return Math.max(this.gibs[gib], -1);
  }

  /** pfn of the table page above a 4K leaf; 0 when unknown. */
  pageTableOf(gib: number, page: number): number {
    const word = this.gibs[gib];
    if (word >= 0) return 0;
    return this.pageTablePfns.get(~this.pmds[~word * TABLE + (page >>> 9)]) ?? 0;
  }

  /** Rewrites the 2M or 1G leaf that covers a page. */
  setLarge(gib: number, page: number, flags: number): void {
    const word = this.gibs[gib];
    if (word >>> LEVEL_SHIFT === LEVEL_1G) {
      this.gibs[gib] = flags | (LEVEL_1G << LEVEL_SHIFT);
      return;
    }
    this.setWordOf2M(gib, page, flags | (LEVEL_2M << LEVEL_SHIFT));
  }

  /**
   * Clears and sets flags in 4K leaves from `page` on, within one 2M range. G goes when P is not set
   * (direct-map-and-rivals §2.1). Returns how many leaves have changed; holes stay holes.
   */
  change4K(gib: number, page: number, count: number, set: number, clear: number): number {
    let word = this.gibs[gib];
    if (word < 0) word = this.pmds[~word * TABLE + (page >>> 9)];
    if (word >= 0) {
      const flags = word & FLAGS_MASK;
      const wanted = changedFlags(flags, set, clear);
      if (wanted === flags) return 0;
      if (count === PAGES_PER_2M) {
        this.setWordOf2M(gib, page, wanted | (LEVEL_4K << LEVEL_SHIFT));
        return count;
      }
      word = ~this.pteTable(gib, page);
    }
    const ptes = this.ptes[~word >>> CHUNK_SHIFT];
    const first = pteIndex(~word, page);
    let changed = 0;
    for (let i = first; i < first + count; i++) {
      const flags = ptes[i];
      if (flags === 0) continue;
      const wanted = changedFlags(flags, set, clear);
      if (wanted === flags) continue;
      ptes[i] = wanted;
      changed++;
    }
    return changed;
  }

  /** Breaks the 1G or 2M leaf that covers a page into 512 leaves with its flags. */
  split(gib: number, page: number): void {
    const word = this.gibs[gib];
    if (word >>> LEVEL_SHIFT === LEVEL_1G) {
      this.gibs[gib] = (word & FLAGS_MASK) | (LEVEL_2M << LEVEL_SHIFT);
      this.leaves1G--;
      this.leaves2M += TABLE;
      return;
    }
    const index = this.pmdTable(gib) * TABLE + (page >>> 9);
    this.pmds[index] = (this.pmds[index] & FLAGS_MASK) | (LEVEL_4K << LEVEL_SHIFT);
    this.leaves2M--;
    this.leaves4K += TABLE;
  }

  /**
   * Maps holes with leaves up to a size, as boot does: 1G and 2M leaves where a whole aligned one fits,
   * 4K leaves elsewhere (direct-map-and-rivals §1.2).
   */
  map(startPfn: number, endPfn: number, flags: number, largest: LeafLevel, pageTablePfn = 0): void {
    let pfn = startPfn;
    while (pfn < endPfn) {
      const gib = Math.floor(pfn / PAGES_PER_1G);
      const page = pfn - gib * PAGES_PER_1G;
      const left = endPfn - pfn;
      if (page === 0 && left >= PAGES_PER_1G) {
        this.gibs[gib] = flags | (largest << LEVEL_SHIFT);
        this.countMapped(largest, PAGES_PER_1G);
        pfn += PAGES_PER_1G;
      } else if (page % PAGES_PER_2M === 0 && left >= PAGES_PER_2M && pageTablePfn === 0) {
        const level = Math.min(largest, LEVEL_2M);
        this.setWordOf2M(gib, page, flags | (level << LEVEL_SHIFT));
        this.countMapped(level, PAGES_PER_2M);
        pfn += PAGES_PER_2M;
      } else {
        const count = Math.min(left, PAGES_PER_2M - (page & 511));
        const table = this.pteTable(gib, page);
        const first = pteIndex(table, page);
        this.ptes[table >>> CHUNK_SHIFT].fill(flags, first, first + count);
        if (pageTablePfn !== 0) this.pageTablePfns.set(table, pageTablePfn);
        this.countMapped(LEVEL_4K, count);
        pfn += count;
      }
    }
  }

  /**
   * Makes 512 equal 4K leaves one 2M leaf again; false when they are not equal, or not 4K. What else a
   * collapse asks for is the caller's to check (direct-map-and-rivals §2.7).
   */
  collapseTo2M(gib: number, page: number): boolean {
    const first = this.at(gib, page);
    if (first >>> LEVEL_SHIFT !== LEVEL_4K) return false;
    const word = this.wordOf2M(gib, page);
    if (word === -1) {
      for (let i = 1; i < TABLE; i++) if (this.at(gib, page + i) !== first) return false;
    }
    this.dropTable(gib, page);
    this.setWordOf2M(gib, page, (first & FLAGS_MASK) | (LEVEL_2M << LEVEL_SHIFT));
    this.leaves4K -= TABLE;
    this.leaves2M++;
    return true;
  }

  /** Makes a 2M range a hole. */
  unmap2M(gib: number, page: number): void {
    for (let i = 0; i < TABLE; i++) {
      const level = this.at(gib, page + i) >>> LEVEL_SHIFT;
      if (level === LEVEL_4K) this.leaves4K--;
      else if (level === LEVEL_2M && i === 0) this.leaves2M--;
    }
    this.dropTable(gib, page);
    this.setWordOf2M(gib, page, 0);
  }

  /** Present 2M leaves without the global bit. */
  count2MWithoutGlobal(): number {
    let count = 0;
    for (let gib = 0; gib < this.gibs.length; gib++) {
      const word = this.gibs[gib];
      if (word >= 0) {
        if (isNonGlobal2M(word)) count += TABLE;
        continue;
      }
      const first = ~word * TABLE;
      for (let i = first; i < first + TABLE; i++) if (isNonGlobal2M(this.pmds[i])) count++;
    }
    return count;
  }

  private countMapped(level: number, pages: number): void {
    if (level === LEVEL_4K) this.leaves4K += pages;
    else if (level === LEVEL_2M) this.leaves2M += pages / PAGES_PER_2M;
    else this.leaves1G += pages / PAGES_PER_1G;
  }

  /** Gives the table of a 2M range's 4K leaves back, if it has one; its word is to be written next. */
  private dropTable(gib: number, page: number): void {
    const gibWord = this.gibs[gib];
    if (gibWord >= 0) return;
    const word = this.pmds[~gibWord * TABLE + (page >>> 9)];
    if (word >= 0) return;
    this.freePteTables.push(~word);
    this.pageTablePfns.delete(~word);
  }

  private setWordOf2M(gib: number, page: number, word: number): void {
    // First the table, then the array: making one may replace the other.
    const index = this.pmdTable(gib) * TABLE + (page >>> 9);
    this.pmds[index] = word;
  }

  /** Table of a GiB's 2M entries; made from the GiB's own word when there is none yet. */
  private pmdTable(gib: number): number {
    const word = this.gibs[gib];
    if (word < 0) return ~word;
    const table = this.pmdTables++;
    if (table * TABLE === this.pmds.length) {
      const grown = new Int32Array(2 * this.pmds.length);
      grown.set(this.pmds);
      this.pmds = grown;
    }
    this.pmds.fill(word, table * TABLE, (table + 1) * TABLE);
    this.gibs[gib] = ~table;
    return table;
  }

  /** Table of a 2M range's 4K leaves; made from the range's own word when there is none yet. */
  private pteTable(gib: number, page: number): number {
    const index = this.pmdTable(gib) * TABLE + (page >>> 9);
    const word = this.pmds[index];
    if (word < 0) return ~word;
    const table = this.freePteTables.pop() ?? this.pteTables++;
    const chunk = table >>> CHUNK_SHIFT;
    if (chunk === this.ptes.length) this.ptes.push(new Uint16Array((CHUNK_MASK + 1) * TABLE));
    const first = pteIndex(table, 0);
    this.ptes[chunk].fill(word & FLAGS_MASK, first, first + TABLE);
    this.pmds[index] = ~table;
    return table;
  }
}

/** Flags after a change; a leaf that is not present cannot be global (direct-map-and-rivals §2.1, §2.2). */
export function changedFlags(flags: number, set: number, clear: number): number {
  const wanted = (flags & ~clear) | set;
  return (wanted & PRESENT) === 0 ? wanted & ~GLOBAL : wanted;
}

/** Place of a page's entry within its table's chunk. */
function pteIndex(table: number, page: number): number {
  return ((table & CHUNK_MASK) << 9) | (page & 511);
}

function isNonGlobal2M(word: number): boolean {
  return word >>> LEVEL_SHIFT === LEVEL_2M && (word & (PRESENT | GLOBAL)) === PRESENT;
}
