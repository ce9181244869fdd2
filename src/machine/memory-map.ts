/**
 * Memory of a machine that is named by its size alone (`--memory 16G`): a PC's layout, and a documented
 * reserve for what the allocator of a real one never gets.
 *
 * Layout, as QEMU lays it out: 640K, hole, RAM from 1M up to 3G, the rest from 4G. Page 0 and the page of
 * the BIOS data below 640K are no RAM, and firmware keeps the last 35 pages of low RAM, so that its end is
 * not 2M-aligned, which is the normal case (direct-map-and-rivals §1.2).
 *
 * Reserve, fitted to the recorded 7.3 machines (their managed pages are met within 0.5 %; test/machine):
 *   - all below 1M (real-mode trampolines);
 *   - the kernel's image at 16M: 42 MiB, on machines below 336 MiB an eighth of RAM;
 *   - with RAM above 4G, 64 MiB of bounce buffers at the end of low RAM;
 *   - at the top, the memory map, 64 bytes a page, and hash tables, 1/512 of RAM up to 256 MiB.
 */

import { EXIT, UserError } from '../kernel/errors.js';
import { MAX_PFN, PAGE_SIZE, PAGEBLOCK_PAGES } from '../kernel/orders.js';
import type { PfnRange } from './machine.js';
import { countPages, intersectRanges, normalizeRanges } from './pfn-ranges.js';
import { formatSize } from './size.js';

const HOLE_START = 0x9f;
const HOLE_END = 0x100;
/** 3 GiB, where RAM below 4G ends at the latest. */
const LOW_RAM_LIMIT = 0xc0000;
const HIGH_RAM_START = 0x100000;
const FIRMWARE_PAGES = 35;
const KERNEL_IMAGE_START = 0x1000;
const KERNEL_IMAGE_PAGES = 10752;
const BOUNCE_BUFFER_PAGES = 16384;
const STRUCT_PAGE_BYTES = 64;
const HASH_TABLE_PAGES_MAX = 65536;

/** Less cannot hold a kernel; more has pfns above 36 bits. */
export const MIN_MEMORY = 8 * 2 ** 20;
export const MAX_MEMORY = (MAX_PFN - (HIGH_RAM_START - LOW_RAM_LIMIT)) * PAGE_SIZE;

/** RAM of a PC with so many bytes; `source` names the value in messages, such as '--memory'. */
export function ramOfSize(bytes: number, source: string): PfnRange[] {
  if (bytes < MIN_MEMORY || bytes > MAX_MEMORY) {
    const bound = bytes < MIN_MEMORY ? `at least ${formatSize(MIN_MEMORY)}` : 'less than 256T';
    throw new UserError(EXIT.commandLine, `${source} ${formatSize(bytes)}: a machine has ${bound} of memory`);
  }
  const pages = Math.floor(bytes / PAGE_SIZE);
  const low = Math.min(pages, LOW_RAM_LIMIT);
  return normalizeRanges([
    { start: 1, end: HOLE_START },
    { start: HOLE_END, end: low - FIRMWARE_PAGES },
    { start: HIGH_RAM_START, end: HIGH_RAM_START + pages - low },
  ]);
}

/** What the allocator of a machine with this RAM does not get; see above. Normalized, inside of RAM. */
export function typicalReserve(ram: readonly PfnRange[], kernelImage: readonly PfnRange[] = []): PfnRange[] {
  const pages = countPages(ram);
  const memoryMap = Math.ceil((pages * STRUCT_PAGE_BYTES) / PAGE_SIZE);
  const hashTables = Math.min(Math.floor(pages / 512), HASH_TABLE_PAGES_MAX);
  const reserved = [
    { start: 0, end: HOLE_END },
    ...(kernelImage.length > 0 ? kernelImage : [imageRange(ram, pages)]),
    ...takeFromTop(ram, memoryMap + hashTables),
  ];
  const lowRam = intersectRanges(ram, [{ start: 0, end: HIGH_RAM_START }]);
  if (countPages(ram) > countPages(lowRam)) reserved.push(...takeFromTop(lowRam, BOUNCE_BUFFER_PAGES));
  return intersectRanges(normalizeRanges(reserved), ram);
}

function imageRange(ram: readonly PfnRange[], pages: number): PfnRange {
  const size = Math.min(KERNEL_IMAGE_PAGES, Math.floor(pages / 8 / PAGEBLOCK_PAGES) * PAGEBLOCK_PAGES);
  // Machines that end below 16M + image have it at 1M, where kernels lay before they moved.
  const start = ram[ram.length - 1].end >= KERNEL_IMAGE_START + 2 * size ? KERNEL_IMAGE_START : HOLE_END;
  return { start, end: start + size };
}

/** The last `count` pages, rounded down to a pageblock: memblock allocates from the top. */
function takeFromTop(ram: readonly PfnRange[], count: number): PfnRange[] {
  const taken: PfnRange[] = [];
  let missing = count;
  for (let i = ram.length - 1; i >= 0 && missing > 0; i--) {
    const aligned = Math.floor((ram[i].end - missing) / PAGEBLOCK_PAGES) * PAGEBLOCK_PAGES;
    const start = Math.max(ram[i].start, aligned);
    taken.push({ start, end: ram[i].end });
    missing -= ram[i].end - start;
  }
  return taken;
}
