/**
 * Zones of an x86-64 machine with one node, from its RAM: boundaries and spans by page-allocator §1.1,
 * sizes by sizing.ts.
 */

import { MAX_PAGE_ORDER } from '../kernel/orders.js';
import {
  type PfnRange,
  ZONE_DMA,
  ZONE_DMA32,
  ZONE_MOVABLE,
  ZONE_NAMES,
  ZONE_NORMAL,
  type Zone,
} from './machine.js';
import { countPages, intersectRanges, subtractRanges } from './pfn-ranges.js';
import { lowmemReserves, pcpSizes, sizeAtBoot, statThreshold, watermarks } from './sizing.js';

/** First pfns of DMA32 (16 MiB) and Normal (4 GiB). */
const DMA32_START = 0x1000;
const NORMAL_START = 0x100000;

/** Where a zone lies and what it holds. */
export interface ZoneExtent {
  readonly index: number;
  readonly startPfn: number;
  readonly endPfn: number;
  readonly present: number;
  readonly managed: number;
}

/** Populated zones, ascending. `movablePages`: `movablecore=` in pages, 0 for no Movable zone. */
export function zoneExtents(
  ram: readonly PfnRange[],
  reserved: readonly PfnRange[],
  movablePages = 0,
): ZoneExtent[] {
  if (ram.length === 0) return [];
  const nodeStart = ram[0].start;
  const nodeEnd = ram[ram.length - 1].end;
  const free = subtractRanges(ram, reserved);
  // The Movable zone takes the upper part of the highest zone that has memory.
  const highest = nodeEnd > NORMAL_START ? ZONE_NORMAL : nodeEnd > DMA32_START ? ZONE_DMA32 : ZONE_DMA;
  const limits = [0, DMA32_START, NORMAL_START, Number.POSITIVE_INFINITY];
  const movableStart = movablePages > 0 ? movableZoneStart(ram, limits[highest], movablePages) : nodeEnd;
  const extents: ZoneExtent[] = [];
  const add = (index: number, start: number, end: number) => {
    // Clamped to the node, holes inside included: a zone spans from its limit to its limit (§1.1 item 3).
    const span = { start: Math.max(start, nodeStart), end: Math.min(end, nodeEnd) };
    if (span.start >= span.end) return;
    const present = countPages(intersectRanges(ram, [span]));
    if (present === 0) return;
    const managed = countPages(intersectRanges(free, [span]));
    extents.push({ index, startPfn: span.start, endPfn: span.end, present, managed });
  };
  for (const index of [ZONE_DMA, ZONE_DMA32, ZONE_NORMAL]) {
    add(index, limits[index], Math.min(limits[index + 1], movableStart));
  }
  add(ZONE_MOVABLE, movableStart, nodeEnd);
  return extents;
}

/**
 * First pfn of the Movable zone for `movablecore=`: kernel pages are counted from below, all RAM under the
 * highest zone being theirs, and the border is rounded up to the largest block
 * (find_zone_movable_pfns_for_nodes in mm/mm_init.c, with one node).
 */
function movableZoneStart(ram: readonly PfnRange[], usableStart: number, movablePages: number): number {
  const largestBlock = 2 ** MAX_PAGE_ORDER;
  const nodeEnd = ram[ram.length - 1].end;
  const rounded = Math.ceil(movablePages / largestBlock) * largestBlock;
  let kernelPages = countPages(ram) - rounded;
  // All or nothing: the kernel makes no such zone when no page is left for itself.
  if (kernelPages <= 0) return nodeEnd;
  let start = usableStart;
  for (const range of ram) {
    const below = Math.max(0, Math.min(range.end, usableStart) - range.start);
    kernelPages -= Math.min(below, kernelPages);
    const from = Math.max(range.start, usableStart);
    if (from >= range.end) continue;
    const taken = Math.min(range.end - from, kernelPages);
    kernelPages -= taken;
    start = from + taken;
    if (kernelPages === 0) break;
  }
  return Math.min(Math.ceil(start / largestBlock) * largestBlock, nodeEnd);
}

export interface ZoneSizing {
  readonly cpus: number;
  /** Transparent huge pages are on: min_free_kbytes is raised (page-allocator §6.2). */
  readonly thp: boolean;
  /** Set by the user: replaces what boot computes. */
  readonly minFreeKbytes?: number;
  readonly watermarkScaleFactor: number;
}

/** Zones with the marks and list sizes that the kernel would compute for them. */
export function sizeZones(
  extents: readonly ZoneExtent[],
  sizing: ZoneSizing,
): { zones: Zone[]; minFreeKbytes: number } {
  const { cpus, thp, watermarkScaleFactor: scale } = sizing;
  const boot = sizeAtBoot(extents, { thp, scale });
  const minFreeKbytes = sizing.minFreeKbytes ?? boot.minFreeKbytes;
  const marks =
    sizing.minFreeKbytes === undefined ? boot.watermarks : watermarks(extents, minFreeKbytes, scale);
  const reserves = lowmemReserves(extents);
  const zones = extents.map((extent, i) => ({
    index: extent.index,
    name: ZONE_NAMES[extent.index],
    startPfn: extent.startPfn,
    endPfn: extent.endPfn,
    present: extent.present,
    managed: extent.managed,
    watermark: marks[i],
    boost: 0,
    lowmemReserve: reserves[i],
    pcp: pcpSizes({ managed: extent.managed, low: marks[i].low, cpus }),
    statThreshold: statThreshold(extent.managed, cpus),
    // Not modelled: the mark is set by the watermarks of early boot, and is seldom there.
    hasDriftMark: false,
  }));
  return { zones, minFreeKbytes };
}
