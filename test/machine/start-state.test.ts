import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildMachine } from '../../src/machine/build-machine.js';
import type { Machine, PfnRange } from '../../src/machine/machine.js';
import { bootPageblocks, forEachBootChunk, forEachFreeRange } from '../../src/machine/start-state.js';

const machineOf = (ram: PfnRange[], reserved: PfnRange[] = []) =>
  buildMachine({ name: 'test', ram, reserved });

/** Free lists by order after the chunks were added to their tails. */
function listsOfChunks(machine: Machine, live: PfnRange[] | null): number[][] {
  const lists: number[][] = Array.from({ length: 11 }, () => []);
  const runs = live && { start: live.map((run) => run.start), end: live.map((run) => run.end) };
  forEachBootChunk(machine, runs, (pfn, order) => lists[order].push(pfn));
  return lists;
}

/** The plainest buddy system: free to the tail, merging (page-allocator §2.2, §2.3 for TO_TAIL). */
class PlainBuddy {
  readonly lists: number[][] = Array.from({ length: 11 }, () => []);

  free(pfn: number, order: number): void {
    let block = pfn;
    let merged = order;
    while (merged < 10) {
      const size = 2 ** merged;
      const buddy = Math.floor(block / size) % 2 === 0 ? block + size : block - size;
      const at = this.lists[merged].indexOf(buddy);
      if (at < 0) break;
      this.lists[merged].splice(at, 1);
      block = Math.min(block, buddy);
      merged++;
    }
    this.lists[merged].push(block);
  }
}

/** Boot by the words of page-allocator §1.6, its two steps included; `deferFrom` = where the first one stops. */
function bootInTwoSteps(ranges: PfnRange[], deferFrom: number): number[][] {
  const buddy = new PlainBuddy();
  for (const range of ranges) {
    for (let pfn = range.start; pfn < Math.min(range.end, deferFrom); ) {
      let order = 0;
      while (order < 10 && pfn % 2 ** (order + 1) === 0) order++;
      while (pfn + 2 ** order > Math.min(range.end, deferFrom)) order--;
      buddy.free(pfn, order);
      pfn += 2 ** order;
    }
  }
  for (const range of ranges) {
    for (let pfn = Math.max(range.start, deferFrom); pfn < range.end; ) {
      if (pfn % 1024 === 0 && pfn + 1024 <= range.end) {
        buddy.free(pfn, 10);
        pfn += 1024;
      } else buddy.free(pfn++, 0);
    }
  }
  return buddy.lists;
}

const pieces = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 1500 }), fc.integer({ min: 1, max: 3000 })), {
    minLength: 1,
    maxLength: 12,
  })
  .map((gaps) => {
    const ranges: PfnRange[] = [];
    let at = 0x100000;
    for (const [gap, length] of gaps) {
      ranges.push({ start: at + gap, end: at + gap + length });
      at += gap + length;
    }
    return ranges;
  });

// page-allocator §1.6: item 2 frees partial pieces page by page, late in boot. The lists come out the same.
test('one ascending walk gives the lists of both steps of boot', () => {
  fc.assert(
    fc.property(pieces, fc.nat(40), (ranges, step) => {
      const expected = bootInTwoSteps(ranges, 0x100000 + step * 1024);
      expect(listsOfChunks(machineOf(ranges), null)).toEqual(expected);
    }),
  );
});

test('chunks cover what is free, once, aligned, ascending and not mergeable', () => {
  fc.assert(
    fc.property(pieces, pieces, pieces, (ram, reserved, live) => {
      const machine = machineOf(ram, reserved);
      const inUse = (pfn: number) =>
        [...machine.reserved, ...live].some((run) => run.start <= pfn && pfn < run.end);
      const expected = new Set<number>();
      for (const range of ram) {
        for (let pfn = range.start; pfn < range.end; pfn++) if (!inUse(pfn)) expected.add(pfn);
      }
      let end = 0;
      const blocks = new Set<string>();
      forEachBootChunk(
        machine,
        { start: live.map((run) => run.start), end: live.map((run) => run.end) },
        (pfn, order) => {
          const pages = 2 ** order;
          expect(pfn % pages).toBe(0);
          expect(pfn).toBeGreaterThanOrEqual(end);
          end = pfn + pages;
          for (let page = pfn; page < end; page++) expect(expected.delete(page)).toBe(true);
          const buddy = Math.floor(pfn / pages) % 2 === 0 ? pfn + pages : pfn - pages;
          if (order < 10) expect(blocks.has(`${buddy},${order}`)).toBe(false);
          blocks.add(`${pfn},${order}`);
        },
      );
      expect(expected.size).toBe(0);
    }),
    { numRuns: 30 },
  );
});

describe('small cases', () => {
  test('zones are separate although their pages touch', () => {
    const machine = machineOf([{ start: 0x800, end: 0x1800 }]);
    const chunks: [number, number][] = [];
    forEachBootChunk(machine, null, (pfn, order) => chunks.push([pfn, order]));
    expect(chunks).toEqual([
      [0x800, 10],
      [0xc00, 10],
      [0x1000, 10],
      [0x1400, 10],
    ]);
  });

  test('a live run over a zone border cuts both zones; live pages outside of RAM are nothing', () => {
    const machine = machineOf([{ start: 0xff0, end: 0x1010 }]);
    const ranges: [number, number][] = [];
    const live = { start: [0x10, 0xff8, 0x1020], end: [0x20, 0x1004, 0x1030] };
    forEachFreeRange(machine, live, (start, end) => ranges.push([start, end]));
    expect(ranges).toEqual([
      [0xff0, 0xff8],
      [0x1004, 0x1010],
    ]);
  });

  // Bit operators once cut pfns to 32 bits.
  test('above pfn 2^32', () => {
    const start = 2 ** 32 + 1;
    const chunks: [number, number][] = [];
    forEachBootChunk(machineOf([{ start, end: 2 ** 32 + 1025 }]), null, (pfn, order) =>
      chunks.push([pfn - 2 ** 32, order]),
    );
    expect(chunks.slice(0, 3)).toEqual([
      [1, 0],
      [2, 1],
      [4, 2],
    ]);
    expect(chunks.slice(-2)).toEqual([
      [512, 9],
      [1024, 0],
    ]);
  });

  // page-allocator §1.5: a block is movable when its first pfn is in a memory range.
  test('types of pageblocks', () => {
    const machine = machineOf([
      { start: 1, end: 0x9f },
      { start: 0x100, end: 0x650 },
      { start: 0x7f0, end: 0x1200 },
    ]);
    expect(bootPageblocks(machine)).toEqual([
      { zone: 0, startPfn: 0, blocks: 1, migratetype: 0 },
      // 0x650 to 0x7f0 is a hole; the block around it begins in RAM.
      { zone: 0, startPfn: 0x200, blocks: 7, migratetype: 1 },
      { zone: 1, startPfn: 0x1000, blocks: 1, migratetype: 1 },
    ]);
    const hole = machineOf([{ start: 0x2300, end: 0x2a00 }]);
    expect(bootPageblocks(hole)).toEqual([
      { zone: 1, startPfn: 0x2200, blocks: 1, migratetype: 0 },
      { zone: 1, startPfn: 0x2400, blocks: 3, migratetype: 1 },
    ]);
  });
});
