import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EXIT } from '../../src/kernel/errors.js';
import { buildMachine } from '../../src/machine/build-machine.js';
import { findCapture } from '../../src/machine/capture.js';
import { chooseMachine, machineOptions } from '../../src/machine/choose-machine.js';
import { ZONE_DMA, ZONE_DMA32, ZONE_MOVABLE, ZONE_NORMAL } from '../../src/machine/machine.js';
import { MAX_MEMORY, MIN_MEMORY } from '../../src/machine/memory-map.js';
import { countPages } from '../../src/machine/pfn-ranges.js';
import { MACHINE_PRESETS } from '../../src/machine/presets.js';
import { formatSize, parseSize } from '../../src/machine/size.js';
import { zoneExtents } from '../../src/machine/zones.js';
import { captureCases, haveCaptures } from './shared.js';

const G = 2 ** 30;
const sized = (memory: number) => buildMachine({ name: 'test', memory });

describe('zones, page-allocator §1.1', () => {
  test('1 GiB: DMA and DMA32, page 0 outside', () => {
    expect(sized(G).zones.map((zone) => [zone.index, zone.startPfn, zone.endPfn, zone.present])).toEqual([
      [ZONE_DMA, 1, 0x1000, 3998],
      [ZONE_DMA32, 0x1000, 0x3ffdd, 258013],
    ]);
  });

  // The recorded machine of 4.5 GiB (linux-7.3-normal-zone): DMA32 spans the hole below 4 GiB.
  test('4.5 GiB: Normal from 4 GiB', () => {
    expect(
      sized(4.5 * G).zones.map((zone) => [zone.index, zone.startPfn, zone.endPfn, zone.present]),
    ).toEqual([
      [ZONE_DMA, 1, 0x1000, 3998],
      [ZONE_DMA32, 0x1000, 0x100000, 782301],
      [ZONE_NORMAL, 0x100000, 0x160000, 393216],
    ]);
  });

  // mm/mm_init.c rounds movablecore and the border to 4 MiB; the zone is cut from the highest one alone.
  test('movablecore takes the upper part of the highest zone', () => {
    const ram = [
      { start: 1, end: 0x9f },
      { start: 0x100, end: 0xbffdd },
      { start: 0x100000, end: 0x160000 },
    ];
    const shape = (movablePages: number) =>
      zoneExtents(ram, [], movablePages).map((zone) => [zone.index, zone.startPfn, zone.endPfn]);
    expect(shape(0x10000)).toEqual([
      [ZONE_DMA, 1, 0x1000],
      [ZONE_DMA32, 0x1000, 0x100000],
      [ZONE_NORMAL, 0x100000, 0x150000],
      [ZONE_MOVABLE, 0x150000, 0x160000],
    ]);
    expect(shape(1)[3]).toEqual([ZONE_MOVABLE, 0x15fc00, 0x160000]);
    // More than the zone holds: all of it, and nothing of DMA32.
    expect(shape(0x70000).slice(2)).toEqual([[ZONE_MOVABLE, 0x100000, 0x160000]]);
    // Nothing left for the kernel: no such zone.
    expect(shape(0x200000).map(([index]) => index)).toEqual([ZONE_DMA, ZONE_DMA32, ZONE_NORMAL]);
  });

  test('a zone without RAM does not exist', () => {
    const machine = buildMachine({ name: 'test', ram: [{ start: 0x200000, end: 0x240000 }] });
    expect(machine.zones.map((zone) => [zone.index, zone.startPfn])).toEqual([[ZONE_NORMAL, 0x200000]]);
  });
});

test('zones partition RAM; managed is RAM without the reserve', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: MIN_MEMORY, max: 2 ** 44 }),
      fc.integer({ min: 0, max: 2 ** 40 }),
      (memory, movablecore) => {
        const machine = buildMachine({ name: 'test', memory, movablecore });
        const sum = (field: 'present' | 'managed') =>
          machine.zones.reduce((pages, zone) => pages + zone[field], 0);
        expect(sum('present')).toBe(countPages(machine.ram));
        expect(sum('managed')).toBe(countPages(machine.ram) - countPages(machine.reserved));
        expect(sum('managed')).toBeGreaterThan(countPages(machine.ram) / 2);
        expect(machine.endPfn).toBe(machine.ram.at(-1)!.end);
        for (const [i, zone] of machine.zones.entries()) {
          expect(zone.startPfn).toBeGreaterThanOrEqual(machine.zones[i - 1]?.endPfn ?? 0);
          expect(Object.values(zone.watermark).every(Number.isSafeInteger)).toBe(true);
        }
      },
    ),
  );
});

test('presets build at once, whatever their size', () => {
  const begin = performance.now();
  for (const preset of MACHINE_PRESETS) {
    const machine = buildMachine(preset.options);
    expect(machine.name).toBe(preset.name);
    expect(machine.cpus).toBe(preset.options.cpus);
  }
  // Some 1 ms in all; a loop over pages would take seconds.
  expect(performance.now() - begin).toBeLessThan(500);
});

test('the largest machine', () => {
  const machine = buildMachine({ name: 'test', memory: MAX_MEMORY, cpus: 256 });
  expect(machine.endPfn).toBe(2 ** 36);
});

describe('what the command line says', () => {
  test('a size alone', async () => {
    const machine = await chooseMachine({ memory: '1G', cpus: 2, kernel: '6.12' });
    expect(machine).toMatchObject({ name: '1G', cpus: 2, gbPages: true, tlbFlushCeiling: 33 });
    expect(machine.rules.version).toBe('6.12');
  });

  test('a preset, changed', async () => {
    const machine = await chooseMachine({ machine: 'epyc-256g', memory: '8G' });
    expect(machine).toMatchObject({ name: 'epyc-256g, 8G', cpus: 64, invlpgb: true });
    expect((await machineOptions({})).name).toBe('laptop-16g');
  });

  test.each([
    [
      { memory: '4X' },
      "--memory '4X' is not a size; write a whole number with K, M, G or T, such as 512M or 16G",
    ],
    [
      { memory: '1.5G' },
      "--memory '1.5G' is not a size; write a whole number with K, M, G or T, such as 512M or 16G",
    ],
    [{ memory: '99999999T' }, "--memory '99999999T' is larger than any memory"],
    [{ memory: '300T' }, '--memory 300T: a machine has less than 256T of memory'],
    [{ memory: '4K' }, '--memory 4K: a machine has at least 8M of memory'],
    [{ memory: '1G', cpus: 0 }, '--cpus 0: a machine has 1 to 8192 CPUs'],
    [{ memory: '1G', kernel: '5.10' }, '--kernel 5.10: the rules of this kernel are not known'],
    [{ machine: 'laptop' }, '--machine laptop: there is no such machine and no such file'],
  ])('%j', async (choice, message) => {
    await expect(chooseMachine(choice)).rejects.toMatchObject({ exitCode: EXIT.commandLine, message });
  });

  test('a wrong name gets the nearest', async () => {
    await expect(chooseMachine({ machine: 'laptop16' })).rejects.toMatchObject({
      advice: "did you mean laptop-16g? 'mm-sim list machines' shows all",
    });
  });
});

test('sizes read back as written', () => {
  expect(parseSize('16g')).toBe(16 * G);
  expect(parseSize('4096')).toBe(4096);
  expect(formatSize(1536 * 2 ** 20)).toBe('1536M');
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => parseSize(formatSize(bytes)) === bytes));
});

// The documented reserve of memory-map.ts against the stock kernels that it was fitted to.
describe.skipIf(!haveCaptures)('--memory against recorded machines', () => {
  const stock = captureCases.filter(([name]) => !name.includes('freetype'));
  test.each(stock)('%s', async (_name, folder) => {
    const capture = (await findCapture(folder))!;
    const state = await capture.before();
    const machine = sized(parseSize(capture.info.machine.memory)!);
    expect(machine.zones.map((zone) => zone.index)).toEqual(state.zones.map((zone) => zone.zone));
    for (const [i, zone] of machine.zones.entries()) {
      expect(zone.startPfn).toBe(state.zones[i].startPfn);
      // Firmware keeps 3 pages more on some.
      expect(Math.abs(zone.present - state.zones[i].present)).toBeLessThanOrEqual(3);
      // 6.12 images are a little smaller.
      expect(Math.abs(zone.managed / state.zones[i].managed - 1)).toBeLessThan(0.01);
    }
  });
});
