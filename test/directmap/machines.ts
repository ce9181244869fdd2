/** Machines for the tests of this folder: the guests of direct-map-and-rivals §1.6. */

import { rulesFor } from '../../src/kernel/rules.js';
import type { Machine, PfnRange } from '../../src/machine/machine.js';

/** [0, 0x9fbff] after trimming: page 0 and the part page at its end are gone. */
const LOW: PfnRange = { start: 1, end: 0x9f };

export const GIB = 262144;

/** A pc-type machine: low RAM ends at byte `lowEnd`, high RAM is [4G, highEnd) in GiB. */
export function pcMachine(lowEnd: number, highEndGib = 4, changes: Partial<Machine> = {}): Machine {
  const ram = [LOW, { start: 0x100, end: Math.floor(lowEnd / 4096) }];
  if (highEndGib > 4) ram.push({ start: 4 * GIB, end: highEndGib * GIB });
  return machine(ram, changes);
}

export function machine(ram: readonly PfnRange[], changes: Partial<Machine> = {}): Machine {
  return {
    name: 'test',
    rules: rulesFor('7.3')!.rules,
    cpus: 2,
    ram,
    reserved: [],
    zones: [],
    endPfn: ram[ram.length - 1].end,
    minFreeKbytes: 0,
    watermarkBoostFactor: 0,
    gbPages: true,
    tlbFlushCeiling: 33,
    invlpgb: false,
    freeHighBatch: false,
    ...changes,
  };
}
