/**
 * Group `cost`: time derived from counts by a preset of assumed prices. Never measured, and so called
 * *derived* wherever it is shown; that is why the word is part of the key.
 */

import { timesFor } from './flush-cost.js';
import { byName, defineMetric, type RunInputs } from './metric.js';

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
    key: 'cost.derivedNs.initiator',
    label: 'time of the CPU that flushes, derived',
    unit: 'ns',
    shape: 'recordsByName',
    fields: { low: 'ns', mid: 'ns', high: 'ns' },
    better: 'lower',
    formula: 'T_initiator of the preset, by number of CPUs',
    source: 'direct-map-and-rivals §5',
    read: (inputs) => derived(inputs, 'initiatorNs'),
  }),
  defineMetric({
    key: 'cost.derivedNs.stolen',
    label: 'time taken from all other CPUs, derived',
    unit: 'ns',
    shape: 'recordsByName',
    fields: { low: 'ns', mid: 'ns', high: 'ns' },
    better: 'lower',
    formula: 'T_stolen of the preset, by number of CPUs',
    source: 'direct-map-and-rivals §5',
    read: (inputs) => derived(inputs, 'stolenNs'),
  }),
] as const;

const LEVELS = ['low', 'mid', 'high'] as const;

function derived(inputs: RunInputs, side: 'initiatorNs' | 'stolenNs') {
  const times: { [cpus: string]: { low: number; mid: number; high: number } } = {};
  for (const cpus of inputs.tlbCpus) {
    times[String(cpus)] = byName(LEVELS, (level) => timesFor(inputs, cpus, level)[side]);
  }
  return times;
}
