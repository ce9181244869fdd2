/** Page tables for splits: asked for, refused, and taken back (direct-map-and-rivals §2.3). */

import { expect, test } from 'vitest';
import { DirectMap, ENOMEM } from '../../src/directmap/direct-map.js';
import { GIB, pcMachine } from './machines.js';

const g = 5 * GIB;

function boot(): DirectMap {
  return new DirectMap(pcMachine(0xbffe0000, 9));
}

test('one page a split, asked for before anything changes', () => {
  const map = boot();
  const sizes: number[] = [];
  map.pageTableSource = () => {
    sizes.push(map.leafSizeOf(g + 5));
    return true;
  };
  map.setDirectMapInvalid(g + 5);
  expect(sizes).toEqual([GIB, 512]);
  expect(map.counts.pageTablePages).toBe(2);
});

test('refused: the loop stops, what lay before stays changed, nothing is flushed by set_direct_map_*', () => {
  const map = boot();
  let granted = 0;
  map.pageTableSource = () => granted++ < 1;
  // The first 2M is changed whole after the 1G split, the page behind it would need a second table.
  expect(map.setDirectMapValid(g, 513, false)).toBe(ENOMEM);
  expect([map.isPresent(g), map.isPresent(g + 511), map.isPresent(g + 512)]).toEqual([false, false, true]);
  expect([map.counts.level3Splits, map.counts.level2Splits, map.counts.fullFlushes]).toEqual([1, 0, 1]);
});

test('refused in set_memory_*: a full flush if anything changed, none if nothing did (§2.5)', () => {
  const map = boot();
  map.pageTableSource = () => false;
  expect(map.setMemoryRo(g + 3, 1)).toBe(ENOMEM);
  expect(map.counts.fullFlushes).toBe(0);
  // 4K leaves of the low end of the tail, then a hole, then nothing to split: succeeds.
  expect(map.setMemoryRo(0xbffdf, 2)).toBe(0);
  expect(map.counts.rangedFlushes).toBe(1);
  const low = boot();
  low.pageTableSource = () => false;
  // Ten 4K leaves below 2M, then part of a 2M leaf: few enough pages for a range, but it failed.
  expect(low.setMemoryRo(502, 20)).toBe(ENOMEM);
  expect([low.counts.fullFlushes, low.counts.rangedFlushes]).toEqual([1, 0]);
});

test('setClass: refused pages are not flushed and the error is handed on', () => {
  const map = boot();
  map.pageTableSource = () => false;
  expect(map.setClass(g + 3, 1, 1)).toBe(ENOMEM);
  expect(map.isPresent(g + 3)).toBe(true);
  expect(map.counts.fullFlushes + map.counts.rangedFlushes).toBe(0);
});

test('a nested request that splits the same leaf makes the page needless (§2.3 step 2)', () => {
  const map = boot();
  let depth = 0;
  let returned = 0;
  map.pageTableReturn = () => returned++;
  map.pageTableSource = () => {
    // The allocator hands out a page of the same 1G leaf, which has to be unmapped first.
    if (depth++ === 0) map.setClass(g + 512, 512, 1);
    return true;
  };
  expect(map.setDirectMapInvalid(g + 5)).toBe(0);
  expect(returned).toBe(1);
  expect([map.counts.level3Splits, map.counts.level2Splits, map.counts.pageTablePages]).toEqual([1, 1, 2]);
  expect([map.isPresent(g + 5), map.isPresent(g + 6), map.isPresent(g + 512)]).toEqual([false, true, false]);
});

test('observer: leaves are named by their first pfn, flushes by range and cause', () => {
  const map = boot();
  const seen: (string | number | boolean)[][] = [];
  map.observer = {
    split: (level, pfn) => seen.push(['split', level, pfn]),
    flush: (full, pfn, pages, cause) => seen.push(['flush', full, pfn, pages, cause]),
  };
  map.setDirectMapInvalid(g + 700);
  map.flushKernelRange(g + 700, 1, 'perPage');
  map.flushAll('batch');
  expect(seen).toEqual([
    ['split', 3, g],
    ['flush', true, g, GIB, 'split'],
    ['split', 2, g + 512],
    ['flush', true, g + 512, 512, 'split'],
    ['flush', false, g + 700, 1, 'perPage'],
    ['flush', true, 0, 0, 'batch'],
  ]);
});
