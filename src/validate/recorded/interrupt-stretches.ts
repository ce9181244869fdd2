/**
 * Frees of one interrupt share their fate: whoever it interrupted holds the pcp lock all the while, or does
 * not (page-allocator §9.5 R12). So one of them that is known to have gone past the pcp lists tells it of the
 * others of its zone that nothing more is heard of.
 */

import { isPcpOrder } from '../../pagealloc/pcp-lists.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { BYPASS, NO_BYPASS } from './bypass.js';
import { interruptLevel } from './interrupted-batches.js';
import { FACT_ALLOCATED, FACT_ENTERED, FACT_LEFT } from './page-facts.js';

interface Stretch {
  /** Frees of pcp orders that are known to have bypassed, and to have not. */
  past: number;
  through: number;
  /** Those of which nothing is known. */
  readonly open: number[];
}

/** Marks the bypasses that a neighbour tells, in `at`. */
export function markStretches(
  events: EventColumns,
  facts: Uint8Array,
  at: Uint8Array,
  zoneOf: (pfn: number) => number,
): void {
  const { length, kind, cpu, pfn, order, context } = events;
  /** Running stretch of interrupt events, by CPU, then by zone. */
  const running = new Map<number, Map<number, Stretch>>();
  for (let i = 0; i < length; i++) {
    const zones = running.get(cpu[i]);
    if (interruptLevel(context[i]) === 0) {
      if (zones === undefined) continue;
      settle(zones, at);
      running.delete(cpu[i]);
      continue;
    }
    if (kind[i] !== KIND.free || pfn[i] < 0 || !isPcpOrder(order[i])) continue;
    const ofCpu = zones ?? new Map<number, Stretch>();
    if (zones === undefined) running.set(cpu[i], ofCpu);
    const zone = zoneOf(pfn[i]);
    const stretch = ofCpu.get(zone) ?? { past: 0, through: 0, open: [] };
    ofCpu.set(zone, stretch);
    if (at[i] === BYPASS && facts[i] === FACT_LEFT) stretch.past++;
    else if (facts[i] === FACT_ALLOCATED || facts[i] === FACT_ENTERED) stretch.through++;
    else if (at[i] === NO_BYPASS) stretch.open.push(i);
  }
  for (const zones of running.values()) settle(zones, at);
}

/** Neighbours that contradict each other are of two interrupts, and tell nothing. */
function settle(zones: ReadonlyMap<number, Stretch>, at: Uint8Array): void {
  for (const { past, through, open } of zones.values())
    if (past > 0 && through === 0) for (const i of open) at[i] = BYPASS;
}
