/**
 * Machine files: a JSON description for `--machine FILE`, so that anybody can simulate their own machine.
 *
 *   { "memory": "64G", "cpus": 16, "kernel": "7.3", "gbPages": true }
 *   { "iomem": "iomem.txt", "cpus": 8 }                       a copy of /proc/iomem beside this file
 *   { "ram": [["1M", "512M"], ["4G", "0x140000000"]] }        bytes, end exclusive
 *   { "ramPfns": [["0x100", "0x20000"]], "reservedPfns": [] } pages, end exclusive; nothing reserved
 *
 * Unknown keys are refused: a misspelt one would be a machine that nobody asked for.
 */

import { basename, dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { EXIT, UserError } from '../kernel/errors.js';
import { MAX_PFN, PAGE_SIZE } from '../kernel/orders.js';
import { rulesFor } from '../kernel/rules.js';
import { MAX_CPUS, type MachineOptions } from './build-machine.js';
import { parseIomem, trimRam } from './iomem.js';
import type { PfnRange } from './machine.js';
import { MAX_MEMORY, MIN_MEMORY } from './memory-map.js';
import { readText } from './read-file.js';
import { schemaProblem } from './schema-problem.js';
import { formatSize, parseSize } from './size.js';

const SIZE = 'must be a size: whole bytes, or text such as "16G"';
const size = v.pipe(
  v.union([v.string(), v.number()], SIZE),
  v.check((value) => wholeNumber(value) !== null, SIZE),
  v.transform((value) => wholeNumber(value) ?? 0),
);
const PFN = 'must be a pfn: a whole number, or text such as "0x100"';
const pfn = v.pipe(
  v.union([v.string(), v.number()], PFN),
  v.check((value) => wholeNumber(value) !== null, PFN),
  v.transform((value) => wholeNumber(value) ?? 0),
);
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const machineFileSchema = v.strictObject({
  $schema: v.optional(v.string()),
  name: v.optional(v.pipe(v.string(), v.regex(/^[^/\\]+$/, 'must be a name, without slashes'))),
  memory: v.optional(
    v.pipe(
      size,
      v.minValue(MIN_MEMORY, `must be at least ${formatSize(MIN_MEMORY)}`),
      v.maxValue(MAX_MEMORY, 'must be less than 256T'),
    ),
  ),
  ram: v.optional(v.pipe(v.array(v.strictTuple([size, size])), v.minLength(1))),
  ramPfns: v.optional(v.pipe(v.array(v.strictTuple([pfn, pfn])), v.minLength(1))),
  iomem: v.optional(v.string()),
  reserved: v.optional(v.array(v.strictTuple([size, size]))),
  reservedPfns: v.optional(v.array(v.strictTuple([pfn, pfn]))),
  cpus: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_CPUS))),
  kernel: v.optional(
    v.pipe(
      v.string(),
      v.check(
        (release) => rulesFor(release) !== null,
        'must be 7.3, 7.2, 6.12 or another 6.x or 7.x from 6.12 on',
      ),
    ),
  ),
  movablecore: v.optional(size),
  thp: v.optional(v.boolean()),
  minFreeKbytes: v.optional(v.pipe(count, v.maxValue(2 ** 36))),
  watermarkScaleFactor: v.optional(v.pipe(count, v.minValue(1), v.maxValue(3000))),
  watermarkBoostFactor: v.optional(count),
  gbPages: v.optional(v.boolean()),
  tlbFlushCeiling: v.optional(count),
  invlpgb: v.optional(v.boolean()),
  freeHighBatch: v.optional(v.boolean()),
});

type MachineFile = v.InferOutput<typeof machineFileSchema>;

/** Options for buildMachine from a machine file; what is wrong in it is a UserError that names the key. */
export async function readMachineFile(path: string): Promise<MachineOptions> {
  const file = parse(await readText(path), path);
  const memoryKeys = (['memory', 'ram', 'ramPfns', 'iomem'] as const).filter(
    (key) => file[key] !== undefined,
  );
  if (memoryKeys.length !== 1) {
    const found = memoryKeys.length === 0 ? 'none of them is there' : `${memoryKeys.join(' and ')} are there`;
    throw badFile(path, `one of memory, ram, ramPfns, iomem says what RAM there is; ${found}`);
  }
  if (file.reserved !== undefined && file.reservedPfns !== undefined) {
    throw badFile(path, 'reserved and reservedPfns are there; one of them is enough');
  }
  return {
    name: file.name ?? basename(path).replace(/\.json$/, ''),
    ...(await memoryOf(file, path)),
    reserved: reservedOf(file, path),
    cpus: file.cpus,
    kernel: file.kernel,
    movablecore: file.movablecore,
    thp: file.thp,
    minFreeKbytes: file.minFreeKbytes,
    watermarkScaleFactor: file.watermarkScaleFactor,
    watermarkBoostFactor: file.watermarkBoostFactor,
    gbPages: file.gbPages,
    tlbFlushCeiling: file.tlbFlushCeiling,
    invlpgb: file.invlpgb,
    freeHighBatch: file.freeHighBatch,
  };
}

function parse(text: string, path: string): MachineFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw badFile(path, 'this is not JSON');
  }
  const result = v.safeParse(machineFileSchema, json);
  if (!result.success) throw badFile(path, schemaProblem(result.issues[0]));
  return result.output;
}

async function memoryOf(file: MachineFile, path: string): Promise<Partial<MachineOptions>> {
  if (file.memory !== undefined) return { memory: file.memory };
  if (file.iomem !== undefined) {
    const iomemPath = resolve(dirname(path), file.iomem);
    const { ram, kernelImage } = parseIomem(await readText(iomemPath), iomemPath);
    return { ram, kernelImage };
  }
  const ram =
    file.ram === undefined ? ranges(file.ramPfns!, 'ramPfns', path) : byteRanges(file.ram, 'ram', path);
  if (trimRam(ram).length === 0) {
    throw badFile(path, 'ram: nothing is left without page 0 and the hole from 640K to 1M');
  }
  return { ram };
}

function reservedOf(file: MachineFile, path: string): PfnRange[] | undefined {
  if (file.reservedPfns !== undefined) return ranges(file.reservedPfns, 'reservedPfns', path);
  if (file.reserved === undefined) return undefined;
  // A page that is reserved in part is not free.
  return checked(file.reserved, 'reserved', path, (start, end) => ({
    start: Math.floor(start / PAGE_SIZE),
    end: Math.ceil(end / PAGE_SIZE),
  }));
}

/** A page that is RAM in part is none: starts up, ends down (direct-map-and-rivals §1.2). */
function byteRanges(pairs: readonly [number, number][], key: string, path: string): PfnRange[] {
  return checked(pairs, key, path, (start, end) => ({
    start: Math.ceil(start / PAGE_SIZE),
    end: Math.floor(end / PAGE_SIZE),
  }));
}

function ranges(pairs: readonly [number, number][], key: string, path: string): PfnRange[] {
  return checked(pairs, key, path, (start, end) => ({ start, end }));
}

function checked(
  pairs: readonly [number, number][],
  key: string,
  path: string,
  toPfns: (start: number, end: number) => PfnRange,
): PfnRange[] {
  return pairs.map(([start, end], i) => {
    if (start >= end) throw badFile(path, `${key}.${i}: the end must be above the start; ends are exclusive`);
    const range = toPfns(start, end);
    if (range.end > MAX_PFN) throw badFile(path, `${key}.${i}: memory above 256 TiB is not modelled`);
    return range;
  });
}

/** JSON has no hexadecimal numbers, and pfns and addresses are read in no other form: text may be either. */
function wholeNumber(value: string | number): number | null {
  const number =
    typeof value === 'number' ? value : /^0x[0-9a-f]+$/i.test(value) ? Number(value) : parseSize(value);
  return number !== null && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

function badFile(file: string, problem: string): UserError {
  return new UserError(EXIT.badInput, problem, { place: { file } });
}
