import { describe, expect, test } from 'vitest';
import { counted, group } from '../../src/kernel/counted.js';
import { change, duration, index, percent, points, ratio, size } from '../../src/output/numbers.js';

test.each([
  [0, '0'],
  [999, '999'],
  [1_000, '1,000'],
  [-1_234_567, '-1,234,567'],
  [2 ** 53 - 1, '9,007,199,254,740,991'],
])('group(%d) is %s', (value, text) => {
  expect(group(value)).toBe(text);
});

test('counts have their nouns', () => {
  expect([counted(1, 'CPU'), counted(4, 'CPU'), counted(0, 'flush', 'flushes')]).toEqual([
    '1 CPU',
    '4 CPUs',
    '0 flushes',
  ]);
});

test.each([
  [0, '0.0 %'],
  [1, '0.1 %'],
  [314, '31.4 %'],
  [1000, '100.0 %'],
])('percent(%d) is %s', (value, text) => {
  expect(percent(value)).toBe(text);
});

describe('page-allocator §8.4: indices', () => {
  test.each([
    [0, '0.000'],
    [994, '0.994'],
    [-1000, '-1.000'],
    // debugfs prints ' 0.-500' here; nobody would read that as a negative number.
    [-500, '-0.500'],
  ])('%d is %s', (value, text) => {
    expect(index(value)).toBe(text);
  });
});

test.each([
  [1_204, 37, '-96.9 %'],
  [3_871, 3_902, '+0.8 %'],
  [1_620_334, 1_621_002, '+<0.1 %'],
  [1_621_002, 1_620_334, '-<0.1 %'],
  [5, 5, '0 %'],
  [0, 0, '0 %'],
  [0, 3_072, '+3,072'],
  [3, 0, '-100.0 %'],
  [100_000, 1, '-99.9 %'],
  [2, 22, '+1,000.0 %'],
  [2, 23, 'x11.5'],
  [1, 235, 'x235'],
  [1, 4_000, 'x4,000'],
])('from %d to %d: %s', (before, after, text) => {
  expect(change(before, after)).toBe(text);
});

test.each([
  [202, 333, '+13.1 pp'],
  [333, 202, '-13.1 pp'],
  [666, 666, '0 pp'],
])('shares of %d and %d thousandths: %s', (before, after, text) => {
  expect(points(before, after)).toBe(text);
});

test.each([
  [1_204, 37, '32.5'],
  [7_318, 20, '366'],
  [2_000_000, 1, '2,000,000'],
])('%d is so many times %d: %s', (larger, smaller, text) => {
  expect(ratio(larger, smaller)).toBe(text);
});

test.each([
  [0, '0 ns'],
  [999, '999 ns'],
  [1_500, '1.5 us'],
  [890_400_000, '890.4 ms'],
  [41_204_118_000, '41.2 s'],
  [3_600_000_000_000, '60 min'],
  [90_000_000_000_000, '25 h'],
])('%d ns is %s', (ns, text) => {
  expect(duration(ns)).toBe(text);
});

test.each([
  [0, '0 KiB'],
  [1, '4 KiB'],
  [256, '1.0 MiB'],
  [4_194_304, '16.0 GiB'],
  [4_046_592, '15.4 GiB'],
  [2 ** 32, '16.0 TiB'],
])('%d pages are %s', (pages, text) => {
  expect(size(pages)).toBe(text);
});
