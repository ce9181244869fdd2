/** Watermark checks: the largest mark that a request passes with what is free (page-allocator §5.2). */

import { describe, expect, test } from 'vitest';
import {
  ALLOC_HIGHATOMIC,
  ALLOC_MIN_RESERVE,
  ALLOC_NON_BLOCK,
  ALLOC_OOM,
  ALLOC_WMARK_LOW,
  ALLOC_WMARK_MIN,
} from '../../src/kernel/alloc-flags.js';
import { rulesFor } from '../../src/kernel/rules.js';
import type { PageAllocator } from '../../src/pagealloc/page-allocator.js';
import { VectorZone } from './vector-zone.js';

const RULES = rulesFor('7.3')!.rules;

function allocatorWith(state: string, min: number): PageAllocator {
  return new VectorZone({ state, min }, RULES).allocator;
}

/** Whether a check passes with this mark, and not with one that is larger by 1. */
function largestMark(state: string, mark: number, order: number, flags: number): [boolean, boolean] {
  const passes = (min: number) => allocatorWith(state, min).watermarks.isOkFast(0, order, 2, flags);
  return [passes(mark), passes(mark + 1)];
}

describe('512 pages free in one block', () => {
  const state = 'types MMMM; o9 M: 1200';
  const rows: [string, number, number, number][] = [
    ['no flags: free > mark', 0, 0, 511],
    ['order 3: 7 pages are not usable', 3, 0, 504],
    ['MIN_RESERVE: half of the mark', 0, ALLOC_MIN_RESERVE, 1022],
    ['MIN_RESERVE and NON_BLOCK: a quarter of what is left', 0, ALLOC_MIN_RESERVE | ALLOC_NON_BLOCK, 1362],
    ['NON_BLOCK alone: nothing', 0, ALLOC_NON_BLOCK, 511],
    ['OOM: half', 0, ALLOC_OOM, 1022],
  ];
  for (const [title, order, flags, mark] of rows) {
    test(title, () => expect(largestMark(state, mark, order, flags)).toEqual([true, false]));
  }

  test('an order needs a page of it', () => {
    const { watermarks } = allocatorWith('types MMMM; o8 M: 1000 1400', 0);
    expect([8, 9].map((order) => watermarks.isOkFast(0, order, 2, 0))).toEqual([true, false]);
    expect([8, 9].map((order) => watermarks.hasEnough(0, order, 2, 0))).toEqual([true, true]);
  });
});

test('highatomic pages count for requests with a right to reserves only', () => {
  const state = 'types HMMM; o8 H: 1000; o9 M: 1200';
  expect(largestMark(state, 511, 0, 0)).toEqual([true, false]);
  expect(largestMark(state, 767, 0, ALLOC_HIGHATOMIC)).toEqual([true, false]);
  const { watermarks } = allocatorWith('types HMMM; o8 H: 1000', 0);
  expect([0, ALLOC_HIGHATOMIC].map((flags) => watermarks.isOkFast(0, 1, 2, flags))).toEqual([false, true]);
});

test('a boost counts, but not for MIN_RESERVE at the MIN mark with order 0', () => {
  const { watermarks } = allocatorWith('types MMMM; o9 M: 1200', 400);
  watermarks.boost[0] = 1000;
  expect(watermarks.isOkFast(0, 0, 2, ALLOC_WMARK_MIN)).toBe(false);
  expect(watermarks.isOkFast(0, 0, 2, ALLOC_WMARK_MIN | ALLOC_MIN_RESERVE)).toBe(true);
  expect(watermarks.isOkFast(0, 0, 2, ALLOC_WMARK_LOW | ALLOC_MIN_RESERVE)).toBe(false);
  expect(watermarks.isOkFast(0, 1, 2, ALLOC_WMARK_MIN | ALLOC_MIN_RESERVE)).toBe(false);
});

test('freetype-series §5.3: unmapped pages count for mapped orders, in a development state they did not', () => {
  const { watermarks } = allocatorWith('types U*MMM; o9 U*: 1000', 0);
  expect(watermarks.isOkFast(0, 9, 2, 0)).toBe(true);
  watermarks.seesUnmappedLists = false;
  expect(watermarks.isOkFast(0, 9, 2, 0)).toBe(false);
  expect(watermarks.isOkFast(0, 0, 2, 0)).toBe(true);
});

test('§3.6 a boost is half of the high mark more, in steps of a pageblock, and never below one', () => {
  const boosts = (high: number, times: number) => {
    const { watermarks } = new VectorZone({ state: 'types MMMM', high }, RULES).allocator;
    for (let i = 0; i < times; i++) watermarks.raiseBoost(0);
    return watermarks.boost[0];
  };
  expect([boosts(0, 1), boosts(100, 3), boosts(3000, 3), boosts(3000, 20)]).toEqual([0, 512, 1536, 4500]);
  // A zone of less than four pageblocks takes none.
  const small = new VectorZone({ state: 'types MMM', high: 3000 }, RULES).allocator;
  expect(small.watermarks.raiseBoost(0)).toBe(false);
});
