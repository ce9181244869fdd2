/** Boot: leaves and meminfo counters of direct-map-and-rivals §1.6, columns `after map`. */

import { expect, test } from 'vitest';
import { DirectMap } from '../../src/directmap/direct-map.js';
import { BOOT_FLAGS, GLOBAL } from '../../src/directmap/leaves.js';
import { GIB, machine, pcMachine } from './machines.js';

interface Row {
  readonly memory: string;
  readonly lowEnd: number;
  readonly highEndGib: number;
  readonly gbPages?: boolean;
  readonly leaves: readonly [number, number, number];
  readonly counters: readonly [number, number, number];
}

const ROWS: readonly Row[] = [
  { memory: '512 MiB', lowEnd: 0x1ffe0000, highEndGib: 4, leaves: [992, 254, 0], counters: [992, 254, 0] },
  { memory: '1 GiB', lowEnd: 0x3ffe0000, highEndGib: 4, leaves: [992, 510, 0], counters: [992, 510, 0] },
  { memory: '2 GiB', lowEnd: 0x7ffe0000, highEndGib: 4, leaves: [992, 1022, 0], counters: [992, 1022, 0] },
  {
    memory: '3.5 GiB',
    lowEnd: 0xbffe0000,
    highEndGib: 4.5,
    leaves: [992, 1278, 1],
    counters: [992, 1278, 1],
  },
  { memory: '4 GiB', lowEnd: 0xbffe0000, highEndGib: 5, leaves: [992, 1022, 2], counters: [992, 1022, 4] },
  {
    memory: '16 GiB',
    lowEnd: 0xbffe0000,
    highEndGib: 17,
    leaves: [992, 1022, 14],
    counters: [992, 1022, 16],
  },
  {
    memory: '64 GiB',
    lowEnd: 0xbffe0000,
    highEndGib: 65,
    leaves: [992, 1022, 62],
    counters: [992, 1022, 64],
  },
  {
    memory: '16 GiB, no 1G leaves',
    lowEnd: 0xbffe0000,
    highEndGib: 17,
    gbPages: false,
    leaves: [992, 8190, 0],
    counters: [992, 8190, 0],
  },
  {
    memory: '16 GiB, q35',
    lowEnd: 0x7ffdf000,
    highEndGib: 18,
    leaves: [991, 1022, 14],
    counters: [991, 1022, 16],
  },
];

test.each(ROWS)('§1.6: $memory', ({ lowEnd, highEndGib, gbPages = true, leaves, counters }) => {
  const map = new DirectMap(pcMachine(lowEnd, highEndGib, { gbPages }));
  expect(map.census()).toEqual({ '4K': leaves[0], '2M': leaves[1], '1G': leaves[2] });
  expect([map.meminfo.count4K, map.meminfo.count2M, map.meminfo.count1G]).toEqual(counters);
});

test('§1.6: the counters follow splits, and the 4 GiB guest ends its boot as observed', () => {
  const map = new DirectMap(pcMachine(0xbffe0000, 5));
  // Three 2M leaves of the image, one 2M block of execmem at 4G; the high mapping's five are not modelled.
  for (const pfn of [0x2170, 0x2f68, 0x3d00]) map.setMemoryRo(pfn, 1);
  map.setMemoryRo(0x100a00, 512);
  expect(map.census()).toEqual({ '4K': 2528, '2M': 1531, '1G': 1 });
  expect([map.meminfo.count4K, map.meminfo.count2M, map.meminfo.count1G]).toEqual([992 + 3 * 512, 1531, 3]);
  // The table's 20352 and 3125248 kB, without the five splits of the high mapping; 1G as it stands there.
  expect(map.meminfo.kB()).toEqual({ '4K': 20352 - 5 * 2048, '2M': 3125248 + 5 * 2048, '1G': 3145728 });
});

test('§1.2: rows of the reading aid for 4 GiB', () => {
  const map = new DirectMap(pcMachine(0xbffe0000, 5));
  const rows = [...map.runs()].map((run) => [run.startPfn, run.pages, run.level, run.bits]);
  expect(rows).toEqual([
    [0, 512, '4K', 0x103],
    [512, 511 * 512, '2M', 0x183],
    [GIB, GIB, '1G', 0x183],
    [2 * GIB, 511 * 512, '2M', 0x183],
    [0xbfe00, 480, '4K', 0x103],
    // The rest of the last table below the hole has entries that map nothing.
    [0xbffe0, 32, '4K', 0],
    [3 * GIB, GIB, 'none', 0],
    [4 * GIB, GIB, '1G', 0x183],
  ]);
});

test('16 TiB and 256 TiB start at once, in every leaf size', () => {
  for (const endPfn of [2 ** 32, 2 ** 36]) {
    for (const largest of [1, 2, 3] as const) {
      const map = new DirectMap(machine([{ start: 1, end: endPfn }]), null, { largest });
      expect(map.mappedPages()).toBe(endPfn);
      expect(map.leafSizeOf(endPfn - 1)).toBe([0, 1, 512, GIB][largest]);
      expect(map.flagsOf(2 ** 31 + 5)).toBe(BOOT_FLAGS);
    }
  }
});

test('debug_pagealloc: everything is 4K and nothing ever splits (§1.1)', () => {
  const map = new DirectMap(pcMachine(0x3ffe0000), null, { largest: 1 });
  expect(map.census()).toEqual({ '4K': 0x3ffe0, '2M': 0, '1G': 0 });
  for (let pfn = 0x1000; pfn < 0x3000; pfn += 77) map.setDirectMapInvalid(pfn);
  expect(map.counts.pageTablePages).toBe(0);
  expect(map.counts.fullFlushes).toBe(0);
});

test('page-table isolation: no leaf is global, and none counts as having lost it (§1.2)', () => {
  const map = new DirectMap(pcMachine(0x3ffe0000), null, { pti: true });
  expect(map.flagsOf(0x1000)).toBe(BOOT_FLAGS & ~GLOBAL);
  map.setDirectMapValid(0x1000, 512, false);
  map.setDirectMapValid(0x1000, 512, true);
  expect(map.nonGlobal2M()).toBe(0);
});

test('share: thousandths of mapped memory, rounded down', () => {
  const map = new DirectMap(pcMachine(0xbffe0000, 5));
  // 1022 x 512 and 2 x 262144 of 1048544 pages.
  expect(map.share()).toEqual({ '2M': 499, '1G': 500 });
  expect(map.mappedPages()).toBe(992 + 1022 * 512 + 2 * GIB);
});
