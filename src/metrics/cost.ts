/**
 * Group `cost`: time derived from counts at assumed prices. Never measured, and so called *derived*
 * wherever it is shown; that is why the word is part of the key.
 */

import {
  COST_PARAMETERS,
  COST_PRESET_NAMES,
  COST_PRESETS,
  type CostPreset,
  derivedCost,
} from '../directmap/cost.js';
import { byName, defineMetric, type RunInputs } from './metric.js';

/** A set of prices with the name under which results cite it: a low, a middle and a high guess of each. */
export interface NamedCostPreset {
  readonly name: string;
  readonly low: CostPreset;
  readonly mid: CostPreset;
  readonly high: CostPreset;
}

/** The table of direct-map-and-rivals §5. */
export const DEFAULT_COST_PRESET: NamedCostPreset = {
  name: 'x86-64',
  low: COST_PRESETS.low,
  mid: COST_PRESETS.mid,
  high: COST_PRESETS.high,
};

export const COST = [
  defineMetric({
    key: 'cost.preset',
    label: 'cost preset',
    unit: 'name',
    shape: 'word',
    better: 'neither',
    formula: 'prices of one flush, INVLPG, IPI, split and entry, each low, mid and high',
    source: 'direct-map-and-rivals §5',
    read: ({ costPreset }) => costPreset.name,
  }),
  defineMetric({
    key: 'cost.prices',
    label: 'prices of the preset',
    unit: 'ns',
    shape: 'recordsByName',
    fields: { low: 'ns', mid: 'ns', high: 'ns' },
    better: 'neither',
    formula: `what one of each is taken to cost, low/mid/high, and the ground: ${grounds()}`,
    source: 'direct-map-and-rivals §5',
    read: ({ costPreset }) =>
      byName(
        COST_PARAMETERS.map(({ key }) => key),
        (key) => byName(COST_PRESET_NAMES, (level) => costPreset[level][key]),
      ),
  }),
  defineMetric({
    key: 'cost.derivedNs.initiator',
    label: 'initiator time, derived',
    unit: 'ns',
    shape: 'recordsByName',
    fields: { low: 'ns', mid: 'ns', high: 'ns' },
    better: 'lower',
    formula: 'T_initiator at the prices of the preset, by number of CPUs',
    source: 'direct-map-and-rivals §5',
    read: (inputs) => derived(inputs, 'initiatorNs'),
  }),
  defineMetric({
    key: 'cost.derivedNs.stolen',
    label: 'stolen time, derived',
    unit: 'ns',
    shape: 'recordsByName',
    fields: { low: 'ns', mid: 'ns', high: 'ns' },
    better: 'lower',
    formula: 'T_stolen at the prices of the preset, by number of CPUs',
    source: 'direct-map-and-rivals §5',
    read: (inputs) => derived(inputs, 'stolenNs'),
  }),
] as const;

/** 'invlpg 50/100/200 (comment at …), full 100/500/1000 (assumed), …' */
function grounds(): string {
  return COST_PARAMETERS.map(({ key, ns, ground }) => `${key} ${ns.join('/')} (${ground})`).join(', ');
}

function derived({ directMap, machine, costPreset, tlbCpus }: RunInputs, side: 'initiatorNs' | 'stolenNs') {
  const times: { [cpus: string]: { low: number; mid: number; high: number } } = {};
  for (const cpus of tlbCpus) {
    times[String(cpus)] = byName(
      COST_PRESET_NAMES,
      (level) => derivedCost(directMap.counts, cpus, machine.invlpgb, costPreset[level])[side],
    );
  }
  return times;
}
