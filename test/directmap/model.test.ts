/** Random changes of the direct map against a plain map of pages, and what must hold after each. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DirectMap } from '../../src/directmap/direct-map.js';
import { PKEY_BASE, PLAIN, READONLY, UNMAPPED } from '../../src/kernel/classes.js';
import { GIB, machine } from './machines.js';

/** The last page of a 1G leaf, 2M leaves before it, a hole after it, and the same above pfn 2^32. */
const RAM = [
  { start: 1, end: 0x9f },
  { start: 0x100, end: 2 * GIB },
  { start: 2 * GIB + 2048, end: 2 * GIB + 4096 },
  { start: 2 ** 33, end: 2 ** 33 + GIB },
];

const NAMES = ['invalid', 'default', 'valid', 'notValid', 'ro', 'rw', 'np', 'p', '4k', 'key'] as const;

const anyCall = fc.record({
  name: fc.constantFrom(...NAMES),
  base: fc.constantFrom(0, GIB - 700, GIB, 2 * GIB - 512, 2 * GIB + 2048 - 20, 2 ** 33, 2 ** 33 + GIB - 1024),
  offset: fc.oneof(fc.constantFrom(0, 1, 511, 512), fc.integer({ min: 0, max: 1200 })),
  pages: fc.oneof(fc.constantFrom(1, 33, 34, 512, 513, GIB), fc.integer({ min: 1, max: 1100 })),
  key: fc.integer({ min: 0, max: 15 }),
});

interface Page {
  present: boolean;
  writable: boolean;
  key: number;
}

/** What the pages around the bases are, one object a page; holes are not in it. */
class PlainMap {
  private readonly pages = new Map<number, Page>();

  at(pfn: number): Page | undefined {
    const page = this.pages.get(pfn);
    if (page !== undefined || !isMapped(pfn)) return page;
    const fresh = { present: true, writable: true, key: 0 };
    this.pages.set(pfn, fresh);
    return fresh;
  }
}

function isMapped(pfn: number): boolean {
  return pfn < 0x100 || RAM.some(({ start, end }) => start <= pfn && pfn < end);
}

type Call = typeof anyCall extends fc.Arbitrary<infer T> ? T : never;

function apply(map: DirectMap, model: PlainMap, call: Call): void {
  const pfn = call.base + call.offset;
  const single = call.name === 'invalid' || call.name === 'default';
  // Whole GiB by the model would be slow: only as far as the samples below reach.
  const pages = single ? 1 : call.pages;
  const change = (what: (page: Page) => void) => {
    for (let i = 0; i < Math.min(pages, 2500); i++) {
      const page = model.at(pfn + i);
      if (page !== undefined) what(page);
    }
  };
  switch (call.name) {
    case 'invalid':
    case 'notValid':
      if (single) map.setDirectMapInvalid(pfn);
      else map.setDirectMapValid(pfn, pages, false);
      change((page) => {
        page.present = false;
        page.writable = false;
      });
      break;
    case 'default':
    case 'valid':
      if (single) map.setDirectMapDefault(pfn);
      else map.setDirectMapValid(pfn, pages, true);
      change((page) => {
        page.present = true;
        page.writable = true;
      });
      break;
    case 'ro':
      map.setMemoryRo(pfn, pages);
      change((page) => {
        page.writable = false;
      });
      break;
    case 'rw':
      map.setMemoryRw(pfn, pages);
      change((page) => {
        page.writable = true;
      });
      break;
    case 'np':
      map.setMemoryNp(pfn, pages);
      change((page) => {
        page.present = false;
      });
      break;
    case 'p':
      map.setMemoryP(pfn, pages);
      change((page) => {
        page.present = true;
      });
      break;
    case '4k':
      map.setMemory4k(pfn, Math.min(pages, 2000));
      break;
    case 'key':
      map.setKey(pfn, pages, call.key);
      change((page) => {
        page.key = call.key;
      });
      break;
  }
}

test('presence, write permission and key equal those of a plain map of pages', () => {
  fc.assert(
    fc.property(fc.array(anyCall, { maxLength: 14 }), (calls) => {
      const map = new DirectMap(machine(RAM));
      const model = new PlainMap();
      for (const call of calls) apply(map, model, call);
      for (const call of calls) {
        for (const near of [-1, 0, 1, 2, 32, 33, 34, 510, 511, 512, 513, 1024, 1100]) {
          const pfn = call.base + call.offset + near;
          // The model follows a call for 2500 pages; others may start up to 1200 + 700 pages before.
          if (pfn < 0 || calls.some((c) => c.pages > 2500 && pfn - c.base - c.offset >= 2500)) continue;
          const page = model.at(pfn);
          expect(map.leafSizeOf(pfn) !== 0).toBe(page !== undefined);
          expect(map.isPresent(pfn)).toBe(page?.present ?? false);
          expect((map.flagsOf(pfn) & 2) !== 0).toBe(page?.writable ?? false);
          expect(map.keyOf(pfn)).toBe(page?.key ?? 0);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('leaves always cover what was mapped, splits explain every change of the census, flushes add up', () => {
  fc.assert(
    fc.property(fc.array(anyCall, { maxLength: 20 }), (calls) => {
      const map = new DirectMap(machine(RAM));
      const model = new PlainMap();
      const mapped = map.mappedPages();
      const before = map.census();
      const { counts } = map;
      let observedSplits = 0;
      let observedFlushes = 0;
      map.observer = {
        split: () => observedSplits++,
        flush: () => observedFlushes++,
      };
      let splits = 0;
      for (const call of calls) {
        apply(map, model, call);
        const now = counts.level2Splits + counts.level3Splits;
        expect(now).toBeGreaterThanOrEqual(splits);
        splits = now;
        expect(map.mappedPages()).toBe(mapped);
      }
      const after = map.census();
      expect(before['1G'] - after['1G']).toBe(counts.level3Splits);
      expect(after['2M'] - before['2M']).toBe(512 * counts.level3Splits - counts.level2Splits);
      expect(after['4K'] - before['4K']).toBe(512 * counts.level2Splits);
      expect(counts.pageTablePages).toBe(splits);
      expect(observedSplits).toBe(splits);
      expect(counts.byCause[0]).toBe(splits);
      expect(counts.byCause.reduce((sum, n) => sum + n)).toBe(counts.fullFlushes + counts.rangedFlushes);
      expect(observedFlushes).toBe(counts.fullFlushes + counts.rangedFlushes);
      // The census counts what the rows show.
      const rows = { '4K': 0, '2M': 0, '1G': 0 };
      let next = 0;
      for (const run of map.runs()) {
        expect(run.startPfn).toBe(next);
        next += run.pages;
        if (run.level === 'none' || (run.level === '4K' && run.bits === 0 && !run.nx)) continue;
        rows[run.level] += run.pages / { '4K': 1, '2M': 512, '1G': GIB }[run.level];
      }
      expect(next).toBe(RAM[RAM.length - 1].end);
      expect(rows).toEqual(after);
    }),
    { numRuns: 200 },
  );
});

test('a call made twice costs nothing the second time', () => {
  fc.assert(
    fc.property(fc.array(anyCall, { maxLength: 6 }), anyCall, (calls, last) => {
      const map = new DirectMap(machine(RAM));
      const model = new PlainMap();
      for (const call of calls) apply(map, model, call);
      apply(map, model, last);
      const { counts } = map;
      const before = [counts.level2Splits, counts.level3Splits, counts.entriesChanged, counts.fullFlushes];
      const ranged = counts.rangedFlushes;
      apply(map, model, last);
      const after = [counts.level2Splits, counts.level3Splits, counts.entriesChanged, counts.fullFlushes];
      expect(after).toEqual(before);
      expect(counts.rangedFlushes).toBe(ranged);
    }),
  );
});

test('setClass and back: a class is undone, for whole leaves without a split', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(UNMAPPED, READONLY, PKEY_BASE + 5),
      fc.constantFrom(GIB, GIB + 1, GIB + 512, 2 ** 33 + 512),
      fc.constantFrom(1, 16, 33, 34, 512),
      (pageClass, pfn, pages) => {
        const map = new DirectMap(machine(RAM));
        expect(map.setClass(pfn, pages, pageClass)).toBe(0);
        expect(map.isPresent(pfn)).toBe(pageClass !== UNMAPPED);
        const { level2Splits, fullFlushes, rangedFlushes } = map.counts;
        expect(level2Splits === 0).toBe(pages === 512 && pfn % 512 === 0);
        expect(map.setClass(pfn, pages, PLAIN)).toBe(0);
        expect([map.isPresent(pfn), (map.flagsOf(pfn) & 2) !== 0, map.keyOf(pfn)]).toEqual([true, true, 0]);
        // Absent pages need no flush when they come back (§4.1), present ones do (§2.5).
        const flushes = map.counts.fullFlushes + map.counts.rangedFlushes - fullFlushes - rangedFlushes;
        expect(flushes).toBe(pageClass === UNMAPPED ? 0 : 1);
        expect(map.counts.level2Splits).toBe(level2Splits);
      },
    ),
  );
});
