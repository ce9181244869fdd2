/**
 * The direct map under the recorded operations: splits, flushes and leaves are the kernel's
 * (direct-map-and-rivals §2.3, §3.1, §4.1, §4.2; freetype-observed §5 no. 3).
 */

import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DirectMap } from '../../src/directmap/direct-map.js';
import type { Snapshot } from '../../src/machine/snapshot.js';
import { EventColumns } from '../../src/trace/columns.js';
import { KIND } from '../../src/trace/events.js';
import { compareLeaves } from '../../src/validate/compare-leaves.js';
import { directMapResult } from '../../src/validate/direct-map.js';
import { DirectMapReplay } from '../../src/validate/direct-map-replay.js';
import { RecordedFlushes } from '../../src/validate/recorded-flushes.js';
import { GIB, pcMachine } from '../directmap/machines.js';
import { BUNDLED_FREETYPE, BUNDLED_SECRETMEM, readCapture, SHARED_CAPTURES } from './captures.js';

async function resultOf(folder: string) {
  const read = await readCapture(folder);
  const result = directMapResult({ ...read, vmeventDelta: read.capture.info.vmeventDelta });
  const recorded = new RecordedFlushes(read.events, read.before.pageOffset, read.machine.tlbFlushCeiling);
  const replay = new DirectMapReplay(read.machine, read.before, read.events, recorded);
  replay.run();
  return { result, unseenSplits: replay.unseenSplits };
}

const same = (count: number) => ({ recorded: count, model: count });

describe('bundled captures, with the numbers', () => {
  test('secret memory', async () => {
    const { result, unseenSplits } = await resultOf(BUNDLED_SECRETMEM);
    expect(result).toEqual({
      level2Splits: same(11),
      level3Splits: same(0),
      fullFlushes: same(11),
      rangedFlushes: same(15424),
      otherFlushes: 0,
      leaves: 262109,
      leavesEqual: 262109,
    });
    expect(unseenSplits).toBe(0);
  });

  test('flips: one full flush each way out, none back', async () => {
    expect((await resultOf(BUNDLED_FREETYPE)).result).toEqual({
      level2Splits: same(0),
      level3Splits: same(0),
      fullFlushes: same(6),
      rangedFlushes: same(0),
      otherFlushes: 0,
      leaves: 40925,
      leavesEqual: 40925,
    });
  });
});

/** set_memory_*() of modules carries no address: their splits, and the leaves below them, are not explained. */
const WITH_SET_MEMORY: Readonly<Record<string, object>> = {
  'linux-7.3-modules-2cpu': {
    level2Splits: { recorded: 18, model: 2 },
    level3Splits: same(0),
    fullFlushes: same(538),
    rangedFlushes: same(0),
    otherFlushes: 3082,
    leaves: 262109,
    leavesEqual: 260061,
  },
};

/** Captures that recorded anything of the direct map; in others there is nothing to compare. */
const WITH_PROBES = SHARED_CAPTURES.filter((folder) =>
  /"(set_direct_map_\w+|flush_tlb_\w+)": [1-9]/.test(readFileSync(join(folder, 'capture.json'), 'utf8')),
);

describe.skipIf(WITH_PROBES.length === 0)('captures beside the project (skipped without them)', () => {
  test.each(WITH_PROBES)('%s', async (folder) => {
    const { result, unseenSplits } = await resultOf(folder);
    const known = WITH_SET_MEMORY[basename(folder)];
    if (known !== undefined) {
      expect(result).toEqual(known);
      return;
    }
    const { level2Splits, level3Splits, fullFlushes, rangedFlushes } = result;
    for (const count of [level2Splits, level3Splits, fullFlushes, rangedFlushes])
      expect(count.model).toBe(count.recorded);
    expect(result.leaves).toBeGreaterThan(0);
    expect(result.leavesEqual).toBe(result.leaves);
    expect(unseenSplits).toBe(0);
  });
});

// Small traces of one task on a machine that has 1G leaves from 4G on.

const VMEMMAP = 0xea0000000000;
const PAGE_OFFSET = 0x888000000000;
const VMALLOC = 0xc90000000000;
const g = 4 * GIB;

type Line = readonly [kind: number, fields?: Readonly<Record<string, number>>];

const page = (pfn: number) => ({ pfn: VMEMMAP + pfn * 64 });
const alloc = (pfn: number, order = 0): Line => [KIND.alloc, { pfn, order, migratetype: 0 }];
const free = (pfn: number): Line => [KIND.free, { pfn }];
const invalid = (pfn: number): Line => [KIND.setDirectMapInvalid, page(pfn)];
const back = (pfn: number): Line => [KIND.setDirectMapDefault, page(pfn)];
const flushAll: Line = [KIND.flushTlbAll];
const flushRange = (pfn: number, pages: number): Line => [
  KIND.flushTlbKernelRange,
  { a: PAGE_OFFSET + pfn * 4096, b: PAGE_OFFSET + (pfn + pages) * 4096 },
];
/** From the direct map to an address of the vmalloc space. */
const flushBatch = (pfn: number): Line => [
  KIND.flushTlbKernelRange,
  { a: PAGE_OFFSET + pfn * 4096, b: VMALLOC + 0x5000 },
];
const purge: Line = [KIND.flushTlbKernelRange, { a: VMALLOC, b: VMALLOC + 0x5000 }];
const cpaFlush: Line = [KIND.cpaFlush, { a: 1 }];

function resultOfLines(lines: readonly Line[]) {
  const machine = pcMachine(0xbffe0000, 5);
  const events = new EventColumns(lines.length);
  for (const [kind, fields = {}] of lines) {
    const at = events.length++;
    events.kind[at] = kind;
    for (const [key, value] of Object.entries(fields)) events[key as 'a' | 'b' | 'c' | 'pfn'][at] = value;
  }
  const boot = new DirectMap(machine);
  const snapshot = {
    directMap: [...boot.runs()],
    lastPfn: machine.endPfn,
    vmemmap: VMEMMAP,
    pageOffset: PAGE_OFFSET,
    freetypes: false,
    vmevents: new Map<string, number>(),
  } as unknown as Snapshot;
  const result = directMapResult({ events, machine, before: snapshot, after: snapshot, vmeventDelta: {} });
  const { level2Splits, level3Splits, fullFlushes, rangedFlushes, otherFlushes } = result;
  return {
    splits: [level3Splits.model, level2Splits.model],
    full: [fullFlushes.recorded, fullFlushes.model],
    ranged: [rangedFlushes.recorded, rangedFlushes.model],
    otherFlushes,
  };
}

/** A fault on secret memory under a 1G leaf: two tables, two splits. */
const fault: readonly Line[] = [
  alloc(g + 5),
  invalid(g + 5),
  alloc(77),
  flushAll,
  alloc(78),
  flushAll,
  flushRange(g + 5, 1),
];

test('a fault on secret memory: its splits, and one page', () => {
  expect(resultOfLines(fault)).toEqual({ splits: [1, 1], full: [2, 2], ranged: [1, 1], otherFlushes: 0 });
});

test('a fault whose flush the recording lacks is a difference', () => {
  const lines = [...fault.slice(0, -1), alloc(g + 6), invalid(g + 6), flushRange(g + 6, 1)];
  expect(resultOfLines(lines).ranged).toEqual([1, 2]);
});

test('a fault that lost against another goes back without a flush (§4.1 step 4)', () => {
  const lines = [...fault, alloc(g + 6), invalid(g + 6), back(g + 6), free(g + 6)];
  expect(resultOfLines(lines)).toEqual({ splits: [1, 1], full: [2, 2], ranged: [1, 1], otherFlushes: 0 });
});

test('vfree: many pages, one full flush; purges and set_memory are others (§4.2, §2.5)', () => {
  const pages = [g + 9, g + 7, g + 8];
  const lines = [
    ...fault,
    purge,
    cpaFlush,
    flushAll,
    cpaFlush,
    ...pages.map(invalid),
    flushBatch(g + 7),
    ...pages.map(back),
    ...pages.map(free),
    flushAll,
  ];
  // Others: the purge, two cpa_flush, of which the second went page by page, and the last flush of all.
  expect(resultOfLines(lines)).toEqual({ splits: [1, 1], full: [3, 3], ranged: [1, 1], otherFlushes: 4 });
});

test('a split that set_memory had made before takes no table, and is not counted', () => {
  expect(resultOfLines([alloc(g + 5), invalid(g + 5), flushRange(g + 5, 1)])).toEqual({
    splits: [0, 0],
    full: [0, 0],
    ranged: [1, 1],
    otherFlushes: 0,
  });
});

test('a table that the kernel did not get: the fault is given up, and nothing is owed', () => {
  const lines = [alloc(g + 5), invalid(g + 5), alloc(-1), alloc(g + 6), ...fault];
  expect(resultOfLines(lines)).toEqual({ splits: [1, 1], full: [2, 2], ranged: [1, 1], otherFlushes: 0 });
});

test('leaves are compared by size and bits; holes are no leaves', () => {
  const row = { startPfn: 0, pages: 512, level: '2M', bits: 0x183, nx: true, pageTable: 0 } as const;
  const hole = { ...row, startPfn: 512, level: 'none', bits: 0, nx: false } as const;
  const high = { ...row, startPfn: 1024, pages: 1024 };
  const recorded = [row, hole, high];
  expect(compareLeaves(recorded, recorded)).toEqual({ leaves: 1536, leavesEqual: 1536 });
  const small = { ...row, pages: 100, level: '4K', bits: 0x103, pageTable: 9 } as const;
  const rest = { ...row, startPfn: 100, pages: 1436 };
  expect(compareLeaves(recorded, [small, rest])).toEqual({ leaves: 1536, leavesEqual: 412 + 512 });
  const absent = { ...high, bits: 0 };
  expect(compareLeaves(recorded, [row, absent])).toEqual({ leaves: 1536, leavesEqual: 512 });
});
