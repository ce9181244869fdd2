/**
 * The simulated machine: memory map, zones with their watermarks, pcp sizes. Plain data, made by
 * presets.ts, from `--memory`, from a machine file, or from a capture's snapshot.
 * Zones and sizing: page-allocator §1.1, §6.
 */

import type { KernelRules } from '../kernel/rules.js';

/** A run of pages, end exclusive. */
export interface PfnRange {
  readonly start: number;
  readonly end: number;
}

export const ZONE_DMA = 0;
export const ZONE_DMA32 = 1;
export const ZONE_NORMAL = 2;
export const ZONE_MOVABLE = 3;
export const MAX_NR_ZONES = 5;
export const ZONE_NAMES = ['DMA', 'DMA32', 'Normal', 'Movable', 'Device'] as const;

/** One populated zone. All sizes in pages. */
export interface Zone {
  /** Kernel zone index: ZONE_DMA … ZONE_MOVABLE. */
  readonly index: number;
  readonly name: string;
  readonly startPfn: number;
  /** Exclusive; start + spanned. */
  readonly endPfn: number;
  /** Without holes. */
  readonly present: number;
  /** Pages ever handed to the buddy allocator. */
  readonly managed: number;
  /** Bare marks, without boost (page-allocator §6.3). */
  readonly watermark: {
    readonly min: number;
    readonly low: number;
    readonly high: number;
    readonly promo: number;
  };
  /** watermark_boost at the start. */
  readonly boost: number;
  /** By highest zone index of the request (page-allocator §6.4). */
  readonly lowmemReserve: readonly number[];
  /** Sizes of each CPU's lists (page-allocator §6.5). */
  readonly pcp: { readonly batch: number; readonly highMin: number; readonly highMax: number };
  /** A CPU folds its part of the free counter when it exceeds this (page-allocator §1.7). */
  readonly statThreshold: number;
  /** The counter can be so wrong on this zone that kswapd changes the threshold while it is awake (§1.7). */
  readonly hasDriftMark: boolean;
}

export interface Machine {
  /** Name of the preset, capture or file; never a path. */
  readonly name: string;
  readonly rules: KernelRules;
  readonly cpus: number;
  /** RAM after trimming, ascending, touching ranges merged (direct-map-and-rivals §1.2). */
  readonly ram: readonly PfnRange[];
  /** Parts of RAM that the allocator never got: firmware, kernel image, memory map. Ascending. */
  readonly reserved: readonly PfnRange[];
  /** Populated zones, ascending by index. */
  readonly zones: readonly Zone[];
  /** First pfn after all memory. */
  readonly endPfn: number;
  /** min_free_kbytes that the watermarks came from; the boost needs watermark_boost_factor. */
  readonly minFreeKbytes: number;
  readonly watermarkBoostFactor: number;
  /** 1G leaves may be used in the direct map (direct-map-and-rivals §1.1). */
  readonly gbPages: boolean;
  /** tlb_single_page_flush_ceiling (direct-map-and-rivals §3.1). */
  readonly tlbFlushCeiling: number;
  /** AMD broadcast invalidation: no IPIs for range and full flushes. */
  readonly invlpgb: boolean;
  /** FREE_HIGH_BATCH is set on each CPU's lists: the last-level cache is large (page-allocator §4.5). */
  readonly freeHighBatch: boolean;
}

/** Pages of RAM that the allocator manages. */
export function managedPages(machine: Machine): number {
  return machine.zones.reduce((sum, zone) => sum + zone.managed, 0);
}
