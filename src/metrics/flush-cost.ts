/** Adapter to directmap's arithmetic of flushes. */

import type { RunInputs } from './metric.js';

export interface CostPreset {
  readonly name: string;
}

export function ipisFor({ directMap: { counts }, machine }: RunInputs, cpus: number): number {
  return machine.invlpgb ? 0 : (counts.fullFlushes + counts.rangedFlushes) * (cpus - 1);
}

export function timesFor(_inputs: RunInputs, _cpus: number, _level: 'low' | 'mid' | 'high') {
  return { initiatorNs: 0, stolenNs: 0 };
}
