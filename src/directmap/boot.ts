/**
 * The direct map at the start: laid out from the memory map by the kernel's rule (direct-map-and-rivals
 * §1.2), or taken row by row from a snapshot.
 *
 * Not modelled: the splits that the kernel's own image causes during boot (§1.5); a snapshot has them.
 */

import type { PfnRange } from '../machine/machine.js';
import type { DirectMapRun } from '../machine/snapshot.js';
import { BOOT_FLAGS, GLOBAL, LEVEL_4K, type LeafLevel, Leaves } from './leaves.js';
import { ISA_END_PFN } from './meminfo.js';
import { flagsOfRun, isHole, levelOfRun } from './runs.js';

export interface BootOptions {
  /** 3 = 1G leaves allowed, 2 = nogbpages or a CPU without them, 1 = debug_pagealloc (§1.1). */
  readonly largest: LeafLevel;
  /** Page-table isolation: leaves are not global. */
  readonly pti: boolean;
}

/** Leaves just after init_mem_mapping(). */
export function bootLeaves(ram: readonly PfnRange[], endPfn: number, options: BootOptions): Leaves {
  const leaves = new Leaves(Math.max(endPfn, ISA_END_PFN));
  const flags = options.pti ? BOOT_FLAGS & ~GLOBAL : BOOT_FLAGS;
  // The first MiB whole, page 0 and the hole at 640K included.
  leaves.map(0, ISA_END_PFN, flags, LEVEL_4K);
  for (const range of ram) leaves.map(Math.max(range.start, ISA_END_PFN), range.end, flags, options.largest);
  return leaves;
}

/** Leaves exactly as recorded. */
export function recordedLeaves(runs: readonly DirectMapRun[], endPfn: number): Leaves {
  const leaves = new Leaves(endPfn);
  for (const run of runs) {
    if (isHole(run)) continue;
    leaves.map(run.startPfn, run.startPfn + run.pages, flagsOfRun(run), levelOfRun(run), run.pageTable);
  }
  return leaves;
}
