/** Storage of the direct map where it grows: tables are added while they are written to. */

import { expect, test } from 'vitest';
import { DirectMap } from '../../src/directmap/direct-map.js';
import { BOOT_FLAGS, LEVEL_2M, Leaves, NX, PRESENT } from '../../src/directmap/leaves.js';
import { GIB, machine } from './machines.js';

// The table of tables once grew between the look-up of the array and the write: the first leaf of every
// fifth GiB was lost.
test('the first leaf written in each of many GiB is kept', () => {
  const map = new DirectMap(machine([{ start: 1, end: 200 * GIB }]));
  for (let gib = 1; gib < 200; gib++) {
    const before = map.census();
    map.setDirectMapValid(gib * GIB, 512, false);
    expect(map.isPresent(gib * GIB)).toBe(false);
    expect(map.isPresent(gib * GIB + 512)).toBe(true);
    expect(map.leafSizeOf(gib * GIB)).toBe(512);
    expect(map.census()['2M'] - before['2M']).toBe(512);
  }
  const rows = [...map.runs()].filter((run) => run.bits === 0);
  expect(rows.map((run) => [run.startPfn / GIB, run.pages])).toEqual(
    Array.from({ length: 199 }, (_, i) => [i + 1, 512]),
  );
});

test('4K leaves in more tables than a chunk holds', () => {
  const map = new DirectMap(machine([{ start: 1, end: 8 * GIB }]));
  for (let pfn = GIB; pfn < 7 * GIB; pfn += 512) map.setDirectMapInvalid(pfn + 7);
  expect(map.counts.level2Splits).toBe(6 * 512);
  for (let pfn = GIB; pfn < 7 * GIB; pfn += 512) {
    expect([map.isPresent(pfn + 6), map.isPresent(pfn + 7), map.isPresent(pfn + 8)]).toEqual([
      true,
      false,
      true,
    ]);
  }
});

test('recorded leaves and mapped ones: the first 2M leaf of each GiB, holes around it', () => {
  const leaves = new Leaves(64 * GIB);
  for (let gib = 0; gib < 64; gib++) leaves.map(gib * GIB, gib * GIB + 512, BOOT_FLAGS, LEVEL_2M);
  for (let gib = 0; gib < 64; gib++) {
    expect(leaves.at(gib, 511)).toBe(BOOT_FLAGS | (LEVEL_2M << 16));
    expect(leaves.at(gib, 512)).toBe(0);
  }
  expect(leaves.leaves2M).toBe(64);
});

test('one 4K leaf in each of many GiB of equal 4K leaves', () => {
  const leaves = new Leaves(64 * GIB);
  leaves.map(0, 64 * GIB, BOOT_FLAGS, 1);
  for (let gib = 0; gib < 64; gib++) expect(leaves.change4K(gib, 5, 1, 0, PRESENT)).toBe(1);
  for (let gib = 0; gib < 64; gib++) expect(leaves.change4K(gib, 512, 512, 0, NX)).toBe(512);
  for (let gib = 0; gib < 64; gib++) {
    const flags = [4, 5, 6, 511, 512, 1023, 1024].map((page) => leaves.at(gib, page) & (PRESENT | NX));
    expect(flags).toEqual([17, 16, 17, 17, 1, 1, 17]);
  }
});
