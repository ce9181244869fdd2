/** Vectors 32 to 33e of direct-map-and-rivals §14: changes of vmalloc areas and their aliases. */

import { describe, expect, test } from 'vitest';
import { DirectMap, ENOMEM } from '../../src/directmap/direct-map.js';
import { ACCESSED, GLOBAL, NX, PRESENT, RW } from '../../src/directmap/leaves.js';
import { type VmallocArea, VmallocSpace } from '../../src/directmap/vmalloc-space.js';
import { rulesFor } from '../../src/kernel/rules.js';
import { GIB, pcMachine } from './machines.js';

const g = 5 * GIB;
const m = 2 * GIB + 10 * 512;

function boot(version = '7.3'): { map: DirectMap; space: VmallocSpace } {
  const machine = pcMachine(0xbffe0000, 9, { rules: rulesFor(version)!.rules });
  const map = new DirectMap(machine);
  return { map, space: new VmallocSpace(machine, map) };
}

function pages(first: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => first + i);
}

/** `splits, tables (direct map + vmalloc), full flushes`; there is never a ranged one. */
function cost(map: DirectMap, step: () => void): string {
  const { counts } = map;
  const before = { ...counts };
  step();
  expect(counts.rangedFlushes).toBe(before.rangedFlushes);
  const splits = [counts.level3Splits - before.level3Splits, counts.level2Splits - before.level2Splits];
  const tables = counts.pageTablePages - before.pageTablePages;
  const vmalloc = counts.vmallocSplits - before.vmallocSplits;
  return `${splits.join('/')}, ${tables}+${vmalloc} tables, ${counts.fullFlushes - before.fullFlushes} ALL`;
}

describe('execmem (32, 33)', () => {
  test.each([
    ['under a 1G leaf', g, '1/0, 1+0 tables, 2 ALL'],
    ['under a 2M leaf', m, '0/0, 0+0 tables, 1 ALL'],
  ])('32: populate a 2M block %s', (_where, pfn, expected) => {
    const { map, space } = boot();
    const area = space.map(pages(pfn, 512), true);
    expect(cost(map, () => space.setMemoryRox(area, 0, 512))).toBe(expected);
    expect([map.flagsOf(pfn), map.leafSizeOf(pfn)]).toEqual([PRESENT | ACCESSED | NX | GLOBAL, 512]);
  });

  test('33: writable pieces, sealed and freed', () => {
    const { map, space } = boot();
    const area = space.map(pages(m, 512), true);
    let freed = 0;
    space.pageTableFreed = () => freed++;
    space.setMemoryRox(area, 0, 512);
    const writable = (index: number) => () => {
      space.setMemoryNx(area, index, 1);
      space.setMemoryRw(area, index, 1);
    };
    const seal = (index: number) => () => void space.setMemoryRox(area, index, 1);
    const release = (index: number) => () => {
      writable(index)();
      seal(index)();
    };
    expect(cost(map, writable(0))).toBe('0/1, 1+1 tables, 4 ALL');
    expect(cost(map, seal(0))).toBe('0/0, 0+0 tables, 2 ALL');
    expect(freed).toBe(1);
    expect(cost(map, writable(1))).toBe('0/0, 0+1 tables, 3 ALL');
    expect(cost(map, seal(1))).toBe('0/0, 0+0 tables, 2 ALL');
    expect(cost(map, release(1))).toBe('0/0, 0+1 tables, 5 ALL');
    expect([space.leafSizeOf(area, 0), map.leafSizeOf(m)]).toEqual([512, 1]);
    expect(freed).toBe(3);
    // Free of the whole block: 3 ALL, no split, no collapse (§8.1 step 5).
    const whole = space.map(pages(m + 512, 512), true);
    space.setMemoryRox(whole, 0, 512);
    const freeWhole = () => {
      space.setMemoryNx(whole, 0, 512);
      space.setMemoryRw(whole, 0, 512);
      space.setMemoryRox(whole, 0, 512);
    };
    expect(cost(map, freeWhole)).toBe('0/0, 0+0 tables, 3 ALL');
  });
});

describe('vmalloc areas (33a to 33e)', () => {
  test.each([
    ['7.3', '0/0, 0+0 tables, 2 ALL', 512],
    ['6.12', '0/0, 0+0 tables, 1 ALL', 1],
  ])('33a to 33c on %s: a 2M-mapped block', (version, rox, leafAfter) => {
    const { map, space } = boot(version);
    const area = space.map(pages(m, 512), true);
    expect(cost(map, () => space.setMemoryRo(area, 0, 512))).toBe('0/0, 0+0 tables, 1 ALL');
    expect(cost(map, () => space.setMemoryRw(area, 0, 512))).toBe('0/0, 0+0 tables, 1 ALL');
    expect([space.leafSizeOf(area, 0), map.leafSizeOf(m)]).toEqual([512, 512]);
    expect(cost(map, () => space.setMemoryRo(area, 0, 2))).toBe('0/1, 1+1 tables, 3 ALL');
    expect([space.leafSizeOf(area, 0), map.leafSizeOf(m)]).toEqual([1, 1]);
    expect(cost(map, () => space.setMemoryRox(area, 0, 512))).toBe(rox);
    expect([space.leafSizeOf(area, 0), map.leafSizeOf(m)]).toEqual([leafAfter, 1]);
  });

  test('33d, 33e: 64 contiguous pages mapped with 4K leaves, and their vfree', () => {
    const { map, space } = boot();
    const area = space.map(pages(m, 64), true);
    expect(cost(map, () => space.setMemoryRo(area, 0, 64))).toBe('0/1, 1+0 tables, 2 ALL');
    expect(cost(map, () => space.setMemoryRw(area, 0, 64))).toBe('0/0, 0+0 tables, 1 ALL');
    expect(cost(map, () => space.setMemoryNx(area, 0, 64))).toBe('0/0, 0+0 tables, 0 ALL');
    expect(cost(map, () => space.free(area))).toBe('0/0, 0+0 tables, 1 ALL');
    expect([map.flagsOf(m), map.leafSizeOf(m)]).toEqual([PRESENT | RW | ACCESSED | NX, 1]);
  });

  test('§2.6: a huge block that is fed single pages splits its 2M leaf when freed', () => {
    const { map, space } = boot();
    const area = space.map(pages(m, 512), true);
    expect(cost(map, () => space.free(area))).toBe('0/1, 1+0 tables, 2 ALL');
  });
});

test('a refused table, here or in the alias, ends the call with a full flush of what changed', () => {
  const { map, space } = boot();
  const area: VmallocArea = space.map(pages(m, 512), true);
  space.pageTableSource = () => false;
  expect(space.setMemoryRo(area, 0, 2)).toBe(ENOMEM);
  expect(map.counts.fullFlushes).toBe(0);
  space.pageTableSource = null;
  map.pageTableSource = () => false;
  expect(space.setMemoryRo(area, 0, 2)).toBe(ENOMEM);
  // The split of the area's own leaf, and the end of the call.
  expect(map.counts.fullFlushes).toBe(2);
  expect([map.leafSizeOf(m), map.isPresent(m)]).toEqual([512, true]);
});
