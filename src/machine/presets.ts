/**
 * Machines by name, for `--machine NAME` and `list machines`. A new one is an entry here. The memory map of
 * each is that of memory-map.ts.
 */

import { EXIT, UserError } from '../kernel/errors.js';
import { nearest } from '../kernel/nearest.js';
import type { MachineOptions } from './build-machine.js';

export interface MachinePreset {
  readonly name: string;
  readonly summary: string;
  readonly options: MachineOptions & { readonly memory: number; readonly cpus: number };
}

const G = 2 ** 30;

export const MACHINE_PRESETS: readonly MachinePreset[] = [
  preset('vm-512m', 'small virtual machine, zones DMA and DMA32', 0.5 * G, 1),
  preset('vm-1g', 'the size of most captures: zones DMA and DMA32', 1 * G, 1),
  preset('vm-4g', 'virtual machine with a small zone Normal', 4 * G, 2),
  preset('laptop-16g', 'laptop', 16 * G, 8),
  preset('desktop-64g', 'desktop or build machine', 64 * G, 16),
  preset('server-256g', 'server, one node', 256 * G, 64),
  preset('server-1t', 'server, one node', 1024 * G, 128),
  preset('server-16t', 'the largest that is tried', 16384 * G, 256),
  {
    ...preset('epyc-256g', 'server that broadcasts TLB invalidation (AMD INVLPGB): no IPIs', 256 * G, 64),
    options: { name: 'epyc-256g', memory: 256 * G, cpus: 64, invlpgb: true },
  },
];

export const DEFAULT_PRESET = 'laptop-16g';

export function findPreset(name: string): MachinePreset | null {
  return MACHINE_PRESETS.find((candidate) => candidate.name === name) ?? null;
}

/** The error for a name that is neither a preset nor a file. */
export function unknownMachine(name: string): UserError {
  const guess = nearest(
    name,
    MACHINE_PRESETS.map((candidate) => candidate.name),
  );
  return new UserError(EXIT.commandLine, `--machine ${name}: there is no such machine and no such file`, {
    advice: `${guess === null ? '' : `did you mean ${guess}? `}'mm-sim list machines' shows all`,
  });
}

function preset(name: string, summary: string, memory: number, cpus: number): MachinePreset {
  return { name, summary, options: { name, memory, cpus } };
}
