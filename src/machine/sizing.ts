/**
 * How the kernel sizes its marks and lists from the managed pages of each zone: integer arithmetic that
 * truncates where the kernel's does. Source: page-allocator §6; the counter's threshold: §1.7.
 *
 * Both kernels compute the same values; they differ in *when*: 7.3 computes lowmem_reserve anew at every
 * change of managed, 6.12 only at boot and at accesses to its sysctl (§6.4). Callers pass the managed pages
 * of the right moment.
 */

import { PAGE_SIZE } from '../kernel/orders.js';
import { MAX_NR_ZONES, ZONE_MOVABLE, ZONE_NORMAL } from './machine.js';

/** What the formulas ask of a zone. */
export interface ZoneSize {
  readonly index: number;
  readonly managed: number;
}

export interface Watermark {
  readonly min: number;
  readonly low: number;
  readonly high: number;
  readonly promo: number;
}

export interface PcpSizes {
  readonly batch: number;
  readonly highMin: number;
  readonly highMax: number;
}

const KBYTES_PER_PAGE = PAGE_SIZE / 1024;
/** Pages a zone should have free for anti-fragmentation to work: 2 pageblocks, and 9 for pairs of types. */
const RECOMMENDED_PER_ZONE = 512 * 2 + 512 * 9;
/** By zone index: DMA, DMA32, Normal, Movable (page-allocator §6.4). */
const LOWMEM_RESERVE_RATIO = [256, 256, 32, 0, 0];

export interface BootSizing {
  /** After §6.1 alone. */
  readonly first: number;
  readonly minFreeKbytes: number;
  /** In the order of the zones given. */
  readonly watermarks: readonly Watermark[];
}

/**
 * min_free_kbytes and watermarks at the end of boot: calculate_min_free_kbytes, the first watermarks, then
 * khugepaged's larger value unless transparent huge pages are off (§6.1 to §6.3).
 */
export function sizeAtBoot(
  zones: readonly ZoneSize[],
  options: { thp: boolean; scale?: number },
): BootSizing {
  const scale = options.scale ?? 10;
  const first = calculateMinFreeKbytes(lowmemAboveHigh(zones, null));
  const firstMarks = watermarks(zones, first, scale);
  if (!options.thp) return { first, minFreeKbytes: first, watermarks: firstMarks };
  const recommended = recommendedMinFreeKbytes(zones, firstMarks);
  if (recommended <= first) return { first, minFreeKbytes: first, watermarks: firstMarks };
  return { first, minFreeKbytes: recommended, watermarks: watermarks(zones, recommended, scale) };
}

/** §6.1; `pages` = lowmemAboveHigh of the moment. */
export function calculateMinFreeKbytes(pages: number): number {
  return Math.min(Math.max(isqrt(pages * KBYTES_PER_PAGE * 16), 128), 262144);
}

/** §6.2: what anti-fragmentation wants to keep free, at most 5 % of memory. */
export function recommendedMinFreeKbytes(zones: readonly ZoneSize[], marks: readonly Watermark[]): number {
  const populated = zones.filter((zone) => zone.index <= ZONE_NORMAL && zone.managed > 0).length;
  const pages = lowmemAboveHigh(zones, marks);
  return Math.min(RECOMMENDED_PER_ZONE * populated, Math.floor(pages / 20)) * KBYTES_PER_PAGE;
}

/** Pages above the high marks in the zones up to Normal; without marks at the first call (§6.1). */
export function lowmemAboveHigh(zones: readonly ZoneSize[], marks: readonly Watermark[] | null): number {
  let pages = 0;
  for (const [i, zone] of zones.entries()) {
    const high = marks === null ? 0 : marks[i].high;
    if (zone.index <= ZONE_NORMAL && zone.managed > high) pages += zone.managed - high;
  }
  return pages;
}

/** §6.3, for every zone, in the order given. `scale` = watermark_scale_factor. */
export function watermarks(zones: readonly ZoneSize[], minFreeKbytes: number, scale = 10): Watermark[] {
  const pagesMin = Math.floor(minFreeKbytes / KBYTES_PER_PAGE);
  let lowmem = 0;
  for (const zone of zones) if (zone.index !== ZONE_MOVABLE) lowmem += zone.managed;
  return zones.map((zone) => {
    const share = lowmem === 0 ? 0 : multiplyDivide(pagesMin, zone.managed, lowmem);
    const min =
      zone.index === ZONE_MOVABLE ? Math.min(Math.max(Math.floor(zone.managed / 1024), 32), 128) : share;
    // mult_frac of the kernel: whole 10000s and the rest apart, so that nothing overflows there.
    const scaled =
      Math.floor(zone.managed / 10000) * scale + Math.floor(((zone.managed % 10000) * scale) / 10000);
    const step = Math.max(Math.floor(share / 4), scaled);
    return { min, low: min + step, high: min + 2 * step, promo: min + 3 * step };
  });
}

/** §6.4, for every zone: MAX_NR_ZONES values by highest zone index of the request. */
export function lowmemReserves(zones: readonly ZoneSize[]): number[][] {
  return zones.map((zone) => {
    const ratio = LOWMEM_RESERVE_RATIO[zone.index];
    const reserve = new Array<number>(MAX_NR_ZONES).fill(0);
    if (ratio === 0 || zone.managed === 0) return reserve;
    let above = 0;
    for (let index = zone.index + 1; index < MAX_NR_ZONES; index++) {
      above += zones.find((other) => other.index === index)?.managed ?? 0;
      reserve[index] = Math.floor(above / ratio);
    }
    return reserve;
  });
}

export interface PcpSizing {
  readonly managed: number;
  /** Low watermark, with boost. */
  readonly low: number;
  /** CPUs of the node. */
  readonly cpus: number;
  /** percpu_pagelist_high_fraction; 0 = off. */
  readonly highFraction?: number;
}

/** §6.5: the same for each CPU. */
export function pcpSizes({ managed, low, cpus, highFraction = 0 }: PcpSizing): PcpSizes {
  const batch = pcpBatch(managed);
  const share = (pages: number) => Math.max(Math.floor(pages / cpus), batch * 4);
  if (highFraction > 0) {
    const high = share(Math.floor(managed / highFraction));
    return { batch, highMin: high, highMax: high };
  }
  return { batch, highMin: share(low), highMax: share(Math.floor(managed / 8)) };
}

function pcpBatch(managed: number): number {
  const base = Math.min(Math.floor(managed / 4096), 64);
  if (base <= 1) return 1;
  return 2 ** (fls(base + Math.floor(base / 2)) - 1) - 1;
}

/** §1.7: a CPU folds its part of the counter when it exceeds this. */
export function statThreshold(managed: number, cpus: number): number {
  return Math.min(125, 2 * fls(cpus) * (1 + fls(Math.floor(managed / 32768))));
}

/**
 * The same for a zone with a percpu_drift_mark, from kswapd's waking until it sleeps: a share of the distance
 * between two marks. On small zones it is the larger of the two, though §1.7 has it smaller:
 * linux-7.3-pressure-2cpu-probes is served by a zone DMA that stands 17 pages below its mark.
 */
export function pressureStatThreshold(min: number, low: number, cpus: number): number {
  return Math.min(125, Math.max(1, Math.floor((low - min) / cpus)));
}

/** Position of the highest bit, counted from 1; 0 for 0. For numbers below 2^31. */
function fls(value: number): number {
  return 32 - Math.clz32(value);
}

/** Exact floor of the square root, for integers up to 2^53. */
export function isqrt(value: number): number {
  let root = Math.floor(Math.sqrt(value));
  // A double's square root may have been rounded up to the next integer.
  while (root * root > value) root--;
  while ((root + 1) * (root + 1) <= value) root++;
  return root;
}

/** floor(a * b / c); the kernel has 64 bits for the product, a double only 53. */
function multiplyDivide(a: number, b: number, c: number): number {
  const product = a * b;
  if (product <= Number.MAX_SAFE_INTEGER) return Math.floor(product / c);
  return Number((BigInt(a) * BigInt(b)) / BigInt(c));
}
