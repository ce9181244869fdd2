/**
 * Interrupts that the counted flushes send on a machine of n CPUs: arithmetic, since no choice of the
 * kernel depends on n. Every flush goes to all online CPUs but the caller, idle ones included
 * (direct-map-and-rivals §3.2).
 */

import type { DirectMapCounts } from './counts.js';

/**
 * Flushes that interrupt other CPUs. AMD's INVLPGB spares all but cpa_flush's ranges, which 7.x still
 * sends by IPI (direct-map-and-rivals §3.1).
 */
export function interruptingFlushes(counts: DirectMapCounts, invlpgb: boolean): number {
  return invlpgb ? counts.cpaRangedFlushes : counts.fullFlushes + counts.rangedFlushes;
}

/** IPIs on `cpus` online CPUs: an upper bound, as a CPU with work already queued is not sent another. */
export function ipisFor(counts: DirectMapCounts, cpus: number, invlpgb: boolean): number {
  return interruptingFlushes(counts, invlpgb) * (cpus - 1);
}
