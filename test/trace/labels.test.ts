import { describe, expect, test } from 'vitest';
import { PAGETABLE, UNMAPPED } from '../../src/kernel/classes.js';
import { CONTEXT_SOFTIRQ } from '../../src/trace/columns.js';
import { KIND } from '../../src/trace/events.js';
import { decodeGfps } from '../../src/trace/gfp.js';
import { LabelCollector, type Labels } from '../../src/trace/labels.js';
import { LineValuesBuilder } from '../../src/trace/line-values.js';
import { MarkTable } from '../../src/trace/mark-table.js';
import { parseMark } from '../../src/trace/marks.js';
import { mergeReaders } from '../../src/trace/merge.js';
import { openTrace } from '../../src/trace/open.js';
import type { TraceReader } from '../../src/trace/reader.js';
import { captureFolder, NO_CAPTURES } from './captures.js';
import { type Row, RowsReader } from './rows-reader.js';

const VMEMMAP = 0xea0000000000;
const structPage = (pfn: number): number => VMEMMAP + pfn * 64;

const alloc = (pfn: number, pid = 1, gfp = 'GFP_USER', more: Partial<Row> = {}): Row => ({
  kind: KIND.alloc,
  pfn,
  pid,
  gfp,
  ...more,
});
const table = (pfn: number, pid = 1): Row => alloc(pfn, pid, 'GFP_KERNEL|__GFP_ZERO|__GFP_COMP');
const free = (pfn: number, pid = 1, more: Partial<Row> = {}): Row => ({ kind: KIND.free, pfn, pid, ...more });
const invalid = (pfn: number, pid = 1): Row => ({
  kind: KIND.setDirectMapInvalid,
  pfn: structPage(pfn),
  pid,
});
const dflt = (pfn: number, pid = 1): Row => ({ kind: KIND.setDirectMapDefault, pfn: structPage(pfn), pid });
const valid = (pfn: number, nr: number, b: number, pid = 1): Row => ({
  kind: KIND.setDirectMapValid,
  pfn: structPage(pfn),
  a: nr,
  b,
  pid,
});
const flushAll = (pid = 1): Row => ({ kind: KIND.flushTlbAll, pid });
const flushRange = (pages: number, pid = 1, start = 0x888000000000): Row => ({
  kind: KIND.flushTlbKernelRange,
  a: start,
  b: start + pages * 4096,
  pid,
});
const ctor = (pfn: number, pid = 1): Row => ({ kind: KIND.ptCtor, pfn: structPage(pfn), a: 1, pid });
const snapshot = (a: number): Row => ({ kind: KIND.snapshot, a });

async function collect(reader: TraceReader): Promise<LabelCollector> {
  const collector = new LabelCollector({ gfps: reader.gfps });
  for (let batch = await reader.next(); batch !== null; batch = await reader.next()) collector.add(batch);
  return collector;
}

async function labelsOf(...rows: Row[]): Promise<Labels> {
  return (await collect(new RowsReader(rows))).finish();
}

/** `line:class` of each label of file 0. */
function classes(labels: Labels): string[] {
  const { lines, values } = labels.classes.files[0] ?? { lines: new Uint32Array(), values: new Uint8Array() };
  return Array.from(lines, (line, i) => `${line}:${values[i] === UNMAPPED ? 'unmapped' : values[i]}`);
}

const splitLines = (labels: Labels): number[] => [...(labels.splitTables.files[0]?.lines ?? [])];

describe('unmapped pages', () => {
  test('the allocation whose page leaves the direct map is labelled', async () => {
    const labels = await labelsOf(
      alloc(7),
      alloc(8),
      invalid(8),
      flushRange(1),
      dflt(8),
      free(8),
      alloc(8),
      free(8),
    );
    expect(classes(labels)).toEqual(['2:unmapped']);
    expect([labels.unmapped, labels.resetOnFree]).toEqual([1, 0]);
  });

  test('a page put back by another task, or after other work, was unmapped in use', async () => {
    const elsewhere = await labelsOf(alloc(8), alloc(9), invalid(8), dflt(8, 2), free(8, 2));
    expect(classes(elsewhere)).toEqual(['1:unmapped']);
    const later = await labelsOf(alloc(8), alloc(9), invalid(8), alloc(10), dflt(8), free(8));
    expect(classes(later)).toEqual(['1:unmapped']);
    const never = await labelsOf(alloc(8), alloc(9), invalid(8));
    expect(classes(never)).toEqual(['1:unmapped']);
  });

  // vfree of module text (linux-7.3-modules-2cpu): 8,080 pages leave the direct map only to be freed.
  test('pages on their way to the allocator have no label, and the table of that split stays a request', async () => {
    const labels = await labelsOf(
      ...[alloc(8), alloc(9), alloc(20)],
      ...[invalid(8), table(30), flushAll(), invalid(9), flushRange(400), dflt(8), dflt(9), free(8), free(9)],
    );
    expect(classes(labels)).toEqual([]);
    expect([labels.resetOnFree, splitLines(labels)]).toEqual([2, []]);
  });

  test('set_direct_map_valid takes out a run; a block is labelled once', async () => {
    const labels = await labelsOf(
      alloc(512, 1, 'GFP_USER', { order: 9 }),
      valid(512, 512, 0),
      alloc(1),
      valid(1, 1, 1),
    );
    expect(classes(labels)).toEqual(['1:unmapped']);
    expect(labels.unmapped).toBe(1);
  });

  test('pages that are not allocated have no label: a flip of the freetype kernel moves free blocks', async () => {
    const labels = await labelsOf(alloc(512), free(512), valid(512, 512, 0), flushRange(512), alloc(600));
    expect(labels.classes.count).toBe(0);
  });

  test('the reused page is another request; its label is its own', async () => {
    const labels = await labelsOf(
      alloc(8),
      invalid(8),
      dflt(8),
      free(8),
      alloc(8),
      free(8),
      alloc(8),
      invalid(8),
    );
    expect(classes(labels)).toEqual(['1:unmapped', '7:unmapped']);
  });
});

describe('tables that the recorded splits took', () => {
  test('between a change and its flush_tlb_all', async () => {
    const labels = await labelsOf(alloc(8), invalid(8), table(9), flushAll(), flushRange(1));
    expect(splitLines(labels)).toEqual([3]);
    expect(classes(labels)).toEqual(['1:unmapped']);
    expect(labels.recorded.splits).toEqual({ level2: 1, level3: 0 });
  });

  test('6.12 asks with GFP_KERNEL alone; a 1G leaf takes two tables', async () => {
    const labels = await labelsOf(
      ...[alloc(8), invalid(8), alloc(9, 1, 'GFP_KERNEL'), flushAll()],
      ...[alloc(10, 1, 'GFP_KERNEL'), flushAll(), flushRange(1)],
    );
    expect(splitLines(labels)).toEqual([3, 5]);
  });

  test.each([
    ['no change before', [alloc(8), table(9), flushAll()]],
    ['the change was over', [alloc(8), invalid(8), flushRange(1), table(9), flushAll()]],
    ['another task', [alloc(8), invalid(8), table(9, 2), flushAll(2)]],
    ['other flags', [alloc(8), invalid(8), alloc(9, 1, 'GFP_NOFS|__GFP_ZERO'), flushAll()]],
    ['a whole block', [alloc(8), invalid(8), alloc(16, 1, 'GFP_KERNEL', { order: 1 }), flushAll()]],
    ['no flush', [alloc(8), invalid(8), table(9), flushRange(1)]],
    [
      'from an interrupt',
      [alloc(8), invalid(8), alloc(9, 1, 'GFP_KERNEL', { context: CONTEXT_SOFTIRQ }), flushAll()],
    ],
  ])('not when: %s', async (_, rows) => {
    expect(splitLines(await labelsOf(...rows))).toEqual([]);
  });

  test('an interrupt in between changes nothing', async () => {
    const irq = { context: CONTEXT_SOFTIRQ };
    const labels = await labelsOf(
      alloc(8),
      invalid(8),
      free(3, 1, irq),
      alloc(4, 1, 'GFP_ATOMIC', irq),
      table(9),
      flushAll(),
    );
    expect(splitLines(labels)).toEqual([5]);
    expect(classes(labels)).toEqual(['1:unmapped']);
  });
});

test('pt_ctor labels the allocation of its page (PAGETABLES.md §2)', async () => {
  const labels = await labelsOf(table(5), alloc(6, 2), ctor(5), ctor(77));
  expect(classes(labels)).toEqual([`1:${PAGETABLE}`]);
  expect(labels.pageTables).toBe(1);
});

test('only what stands between the markers counts', async () => {
  const before = [alloc(8), invalid(8), flushRange(1), alloc(9)];
  const labels = await labelsOf(
    ...before,
    snapshot(1),
    invalid(9),
    alloc(10),
    invalid(10),
    snapshot(2),
    alloc(11),
    invalid(11),
    flushRange(1),
  );
  expect(classes(labels)).toEqual(['7:unmapped']);
  expect(labels.recorded.shootdowns).toEqual({ full: 0, ranged: 0 });
});

test('flushes by effect: more than 33 pages are a full flush; vmalloc ranges are not the direct map', async () => {
  const labels = await labelsOf(flushRange(33), flushRange(34), flushAll(), flushRange(1, 1, 0xc90000000000));
  expect(labels.recorded.shootdowns).toEqual({ full: 2, ranged: 1 });
  expect(labels.recorded.otherFlushes).toBe(1);
});

test('extfrag counts are nested, as mmtests counts them (field §3)', async () => {
  const extfrag = (migratetype: number, fallbackOrder: number, from: number): Row => ({
    kind: KIND.extfrag,
    migratetype,
    a: fallbackOrder,
    b: from,
  });
  const labels = await labelsOf(extfrag(0, 10, 1), extfrag(1, 3, 0), extfrag(0, 8, 2), extfrag(0, 0, 1));
  expect(labels.recorded.extfrag).toEqual({
    all: 4,
    fragmenting: 3,
    forUnmovable: 2,
    unmovableIntoMovable: 1,
  });
});

test('labels of merged files are found by file and line', async () => {
  const late = (row: Row): Row => ({ ...row, timeNs: 5 });
  const merged = mergeReaders(
    [
      new RowsReader([alloc(1), late(alloc(8)), late(invalid(8))]),
      new RowsReader([alloc(16, 2), invalid(16, 2)]),
    ],
    ['a', 'b'],
  );
  const labels = (await collect(merged)).finish();
  const cursor = labels.classes.cursor();
  expect([cursor.at(0, 1), cursor.at(1, 1), cursor.at(0, 2), cursor.at(1, 2), cursor.at(2, 9)]).toEqual([
    0, 1, 1, 0, 0,
  ]);
});

test('line values: any order in, ascending out; the last value of a line counts', () => {
  const builder = new LineValuesBuilder();
  for (const [line, value] of [
    [9, 1],
    [2, 3],
    [9, 2],
    [5, 1],
  ])
    builder.add(0, line, value);
  const values = builder.build();
  expect([[...values.files[0].lines], [...values.files[0].values], values.count]).toEqual([
    [2, 5, 9],
    [3, 1, 2],
    3,
  ]);
  const cursor = values.cursor();
  expect([1, 2, 3, 9, 10].map((line) => cursor.at(0, line))).toEqual([0, 3, 0, 2, 0]);
});

describe('captures', () => {
  // Counts by README §7 (set_direct_map_invalid, flush_tlb_all) and PAGETABLES.md (pt_ctor).
  test.for([
    [
      'linux-7.3-secretmem-1cpu',
      { unmapped: 15424, splits: 11, pageTables: 0, full: 11, ranged: 15424, reset: 0 },
    ],
    [
      'linux-6.12-secretmem-1cpu',
      { unmapped: 15424, splits: 11, pageTables: 0, full: 11, ranged: 15424, reset: 0 },
    ],
    [
      'linux-7.3-secretmem-2cpu',
      { unmapped: 15424, splits: 12, pageTables: 0, full: 12, ranged: 15424, reset: 0 },
    ],
    [
      'linux-7.3-pagetables-1cpu',
      { unmapped: 2490, splits: 6, pageTables: 13707, full: 6, ranged: 2490, reset: 0 },
    ],
    [
      'linux-7.3-pagetables-2cpu',
      { unmapped: 2490, splits: 8, pageTables: 13824, full: 8, ranged: 2490, reset: 0 },
    ],
    ['linux-7.3-modules-2cpu', { unmapped: 0, splits: 0, pageTables: 0, full: 3194, ranged: 0, reset: 8080 }],
    [
      'linux-7.3-freetype-split1g-1cpu',
      { unmapped: 0, splits: 3, pageTables: 0, full: 1448, ranged: 0, reset: 0 },
    ],
  ] as const)('%s', async ([name, expected], { skip }) => {
    const capture = captureFolder(name);
    if (capture === null) return skip(NO_CAPTURES);
    const reader = await openTrace(capture.trace);
    const labels = (await collect(reader)).finish(capture.counts.vmeventDelta);
    await reader.close();
    expect({
      unmapped: labels.unmapped,
      splits: labels.splitTables.count,
      pageTables: labels.pageTables,
      full: labels.recorded.shootdowns.full,
      ranged: labels.recorded.shootdowns.ranged,
      reset: labels.resetOnFree,
    }).toEqual(expected);
    const { direct_map_level2_splits: level2 = 0, direct_map_level3_splits: level3 = 0 } =
      capture.counts.vmeventDelta;
    expect(labels.recorded.splits).toEqual({ level2, level3 });
    expect(labels.recorded.extfrag.all).toBe(capture.counts.events.mm_page_alloc_extfrag ?? 0);
  });

  test('the mark of DESIGN §4 hits exactly the pages that the probes label', async ({ skip }) => {
    const capture = captureFolder('linux-7.3-secretmem-1cpu');
    if (capture === null) return skip(NO_CAPTURES);
    const first = await openTrace(capture.trace);
    const labels = (await collect(first)).finish().classes.cursor();
    const { bits } = decodeGfps(first.gfps, first.report);
    const reader = await openTrace(capture.trace);
    const mark = parseMark('unmapped: comm == "secretmem" && migratetype == 0 && gfp_flags & __GFP_HARDWALL');
    const marks = new MarkTable([mark], { comms: reader.comms, gfpBits: (gfp) => bits[gfp] });
    let differences = 0;
    for (let batch = await reader.next(); batch !== null; batch = await reader.next()) {
      for (let i = 0; i < batch.length; i++) {
        if (batch.kind[i] !== KIND.alloc) continue;
        const { comm, gfp, order, migratetype, pid } = batch;
        const pageClass = marks.take(comm[i], gfp[i], order[i], migratetype[i], pid[i]);
        if (pageClass !== labels.at(batch.file[i], batch.line[i])) differences++;
      }
    }
    expect([marks.requests[0], differences]).toEqual([15424, 0]);
  });
});
