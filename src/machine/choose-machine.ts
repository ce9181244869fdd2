/** The machine that `--machine`, `--memory`, `--cpus` and `--kernel` mean together (DESIGN §2). */

import { stat } from 'node:fs/promises';
import { EXIT, UserError } from '../kernel/errors.js';
import { buildMachine, type MachineOptions } from './build-machine.js';
import type { Machine } from './machine.js';
import { readMachineFile } from './machine-file.js';
import { DEFAULT_PRESET, findPreset, unknownMachine } from './presets.js';
import { formatSize, parseSize, sizeProblem } from './size.js';

/** As on the command line; what is not given stays undefined. */
export interface MachineChoice {
  readonly machine?: string;
  readonly memory?: string;
  readonly cpus?: number;
  readonly kernel?: string;
}

export async function chooseMachine(choice: MachineChoice): Promise<Machine> {
  return buildMachine(await machineOptions(choice));
}

/** The same before it is built: for callers that have defaults of their own, such as the trace's kernel. */
export async function machineOptions(choice: MachineChoice): Promise<MachineOptions> {
  const base = await baseOptions(choice);
  const memory = choice.memory === undefined ? null : memoryOption(choice.memory);
  return {
    ...base,
    // Another size is another memory map: ranges of the file would contradict it.
    ...(memory === null ? {} : { memory, ram: undefined, reserved: undefined, kernelImage: undefined }),
    name: nameOf(base, choice, memory),
    cpus: choice.cpus ?? base.cpus,
    kernel: choice.kernel ?? base.kernel,
  };
}

async function baseOptions({ machine, memory }: MachineChoice): Promise<MachineOptions> {
  // A size alone says all: no preset's other properties are mixed in.
  if (machine === undefined && memory !== undefined) return { name: '' };
  const name = machine ?? DEFAULT_PRESET;
  const preset = findPreset(name);
  if (preset !== null) return preset.options;
  const isFile = await stat(name).then(
    (found) => found.isFile(),
    () => false,
  );
  if (isFile || name.endsWith('.json')) return readMachineFile(name);
  throw unknownMachine(name);
}

/** `16G` for a size alone; `laptop-16g, 32G` where a size replaces the preset's. */
function nameOf(base: MachineOptions, { machine }: MachineChoice, memory: number | null): string {
  if (memory === null) return base.name;
  return machine === undefined ? formatSize(memory) : `${base.name}, ${formatSize(memory)}`;
}

function memoryOption(text: string): number {
  const bytes = parseSize(text);
  if (bytes === null) throw new UserError(EXIT.commandLine, `--memory ${sizeProblem(text)}`);
  return bytes;
}
