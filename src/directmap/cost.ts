/**
 * Time derived from counts (direct-map-and-rivals §5). Every figure is a guess with its ground beside
 * it, so that results must call it *derived* and name the preset. Not in it, because nobody knows it:
 * refilling TLBs after a flush, and slower access through smaller leaves.
 */

import type { DirectMapCounts } from './counts.js';
import { interruptingFlushes } from './ipis.js';

/** All in ns. */
export interface CostPreset {
  /** Invalidating one page. */
  readonly invlpg: number;
  /** The instruction of a full flush. */
  readonly full: number;
  /** Sending IPIs and waiting for them: once per flush, and per CPU that is sent one. */
  readonly ipiBase: number;
  readonly ipiPerCpu: number;
  /** Taking the interrupt on the receiver. */
  readonly irq: number;
  /** Writing 512 entries into a zeroed page. */
  readonly split: number;
  /** Rewriting an entry. */
  readonly entry: number;
}

export const COST_PRESET_NAMES = ['low', 'mid', 'high'] as const;
export type CostPresetName = (typeof COST_PRESET_NAMES)[number];

interface CostParameter {
  readonly key: keyof CostPreset;
  /** By index of COST_PRESET_NAMES. */
  readonly ns: readonly [number, number, number];
  readonly ground: string;
}

/** The table of §5; `list metrics` and the presets both read it. */
export const COST_PARAMETERS: readonly CostParameter[] = [
  { key: 'invlpg', ns: [50, 100, 200], ground: 'comment at tlb_single_page_flush_ceiling: 100 ns' },
  { key: 'full', ns: [100, 500, 1000], ground: 'assumed' },
  { key: 'ipiBase', ns: [500, 1000, 3000], ground: 'published figures, low confidence' },
  { key: 'ipiPerCpu', ns: [100, 200, 500], ground: 'published figures, low confidence' },
  { key: 'irq', ns: [300, 1000, 2000], ground: 'assumed' },
  { key: 'split', ns: [500, 1000, 2000], ground: 'assumed' },
  { key: 'entry', ns: [10, 20, 50], ground: 'assumed' },
];

export const COST_PRESETS: Readonly<Record<CostPresetName, CostPreset>> = {
  low: presetAt(0),
  mid: presetAt(1),
  high: presetAt(2),
};

export interface DerivedCost {
  readonly label: 'derived';
  /** On the CPUs that ask for the changes. */
  readonly initiatorNs: number;
  /** Taken from all other CPUs together. */
  readonly stolenNs: number;
}

export function derivedCost(
  counts: DirectMapCounts,
  cpus: number,
  invlpgb: boolean,
  preset: CostPreset,
): DerivedCost {
  const flushes = interruptingFlushes(counts, invlpgb);
  const ipiNs = cpus === 1 ? 0 : preset.ipiBase + preset.ipiPerCpu * (cpus - 1);
  const splits = counts.level2Splits + counts.level3Splits;
  // A broadcast does not interrupt a receiver: with INVLPGB only cpa_flush's ranges steal time. §5 gives
  // the stolen time without INVLPGB; this follows from §3.1.
  const fullOnOthers = invlpgb ? 0 : counts.fullFlushes;
  const pagesOnOthers = invlpgb ? counts.cpaPagesFlushed : counts.pagesFlushed;
  return {
    label: 'derived',
    initiatorNs:
      flushes * ipiNs +
      counts.fullFlushes * preset.full +
      counts.pagesFlushed * preset.invlpg +
      splits * preset.split +
      counts.entriesChanged * preset.entry,
    stolenNs:
      (cpus - 1) * (flushes * preset.irq + fullOnOthers * preset.full + pagesOnOthers * preset.invlpg),
  };
}

function presetAt(index: 0 | 1 | 2): CostPreset {
  const preset = { invlpg: 0, full: 0, ipiBase: 0, ipiPerCpu: 0, irq: 0, split: 0, entry: 0 };
  for (const parameter of COST_PARAMETERS) preset[parameter.key] = parameter.ns[index];
  return preset;
}
