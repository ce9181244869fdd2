import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ZONE_DMA, ZONE_DMA32, ZONE_MOVABLE, ZONE_NORMAL } from '../../src/machine/machine.js';
import {
  isqrt,
  lowmemReserves,
  pcpSizes,
  sizeAtBoot,
  statThreshold,
  watermarks,
} from '../../src/machine/sizing.js';

const lowZones = (dma: number, dma32: number, normal?: number) => [
  { index: ZONE_DMA, managed: dma },
  { index: ZONE_DMA32, managed: dma32 },
  ...(normal === undefined ? [] : [{ index: ZONE_NORMAL, managed: normal }]),
];

const marks = (line: string) => {
  const [min, low, high, promo] = line.split(' ').map(Number);
  return { min, low, high, promo };
};

const pcp = (line: string) => {
  const [batch, highMin, highMax] = line.split(', ').map(Number);
  return { batch, highMin, highMax };
};

// The second table of page-allocator §6.6, row by row. null: the facts give no value.
const EXAMPLES = [
  {
    zones: lowZones(3840, 120000),
    cpus: 1,
    minFree: [2815, 24556],
    marks: ['190 237 284 331', '5948 7435 8922 10409'],
    reserves: [[0, 468, 468, 468, 468]],
    pcp: ['1, 237, 480', '31, 7435, 15000'],
  },
  {
    zones: lowZones(3840, 245000),
    cpus: 1,
    minFree: [3990, 45056],
    marks: ['173 216 259 302', '11090 13862 16634 19406'],
    reserves: [[0, 957, 957, 957, 957]],
    pcp: ['1, 216, 480', '63, 13862, 30625'],
  },
  {
    zones: lowZones(3840, 245000),
    cpus: 4,
    minFree: [3990, 45056],
    marks: ['173 216 259 302', '11090 13862 16634 19406'],
    reserves: [[0, 957, 957, 957, 957]],
    pcp: ['1, 54, 120', '63, 3465, 7656'],
  },
  {
    zones: lowZones(3840, 500000),
    cpus: 1,
    minFree: [5678, 45056],
    marks: ['85 106 127 148', '11178 13972 16766 19560'],
    reserves: [[0, 1953, 1953, 1953, 1953]],
    pcp: [null, '63, 13972, 62500'],
  },
  {
    zones: lowZones(3840, 765000, 245000),
    cpus: 1,
    minFree: [8055, 67584],
    marks: ['63 78 93 108', '12748 15935 19122 22309', '4083 5103 6123 7143'],
    reserves: [
      [0, 2988, 3945, 3945, 3945],
      [0, 0, 957, 957, 957],
    ],
    pcp: [null, '63, 15935, 95625', '63, 5103, 30625'],
  },
  {
    zones: lowZones(3840, 765000, 3300000),
    cpus: 4,
    minFree: [16137, 67584],
    marks: ['15 18 21 24', '3176 3970 4764 5558', '13703 17128 20553 23978'],
    reserves: [
      [0, 2988, 15878, 15878, 15878],
      [0, 0, 12890, 12890, 12890],
    ],
    pcp: [null, '63, 992, 23906', '63, 4282, 103125'],
  },
];

describe('worked examples of page-allocator §6.6', () => {
  test.each(EXAMPLES)('managed $zones, $cpus CPUs', (example) => {
    const boot = sizeAtBoot(example.zones, { thp: true });
    expect([boot.first, boot.minFreeKbytes]).toEqual(example.minFree);
    expect(boot.watermarks).toEqual(example.marks.map(marks));
    const reserves = lowmemReserves(example.zones);
    for (const [i, reserve] of example.reserves.entries()) expect(reserves[i]).toEqual(reserve);
    expect(reserves.at(-1)).toEqual([0, 0, 0, 0, 0]);
    for (const [i, zone] of example.zones.entries()) {
      const expected = example.pcp[i];
      if (expected === null) continue;
      const { low } = boot.watermarks[i];
      expect(pcpSizes({ managed: zone.managed, low, cpus: example.cpus })).toEqual(pcp(expected));
    }
  });

  // First table: recorded machines. Reserves follow from other values of managed: 6.12 computes them once at
  // boot and again at a read of the sysctl, 7.3 at every change.
  test.each([
    {
      kernel: '6.12.117',
      sizes: [241312, 241319],
      dma: '176 220 264 308',
      dma32: '11087 13858 16629 19400',
      pcp: ['1, 220, 480', '63, 13858, 30164'],
      reserves: { 241312: 942, 243953: 952 },
    },
    {
      kernel: '7.3-rc7',
      sizes: [239760, 239767],
      dma: '177 221 265 309',
      dma32: '11086 13857 16628 19399',
      pcp: ['1, 221, 480', '63, 13857, 29970'],
      reserves: { 242891: 948 },
    },
  ])('recorded 1 GiB machine, $kernel', (recorded) => {
    for (let managed = recorded.sizes[0]; managed <= recorded.sizes[1]; managed++) {
      const zones = lowZones(3840, managed);
      const boot = sizeAtBoot(zones, { thp: true });
      expect(boot.minFreeKbytes).toBe(45056);
      expect(boot.watermarks).toEqual([marks(recorded.dma), marks(recorded.dma32)]);
      const sizes = zones.map((zone, i) =>
        pcpSizes({ managed: zone.managed, low: boot.watermarks[i].low, cpus: 1 }),
      );
      expect(sizes).toEqual(recorded.pcp.map(pcp));
      expect(zones.map((zone) => statThreshold(zone.managed, 1))).toEqual([2, 8]);
    }
    for (const [managed, reserve] of Object.entries(recorded.reserves)) {
      expect(lowmemReserves(lowZones(3840, Number(managed)))[0][1]).toBe(reserve);
    }
  });
});

// page-allocator §6.2: with THP off the value of §6.1 stays.
test('without huge pages min_free_kbytes is the square root', () => {
  const boot = sizeAtBoot(lowZones(3840, 245000), { thp: false });
  expect(boot.minFreeKbytes).toBe(3990);
  expect(boot.minFreeKbytes).toBe(boot.first);
});

// page-allocator §6.3: the Movable zone has marks of its own and no part in the sum of lowmem.
test('zone Movable: min is clamped, lowmem ignores it', () => {
  const zones = [...lowZones(3840, 245000), { index: ZONE_MOVABLE, managed: 245000 }];
  const sized = watermarks(zones, 45056);
  expect(sized.slice(0, 2)).toEqual(watermarks(zones.slice(0, 2), 45056));
  expect(sized[2].min).toBe(128);
  expect(watermarks([zones[0], { index: ZONE_MOVABLE, managed: 1000 }], 45056)[1].min).toBe(32);
  expect(lowmemReserves(zones)).toEqual([
    [0, 957, 957, 1914, 1914],
    [0, 0, 0, 957, 957],
    [0, 0, 0, 0, 0],
  ]);
});

// page-allocator §6.5.
test('percpu_pagelist_high_fraction fixes both limits', () => {
  const sizes = pcpSizes({ managed: 245000, low: 13862, cpus: 4, highFraction: 8 });
  expect(sizes).toEqual({ batch: 63, highMin: 7656, highMax: 7656 });
});

// page-allocator §6.5: 6.12 computes batch from managed >> 10 in bytes and rounds otherwise; same values.
test('batch by size of the zone', () => {
  const batches = [4095, 8191, 8192, 12288, 131072, 262143, 262144, 2 ** 36].map(
    (managed) => pcpSizes({ managed, low: 0, cpus: 1 }).batch,
  );
  expect(batches).toEqual([1, 1, 1, 3, 31, 63, 63, 63]);
});

// page-allocator §1.7.
test('stat threshold by CPUs and size', () => {
  expect(statThreshold(243953, 1)).toBe(8);
  expect(statThreshold(243953, 2)).toBe(16);
  expect(statThreshold(3840, 4)).toBe(6);
  expect(statThreshold(2 ** 36, 256)).toBe(125);
});

test('isqrt is exact up to 2^53', () => {
  const exact = (value: number) => {
    const root = BigInt(isqrt(value));
    expect(root * root <= BigInt(value) && (root + 1n) * (root + 1n) > BigInt(value)).toBe(true);
  };
  fc.assert(fc.property(fc.maxSafeNat(), exact));
  // Just below a square, where a double's root rounds up.
  fc.assert(fc.property(fc.integer({ min: 1, max: 94906265 }), (root) => exact(root * root - 1)));
});

test('marks of any machine up to 256 TiB are whole, ordered and sum to min_free_kbytes', () => {
  const managed = fc.integer({ min: 1, max: 2 ** 36 });
  fc.assert(
    fc.property(
      managed,
      managed,
      managed,
      fc.integer({ min: 128, max: 2 ** 38 }),
      (dma, dma32, normal, kbytes) => {
        const sized = watermarks(lowZones(dma, dma32, normal), kbytes);
        for (const mark of sized) {
          expect(Object.values(mark).every(Number.isSafeInteger)).toBe(true);
          expect(mark.min <= mark.low && mark.low <= mark.high && mark.high <= mark.promo).toBe(true);
        }
        const total = sized.reduce((sum, mark) => sum + mark.min, 0);
        const pages = Math.floor(kbytes / 4);
        expect(total).toBeLessThanOrEqual(pages);
        expect(total).toBeGreaterThan(pages - 3);
      },
    ),
  );
});
