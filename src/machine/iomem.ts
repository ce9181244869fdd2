/**
 * RAM from the text of /proc/iomem (trace-formats §7.2), trimmed as the kernel trims it before it maps RAM
 * (direct-map-and-rivals §1.2), and what of it the kernel's own image takes.
 */

import { EXIT, UserError } from '../kernel/errors.js';
import { MAX_PFN, PAGE_SIZE } from '../kernel/orders.js';
import type { PfnRange } from './machine.js';
import { countPages, intersectRanges, normalizeRanges, subtractRanges } from './pfn-ranges.js';

export interface MemoryLayout {
  readonly ram: readonly PfnRange[];
  /** Kernel code, rodata, data and bss. */
  readonly kernelImage: readonly PfnRange[];
}

/** Page 0 holds the interrupt vectors of real mode; from 640K to 1M there is no RAM on a PC. */
const NEVER_RAM: readonly PfnRange[] = [
  { start: 0, end: 1 },
  { start: 0xa0, end: 0x100 },
];

/** RAM ranges as the kernel keeps them: normalized, without page 0 and the hole below 1M. */
export function trimRam(ranges: readonly PfnRange[]): PfnRange[] {
  return subtractRanges(normalizeRanges(ranges), NEVER_RAM);
}

/** `file` is the name for messages. */
export function parseIomem(text: string, file: string): MemoryLayout {
  const ram: PfnRange[] = [];
  const image: PfnRange[] = [];
  let lineNumber = 0;
  for (const line of text.split('\n')) {
    lineNumber++;
    if (line.trim() === '') continue;
    const match = /^( *)([0-9a-f]+)-([0-9a-f]+) : (.*)$/.exec(line);
    if (match === null) {
      throw problem(file, lineNumber, "this is no line of /proc/iomem: 'START-END : NAME' was expected");
    }
    const first = Number(`0x${match[2]}`);
    const last = Number(`0x${match[3]}`);
    const name = match[4].trimEnd();
    if (match[1] === '' && name === 'System RAM') ram.push(wholePages(first, last));
    // Inside of RAM; rounded outward, since no page is shared with anything else.
    else if (/^Kernel (?:code|rodata|data|bss)$/.test(name)) image.push(touchedPages(first, last));
  }
  const trimmed = trimRam(ram);
  if (countPages(trimmed) === 0) {
    throw new UserError(EXIT.badInput, "there is no 'System RAM' with an address", {
      place: { file },
      advice: 'copy /proc/iomem as root: for others all addresses are zero',
    });
  }
  if (trimmed[trimmed.length - 1].end > MAX_PFN) {
    throw new UserError(EXIT.badInput, 'RAM above 256 TiB is not modelled', { place: { file } });
  }
  return { ram: trimmed, kernelImage: intersectRanges(normalizeRanges(image), trimmed) };
}

/** Addresses are inclusive; a page counts when all of it is RAM. */
function wholePages(first: number, last: number): PfnRange {
  return { start: Math.ceil(first / PAGE_SIZE), end: Math.floor((last + 1) / PAGE_SIZE) };
}

function touchedPages(first: number, last: number): PfnRange {
  return { start: Math.floor(first / PAGE_SIZE), end: Math.ceil((last + 1) / PAGE_SIZE) };
}

function problem(file: string, line: number, text: string): UserError {
  return new UserError(EXIT.badInput, text, { place: { file, line } });
}
