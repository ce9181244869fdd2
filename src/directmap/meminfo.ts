/**
 * The DirectMap4k, DirectMap2M and DirectMap1G counters of /proc/meminfo. They are not a census of
 * leaves: boot counts a large leaf once for every mapping step that touches it, so they are kept apart
 * from the true one (direct-map-and-rivals §1.3, §1.4).
 *
 * Not modelled: splits of the high kernel mapping, which move these counters too (§1.4, §1.5).
 */

import type { PfnRange } from '../machine/machine.js';
import type { LeafCensus } from './counts.js';
import { PAGES_PER_1G, PAGES_PER_2M } from './leaves.js';

/** Pages below 1 MiB: mapped first, with 4K leaves, holes included. */
export const ISA_END_PFN = 256;

export class MeminfoCounters {
  /** In leaves. */
  count4K = 0;
  count2M = 0;
  count1G = 0;

  /** As /proc/meminfo prints them. Not by shifting: 256 TiB in kB pass 32 bits. */
  kB(): LeafCensus {
    return { '4K': this.count4K * 4, '2M': this.count2M * 2048, '1G': this.count1G * 1048576 };
  }

  /** A leaf was split; a counter that already is 0 leaves both levels alone (§1.4). */
  split(level: 2 | 3): void {
    if (level === 3) {
      if (this.count1G === 0) return;
      this.count1G--;
      this.count2M += 512;
    } else {
      if (this.count2M === 0) return;
      this.count2M--;
      this.count4K += 512;
    }
  }
}

/** The counters just after init_mem_mapping(): the steps of §1.3. `largest`: 1 = 4K only, 2 = up to 2M, 3 = up to 1G. */
export function bootMeminfo(ram: readonly PfnRange[], largest: 1 | 2 | 3): MeminfoCounters {
  const counters = new MeminfoCounters();
  counters.count4K = ISA_END_PFN;
  const end = ram.length === 0 ? 0 : ram[ram.length - 1].end;
  const realEnd = topOf2MBlocks(ram);
  let step = PAGES_PER_2M;
  let mapped = 0;
  let last = realEnd;
  while (last > ISA_END_PFN) {
    // last > step keeps the start above 0; below 1 MiB it is raised to there.
    const start = last > step ? Math.max(Math.floor((last - 1) / step) * step, ISA_END_PFN) : ISA_END_PFN;
    mapped += mapRam(counters, ram, start, last, largest);
    last = start;
    if (mapped >= step) step *= 256;
  }
  mapRam(counters, ram, Math.max(realEnd, ISA_END_PFN), end, largest);
  return counters;
}

/**
 * End of the highest aligned 2 MiB of RAM. The kernel wants it free as well; taken as free here, since
 * an initrd that lies in the way is no part of a machine (§1.3 step 1).
 */
function topOf2MBlocks(ram: readonly PfnRange[]): number {
  for (let i = ram.length - 1; i >= 0; i--) {
    const end = Math.floor(ram[i].end / PAGES_PER_2M) * PAGES_PER_2M;
    if (end - PAGES_PER_2M >= ram[i].start) return end;
  }
  return 0;
}

/** Maps all RAM within [start, end) and returns its pages. */
function mapRam(
  counters: MeminfoCounters,
  ram: readonly PfnRange[],
  start: number,
  end: number,
  largest: 1 | 2 | 3,
): number {
  let mapped = 0;
  for (const range of ram) {
    const from = Math.max(start, range.start);
    const to = Math.min(end, range.end);
    if (from >= to) continue;
    mapPieces(counters, ram, from, to, largest);
    mapped += to - from;
  }
  return mapped;
}

/**
 * split_mem_range: five pieces at most; adjust_range_page_size_mask: a piece whose rounded range is all
 * RAM takes the larger leaf, hence a 2 MiB step that counts a whole 1G leaf (§1.3). Pieces of one size
 * merge before they are mapped: else a leaf that two of them share would count twice.
 */
function mapPieces(
  counters: MeminfoCounters,
  ram: readonly PfnRange[],
  start: number,
  end: number,
  largest: 1 | 2 | 3,
): void {
  const up = (pfn: number, size: number) => Math.ceil(pfn / size) * size;
  const down = (pfn: number, size: number) => Math.floor(pfn / size) * size;
  const end2M = down(end, PAGES_PER_2M);
  const end1G = down(end, PAGES_PER_1G);
  const borders: readonly (readonly [end: number, level: 1 | 2 | 3])[] = [
    [Math.min(up(start, PAGES_PER_2M), end), 1],
    [Math.min(up(start, PAGES_PER_1G), end2M), 2],
    [end1G, 3],
    [end2M, 2],
    [end, 1],
  ];
  let from = start;
  let pieceStart = start;
  let pieceLevel = 0;
  for (const [to, ownLevel] of borders) {
    if (to <= from) continue;
    let level = ownLevel;
    if (level < 2 && isRam(ram, down(from, PAGES_PER_2M), up(to, PAGES_PER_2M))) level = 2;
    if (level < 3 && isRam(ram, down(from, PAGES_PER_1G), up(to, PAGES_PER_1G))) level = 3;
    if (level > largest) level = largest;
    if (level !== pieceLevel) {
      countPiece(counters, pieceLevel, pieceStart, from);
      pieceStart = from;
      pieceLevel = level;
    }
    from = to;
  }
  countPiece(counters, pieceLevel, pieceStart, from);
}

/** A leaf that is there already is counted again: the over-count of §1.4. */
function countPiece(counters: MeminfoCounters, level: number, start: number, end: number): void {
  if (level === 1) counters.count4K += end - start;
  else if (level === 2) counters.count2M += Math.ceil(end / PAGES_PER_2M) - Math.floor(start / PAGES_PER_2M);
  else if (level === 3) counters.count1G += Math.ceil(end / PAGES_PER_1G) - Math.floor(start / PAGES_PER_1G);
}

function isRam(ram: readonly PfnRange[], start: number, end: number): boolean {
  return ram.some((range) => range.start <= start && end <= range.end);
}
