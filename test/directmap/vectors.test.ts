/**
 * The vectors of direct-map-and-rivals §14 that calls on the direct map alone can express. Each row of a
 * vector is one step: what is called, then splits (level3/level2), page tables and flushes that it causes.
 *
 * Not here: 32 to 33e, which change module or vmalloc addresses (vmalloc-space.test.ts), and 34 to 42,
 * which belong to cores.
 */

import { describe, expect, test } from 'vitest';
import { DirectMap } from '../../src/directmap/direct-map.js';
import { ipisFor } from '../../src/directmap/ipis.js';
import { ACCESSED, DIRTY, GLOBAL, KERNEL_4K, NX, PRESENT, RW } from '../../src/directmap/leaves.js';
import { UNMAPPED } from '../../src/kernel/classes.js';
import { rulesFor } from '../../src/kernel/rules.js';
import type { Machine } from '../../src/machine/machine.js';
import { GIB, pcMachine } from './machines.js';

const P = PRESENT;
const W = RW;
const A = ACCESSED;
const D = DIRTY;
const X = NX;
const G = GLOBAL;

/** First pfns of an untouched 1G leaf (another lies before it) and of an untouched 2M leaf. */
const g = 5 * GIB;
const m = 2 * GIB + 10 * 512;
/** A 4K leaf that boot made. */
const k = 0xbfe00;

function boot(changes: Partial<Machine> = {}): DirectMap {
  return new DirectMap(pcMachine(0xbffe0000, 9, changes));
}

/** What a step costs, as the table writes it: `1/1, 2 tables, 2 ALL, 1 RANGE(1)`. */
function cost(map: DirectMap, step: () => void): string {
  const { counts } = map;
  const ranges = new Map<number, number>();
  const before = { ...counts };
  map.observer = {
    split: () => {},
    flush: (full, _pfn, pages) => {
      if (!full) ranges.set(pages, (ranges.get(pages) ?? 0) + 1);
    },
  };
  step();
  map.observer = null;
  const ranged = [...ranges].map(([pages, times]) => `, ${times} RANGE(${pages})`).join('');
  const tables = counts.pageTablePages - before.pageTablePages;
  const splits = [counts.level3Splits - before.level3Splits, counts.level2Splits - before.level2Splits];
  return `${splits.join('/')}, ${tables} tables, ${counts.fullFlushes - before.fullFlushes} ALL${ranged}`;
}

function unmap(map: DirectMap, pfn: number): void {
  map.setDirectMapInvalid(pfn);
  map.flushKernelRange(pfn, 1, 'perPage');
}

function zap(map: DirectMap, pfn: number, pages: number): void {
  map.setDirectMapValid(pfn, pages, false);
  map.flushKernelRange(pfn, pages, 'perPage');
}

/** Distinct flags of a range. */
function flags(map: DirectMap, pfn: number, pages: number): number[] {
  return [...new Set(Array.from({ length: pages }, (_, i) => map.flagsOf(pfn + i)))];
}

const BOOT = P | W | A | D | X | G;
const NONE = '0/0, 0 tables, 0 ALL';

describe('set_direct_map_* (vectors 1 to 17)', () => {
  test('1 to 5: single pages of a 1G leaf', () => {
    const map = boot();
    const before = map.census();
    expect(cost(map, () => unmap(map, g + 5))).toBe('1/1, 2 tables, 2 ALL, 1 RANGE(1)');
    expect(map.flagsOf(g + 5)).toBe(A | X);
    expect(map.flagsOf(g + 6)).toBe(BOOT);
    const after = map.census();
    expect([after['1G'] - before['1G'], after['2M'] - before['2M'], after['4K'] - before['4K']]).toEqual([
      -1, 511, 512,
    ]);
    expect([map.leafSizeOf(g + 5), map.leafSizeOf(g + 512), map.leafSizeOf(g - 1)]).toEqual([1, 512, GIB]);
    expect(cost(map, () => unmap(map, g + 6))).toBe('0/0, 0 tables, 0 ALL, 1 RANGE(1)');
    expect(cost(map, () => unmap(map, g + 512))).toBe('0/1, 1 tables, 1 ALL, 1 RANGE(1)');
    expect(cost(map, () => map.setDirectMapDefault(g + 5))).toBe(NONE);
    expect(map.flagsOf(g + 5)).toBe(P | W | A | X);
    expect(cost(map, () => map.setDirectMapDefault(g + 5))).toBe(NONE);
    expect(cost(map, () => map.setDirectMapDefault(g + 7))).toBe(NONE);
    expect(map.flagsOf(g + 7)).toBe(BOOT);
  });

  test('6 to 9: a whole 2M range of a 1G leaf', () => {
    const map = boot();
    expect(cost(map, () => zap(map, g, 512))).toBe('1/0, 1 tables, 2 ALL');
    expect(map.leafSizeOf(g)).toBe(512);
    expect(map.flagsOf(g)).toBe(A | X);
    expect(cost(map, () => map.setDirectMapInvalid(g + 100))).toBe(NONE);
    expect(cost(map, () => map.setDirectMapValid(g + 10, 1, true))).toBe('0/1, 1 tables, 1 ALL');
    expect(map.flagsOf(g + 10)).toBe(P | W | A | X);
    expect([...flags(map, g, 10), ...flags(map, g + 11, 501)]).toEqual([A | X, A | X]);
    expect(cost(map, () => map.setDirectMapValid(g, 512, true))).toBe(NONE);
    expect(flags(map, g, 512)).toEqual([P | W | A | X]);
    expect(map.leafSizeOf(g)).toBe(1);
  });

  test('10 to 12: a whole 2M leaf keeps its size and loses G', () => {
    const map = boot();
    const both = () => {
      map.setDirectMapValid(m, 512, false);
      map.setDirectMapValid(m, 512, true);
    };
    expect(map.nonGlobal2M()).toBe(0);
    expect(cost(map, both)).toBe(NONE);
    expect(map.flagsOf(m)).toBe(P | W | A | X);
    expect(map.leafSizeOf(m)).toBe(512);
    expect(map.nonGlobal2M()).toBe(1);
    expect(cost(map, () => zap(map, m + 512, 512))).toBe('0/0, 0 tables, 1 ALL');
    expect(cost(map, () => map.setDirectMapDefault(g + 77))).toBe(NONE);
    expect(cost(map, () => map.setDirectMapDefault(m + 1024 + 77))).toBe(NONE);
    expect([map.flagsOf(g + 77), map.leafSizeOf(g + 77)]).toEqual([BOOT, GIB]);
  });

  test('13: the ceiling', () => {
    const map = boot();
    expect(cost(map, () => map.flushKernelRange(g, 33, 'other'))).toBe('0/0, 0 tables, 0 ALL, 1 RANGE(33)');
    expect(cost(map, () => map.flushKernelRange(g, 34, 'other'))).toBe('0/0, 0 tables, 1 ALL');
    expect(map.counts.pagesFlushed).toBe(33);
  });

  test('14, 15: a whole 1G leaf', () => {
    const map = boot();
    expect(cost(map, () => zap(map, g, GIB))).toBe('0/0, 0 tables, 1 ALL');
    expect([map.flagsOf(g), map.leafSizeOf(g)]).toEqual([A | X, GIB]);
    expect(cost(map, () => map.setDirectMapValid(g + 700, 1, true))).toBe('1/1, 2 tables, 2 ALL');
    expect([map.flagsOf(g + 700), map.flagsOf(g + 701)]).toEqual([P | W | A | X, A | X]);
  });

  test('16: a range that begins and ends inside 2M leaves', () => {
    const map = boot();
    expect(cost(map, () => zap(map, g + 256, 1024))).toBe('1/2, 3 tables, 4 ALL');
    expect([map.flagsOf(g + 512), map.leafSizeOf(g + 512)]).toEqual([A | X, 512]);
    expect([map.isPresent(g + 255), map.isPresent(g + 256)]).toEqual([true, false]);
    expect([map.isPresent(g + 1279), map.isPresent(g + 1280)]).toEqual([false, true]);
  });

  test('17: two pages across the border of two 1G leaves', () => {
    const map = boot();
    expect(cost(map, () => zap(map, g - 1, 2))).toBe('2/2, 4 tables, 4 ALL, 1 RANGE(2)');
  });
});

describe('set_memory_* (vectors 18 to 26)', () => {
  test('18, 19: a whole 2M leaf read-only and back', () => {
    const map = boot();
    expect(cost(map, () => map.setMemoryRo(m, 512))).toBe('0/0, 0 tables, 1 ALL');
    expect([map.flagsOf(m), map.leafSizeOf(m)]).toEqual([P | A | X | G, 512]);
    expect(cost(map, () => map.setMemoryRw(m, 512))).toBe('0/0, 0 tables, 1 ALL');
    expect(map.flagsOf(m)).toBe(P | W | A | X | G);
    expect(cost(map, () => map.setMemoryRw(m, 512))).toBe(NONE);
  });

  test('20, 21: part of a 2M leaf; pages of the call count, not those that changed', () => {
    const map = boot();
    expect(cost(map, () => map.setMemoryRo(m, 33))).toBe('0/1, 1 tables, 1 ALL, 1 RANGE(33)');
    expect(cost(map, () => map.setMemoryRo(m, 33))).toBe(NONE);
    expect(cost(map, () => map.setMemoryRo(m, 34))).toBe('0/0, 0 tables, 1 ALL');
  });

  test('22: 2M of a 1G leaf', () => {
    const map = boot();
    expect(cost(map, () => map.setMemoryRo(g + 512, 512))).toBe('1/0, 1 tables, 2 ALL');
    expect([map.flagsOf(g + 512), map.leafSizeOf(g + 512)]).toEqual([P | A | X | G, 512]);
  });

  test('23: a whole 1G leaf, then one page of it', () => {
    const map = boot();
    expect(cost(map, () => map.setMemoryRo(g, GIB))).toBe('0/0, 0 tables, 1 ALL');
    expect(cost(map, () => map.setMemoryRo(g + 9, 1))).toBe(NONE);
    expect(cost(map, () => map.setMemoryRw(g + 9, 1))).toBe('1/1, 2 tables, 2 ALL, 1 RANGE(1)');
  });

  test('24: set_memory_4k of 7.3 marks its leaves', () => {
    const map = boot();
    expect(cost(map, () => map.setMemory4k(m, 512))).toBe('0/1, 1 tables, 2 ALL');
    expect(flags(map, m, 512)).toEqual([BOOT | KERNEL_4K]);
    expect(cost(map, () => map.setMemory4k(m + 3, 1))).toBe(NONE);
  });

  test('25: set_memory_4k of 6.12 only splits', () => {
    const map = boot({ rules: rulesFor('6.12')!.rules });
    expect(cost(map, () => map.setMemory4k(m, 512))).toBe('0/1, 1 tables, 1 ALL');
    expect(flags(map, m, 512)).toEqual([BOOT]);
    expect(map.leafSizeOf(m)).toBe(1);
  });

  test('26: not present and back', () => {
    const map = boot();
    expect(cost(map, () => map.setMemoryNp(k, 1))).toBe('0/0, 0 tables, 0 ALL, 1 RANGE(1)');
    expect(map.flagsOf(k)).toBe(W | A | D | X);
    expect(cost(map, () => map.setMemoryP(k, 1))).toBe('0/0, 0 tables, 0 ALL, 1 RANGE(1)');
    expect(map.flagsOf(k)).toBe(P | W | A | D | X);
  });
});

describe('users of single pages (vectors 27 to 31)', () => {
  test('27: secretmem fills a 2M leaf and frees it', () => {
    const map = boot();
    const fill = () => {
      for (let i = 0; i < 512; i++) map.setClass(m + i, 1, UNMAPPED);
    };
    const free = () => {
      for (let i = 0; i < 512; i++) map.setClass(m + i, 1, 0);
    };
    expect(cost(map, fill)).toBe('0/1, 1 tables, 1 ALL, 512 RANGE(1)');
    expect(cost(map, free)).toBe(NONE);
    expect(map.leafSizeOf(m)).toBe(1);
    expect(flags(map, m, 512)).toEqual([P | W | A | X]);
    // IPIs: every flush sends n - 1 (§3.2).
    expect([1, 2, 4].map((cpus) => ipisFor(map.counts, cpus, false))).toEqual([0, 513, 1539]);
  });

  test('28: secretmem, 1000 pages from pfn 100000', () => {
    const map = boot({ gbPages: false });
    const fill = () => {
      for (let i = 0; i < 1000; i++) unmap(map, 100000 + i);
    };
    expect(cost(map, fill)).toBe('0/3, 3 tables, 3 ALL, 1000 RANGE(1)');
    expect([99840, 100352, 100864, 101376].map((pfn) => map.leafSizeOf(pfn))).toEqual([1, 1, 1, 512]);
  });

  test('29: 8 pages in 8 different 2M of one 1G leaf', () => {
    const map = boot();
    const before = map.census();
    const scatter = () => {
      for (let i = 0; i < 8; i++) unmap(map, g + i * 5120 + i);
    };
    expect(cost(map, scatter)).toBe('1/8, 9 tables, 9 ALL, 8 RANGE(1)');
    expect(map.census()['2M'] - before['2M']).toBe(504);
    expect(map.census()['4K'] - before['4K']).toBe(4096);
  });

  test('30: gmem folio of order 4 in 4K leaves', () => {
    const map = boot();
    expect(cost(map, () => map.setClass(k, 16, UNMAPPED))).toBe('0/0, 0 tables, 0 ALL, 1 RANGE(16)');
    expect(cost(map, () => map.setClass(k, 16, 0))).toBe(NONE);
  });

  test('31: gmem folio of order 6 in a 1G leaf', () => {
    const map = boot();
    expect(cost(map, () => map.setClass(g, 64, UNMAPPED))).toBe('1/1, 2 tables, 3 ALL');
  });
});
