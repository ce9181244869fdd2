import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PfnRange } from '../../src/machine/machine.js';
import {
  countPages,
  intersectRanges,
  normalizeRanges,
  subtractRanges,
} from '../../src/machine/pfn-ranges.js';

const anyRanges = fc.array(
  fc.tuple(fc.nat(60), fc.nat(20)).map(([start, length]) => ({ start, end: start + length })),
  { maxLength: 8 },
);

const pages = (ranges: readonly PfnRange[]) => {
  const set = new Set<number>();
  for (const { start, end } of ranges) for (let pfn = start; pfn < end; pfn++) set.add(pfn);
  return set;
};

const sorted = (set: Set<number>) => [...set].sort((a, b) => a - b);

test('operations on ranges are those on sets of pages, and their results are normalized', () => {
  fc.assert(
    fc.property(anyRanges, anyRanges, (x, y) => {
      const a = normalizeRanges(x);
      const b = normalizeRanges(y);
      const without = subtractRanges(a, b);
      const both = intersectRanges(a, b);
      expect(sorted(pages(a))).toEqual(sorted(pages(x)));
      expect(sorted(pages(without))).toEqual(sorted(pages(a)).filter((pfn) => !pages(b).has(pfn)));
      expect(sorted(pages(both))).toEqual(sorted(pages(a)).filter((pfn) => pages(b).has(pfn)));
      expect(countPages(a)).toBe(pages(x).size);
      for (const result of [a, without, both]) expect(normalizeRanges(result)).toEqual(result);
    }),
  );
});
