/**
 * From a description of a machine (a preset, a machine file, `--memory`) to the Machine that cores see.
 * Nothing here depends on the amount of memory: 16 TiB are as quick as 16 MiB.
 */

import { EXIT, UserError } from '../kernel/errors.js';
import { PAGE_SIZE } from '../kernel/orders.js';
import { rulesFor } from '../kernel/rules.js';
import { trimRam } from './iomem.js';
import type { Machine, PfnRange } from './machine.js';
import { ramOfSize, typicalReserve } from './memory-map.js';
import { intersectRanges, normalizeRanges } from './pfn-ranges.js';
import { sizeZones, zoneExtents } from './zones.js';

export const DEFAULT_KERNEL = '7.3';
export const MAX_CPUS = 8192;

/** One of `memory` and `ram` is needed; all else has a default. */
export interface MachineOptions {
  /** Name in results; never a path. */
  readonly name: string;
  /** Bytes; laid out as a PC (memory-map.ts). */
  readonly memory?: number;
  /** Exact RAM; trimmed as the kernel trims it. */
  readonly ram?: readonly PfnRange[];
  /** What the allocator does not get; default: the documented reserve of memory-map.ts. */
  readonly reserved?: readonly PfnRange[];
  /** Where the kernel's image lies, when it is known and `reserved` is not. */
  readonly kernelImage?: readonly PfnRange[];
  readonly cpus?: number;
  /** Release such as '7.3' or '6.12.117'. */
  readonly kernel?: string;
  /** `movablecore=`, in bytes; 0 = no Movable zone. */
  readonly movablecore?: number;
  /** Transparent huge pages, which raise min_free_kbytes (page-allocator §6.2). */
  readonly thp?: boolean;
  readonly minFreeKbytes?: number;
  readonly watermarkScaleFactor?: number;
  readonly watermarkBoostFactor?: number;
  readonly gbPages?: boolean;
  readonly tlbFlushCeiling?: number;
  readonly invlpgb?: boolean;
  readonly freeHighBatch?: boolean;
}

export function buildMachine(options: MachineOptions): Machine {
  const cpus = options.cpus ?? 1;
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > MAX_CPUS) {
    throw new UserError(EXIT.commandLine, `--cpus ${cpus}: a machine has 1 to ${MAX_CPUS} CPUs`);
  }
  const kernel = options.kernel ?? DEFAULT_KERNEL;
  const choice = rulesFor(kernel);
  if (choice === null) {
    throw new UserError(EXIT.commandLine, `--kernel ${kernel}: the rules of this kernel are not known`, {
      advice: 'use 7.3, 7.2 or 6.12',
    });
  }
  const ram = ramOf(options);
  const reserved =
    options.reserved === undefined
      ? typicalReserve(ram, options.kernelImage)
      : intersectRanges(normalizeRanges(options.reserved), ram);
  const movablePages = Math.floor((options.movablecore ?? 0) / PAGE_SIZE);
  const { zones, minFreeKbytes } = sizeZones(zoneExtents(ram, reserved, movablePages), {
    cpus,
    thp: options.thp ?? true,
    minFreeKbytes: options.minFreeKbytes,
    watermarkScaleFactor: options.watermarkScaleFactor ?? 10,
  });
  return {
    name: options.name,
    rules: choice.rules,
    cpus,
    ram,
    reserved,
    zones,
    endPfn: ram[ram.length - 1].end,
    minFreeKbytes,
    watermarkBoostFactor: options.watermarkBoostFactor ?? 15000,
    gbPages: options.gbPages ?? true,
    tlbFlushCeiling: options.tlbFlushCeiling ?? 33,
    invlpgb: options.invlpgb ?? false,
    freeHighBatch: options.freeHighBatch ?? true,
  };
}

function ramOf({ name, memory, ram }: MachineOptions): PfnRange[] {
  if (ram === undefined) {
    if (memory === undefined) throw new UserError(EXIT.commandLine, `machine ${name} has no memory`);
    return ramOfSize(memory, '--memory');
  }
  const trimmed = trimRam(ram);
  if (trimmed.length > 0) return trimmed;
  throw new UserError(EXIT.commandLine, `machine ${name} has no RAM beside page 0 and the hole below 1M`);
}
