import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readStateFile } from '../../src/machine/state-file.js';
import { type CheckOptions, type CheckOutcome, checkTrace } from '../../src/trace/check.js';
import { openCsv } from '../../src/trace/csv.js';
import { emptyReport } from '../../src/trace/empty-report.js';
import { guessEra } from '../../src/trace/era.js';
import { KIND } from '../../src/trace/events.js';
import { FirstTouch, type LiveAtStart } from '../../src/trace/first-touch.js';
import { fidelityGrade } from '../../src/trace/grade.js';
import { openTrace } from '../../src/trace/open.js';
import { PageLedger } from '../../src/trace/page-ledger.js';
import type { TraceReader } from '../../src/trace/reader.js';
import type { ReadReport } from '../../src/trace/report.js';
import { captureFolder, NO_CAPTURES } from './captures.js';
import { type Row, RowsReader } from './rows-reader.js';

const VMEMMAP = 0xea0000000000;
const alloc = (pfn: number, order = 0, more: Partial<Row> = {}): Row => ({
  kind: KIND.alloc,
  pfn,
  order,
  comm: 'sh',
  ...more,
});
const free = (pfn: number, order = 0, more: Partial<Row> = {}): Row => ({
  kind: KIND.free,
  pfn,
  order,
  ...more,
});
const batched = (pfn: number): Row => ({ kind: KIND.freeBatched, pfn });
const locked = (pfn: number, order = 0): Row => ({ kind: KIND.zoneLocked, pfn, order });
const failed: Row = { kind: KIND.alloc, pfn: -1, order: 9, comm: 'sh' };

const check = (
  rows: Row[],
  report: Partial<ReadReport> = {},
  options: CheckOptions = {},
): Promise<CheckOutcome> => checkTrace(new RowsReader(rows, report), options);

async function frees(...rows: Row[]) {
  const { result, details } = await check(rows);
  return {
    ...result.frees,
    exact: details.exactFrees,
    partial: details.partialFrees.count,
    uneven: details.unevenFrees.count,
    unknown: details.unknownFrees.count,
    double: details.doubleFrees.count,
    repeated: details.repeatedFrees.count,
    live: result.livePagesAtEnd,
  };
}

describe('frees (trace-formats §5.2)', () => {
  const none = {
    reported: 0,
    batchRepeats: 0,
    unmatched: 0,
    orderMismatches: 0,
    exact: 0,
    partial: 0,
    uneven: 0,
    unknown: 0,
    double: 0,
    repeated: 0,
    live: 0,
  };

  test('a batch report repeats its free', async () => {
    expect(await frees(alloc(5), free(5), batched(5))).toEqual({
      ...none,
      reported: 1,
      batchRepeats: 1,
      exact: 1,
    });
  });

  test('a batch report of a live page is its free: 2.6.32, or mm_page_free was not enabled', async () => {
    expect(await frees(alloc(5), batched(5), batched(6))).toEqual({
      ...none,
      reported: 1,
      batchRepeats: 1,
      exact: 1,
    });
  });

  // synthetic-4.14-tgid-oldlayout.txt, 2/0/1/1.
  test('the two lines of one free the other way round: one free, one repeat', async () => {
    const one = { ...none, reported: 1, batchRepeats: 1, exact: 1 };
    expect(await frees(alloc(5), batched(5), free(5, 0, { pid: 7 }))).toEqual(one);
    // Only right behind: later it is a second free of the page.
    expect(await frees(alloc(5), batched(5), alloc(6), free(5))).toMatchObject({ reported: 2, double: 1 });
    expect(await frees(alloc(5), batched(5), free(5), free(5))).toMatchObject({ reported: 2, double: 1 });
  });

  test('one block of order 8 freed as 256 pages: all parts, nothing unknown, nothing live', async () => {
    const pages = Array.from({ length: 256 }, (_, i) => free(0x200 + i));
    expect(await frees(alloc(0x200, 8), ...pages)).toEqual({
      ...none,
      reported: 256,
      orderMismatches: 256,
      partial: 256,
    });
  });

  test('the rest of a block, freed by its head, is a part as well', async () => {
    expect(await frees(alloc(8, 3), free(12, 2), free(8, 2))).toEqual({
      ...none,
      reported: 2,
      orderMismatches: 2,
      partial: 2,
    });
  });

  test('a free over two allocations, and one over a hole', async () => {
    expect(await frees(alloc(8), alloc(9), free(8, 1), alloc(12), free(12, 1))).toEqual({
      ...none,
      reported: 2,
      orderMismatches: 2,
      uneven: 2,
    });
  });

  test('unknown: never seen; double: seen freed and not allocated since', async () => {
    expect(await frees(free(7), free(8), alloc(1), free(8))).toEqual({
      ...none,
      reported: 3,
      unmatched: 3,
      unknown: 2,
      double: 1,
      live: 1,
    });
  });

  test('2.6.32 reports order-0 frees twice: the second is the same line again', async () => {
    expect(await frees(alloc(7), free(7), free(7))).toEqual({ ...none, reported: 2, exact: 1, repeated: 1 });
    expect(await frees(alloc(7), free(7, 0, { pid: 1 }), free(7, 0, { pid: 2 }))).toMatchObject({
      repeated: 0,
      double: 1,
    });
  });

  test('compaction_free: the line after it is no free (captures README §2)', async () => {
    const taken: Row = { kind: KIND.compactionFree, pfn: VMEMMAP + 7 * 64 };
    const { result, details } = await check([taken, free(3), free(7), free(7)]);
    expect([result.frees.reported, details.compactionReturns]).toEqual([2, 1]);
  });

  test('pages of the bulk allocator are live; the single one has its alloc line', async () => {
    const bulk = (pfn: number): Row => ({ kind: KIND.bulkPage, pfn });
    expect(await frees(alloc(7), bulk(7), bulk(8), free(7), free(8))).toMatchObject({ exact: 2, live: 0 });
  });

  test('the ledger agrees with a set of pages, at any pfn', () => {
    const operation = fc.record({ isAlloc: fc.boolean(), block: fc.nat(40), order: fc.nat(4) });
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 80 }),
        fc.constantFrom(0, 496, 2 ** 32 - 512, 2 ** 36 - 1024),
        (list, base) => {
          const ledger = new PageLedger();
          const live = new Set<number>();
          let overLive = 0;
          for (const { isAlloc, block, order } of list) {
            const pages = 2 ** order;
            const pfn = base + Math.floor(block / pages) * pages;
            const range = Array.from({ length: pages }, (_, i) => pfn + i);
            if (isAlloc) {
              if (range.some((page) => live.has(page))) overLive++;
              ledger.alloc(pfn, order, 1);
              for (const page of range) live.add(page);
            } else {
              ledger.free(pfn, order, 1, false);
              for (const page of range) live.delete(page);
            }
            expect(ledger.livePages).toBe(live.size);
          }
          expect(ledger.allocsOverLive.count).toBe(overLive);
        },
      ),
    );
  });
});

describe('the result (DESIGN §5)', () => {
  test('all keys', async () => {
    const report = {
      release: '7.3-cloud-amd64',
      cpus: [0, 1],
      headerCpus: 4,
      eventsByName: new Map([
        ['kfree', 3],
        ['mm_page_free', 1],
        ['mm_page_alloc', 2],
      ]),
    };
    const { result } = await check([locked(4), alloc(4), failed, free(4, 0, { timeNs: 1500 })], report);
    expect(result).toEqual({
      schema: 'mm-sim/check@1',
      format: 'ftrace',
      kernel: '7.3-cloud-amd64',
      clock: 'seconds',
      cpus: 4,
      spanNs: 1500,
      events: { byKind: { mm_page_alloc: 2, mm_page_free: 1, kfree: 3 } },
      allocations: { served: 1, failed: 1 },
      frees: { reported: 1, batchRepeats: 0, unmatched: 0, orderMismatches: 0 },
      lost: { events: 0, unknownGaps: 0 },
      livePagesAtEnd: 0,
      grade: 'B',
      reasons: ['no exact start state', 'buddy-level events', 'nothing lost'],
    });
    expect(Object.keys(result.events.byKind)).toEqual(['mm_page_alloc', 'mm_page_free', 'kfree']);
  });

  test('losses: overwritten, counted marks, marks without a number', async () => {
    const lost = [
      { line: 3, cpu: 0, events: 201 },
      { line: 9, cpu: 1, events: 0 },
    ];
    const { result, details } = await check([alloc(4), free(4)], { overwritten: 1000, lost });
    expect([result.lost, result.grade]).toEqual([{ events: 1201, unknownGaps: 1 }, 'D']);
    expect(result.reasons).toEqual(['1201 events lost', '1 gap of unknown size']);
    expect(details.advice).toEqual([
      'enable kmem:mm_page_alloc_zone_locked, kmem:mm_page_alloc_extfrag and kmem:mm_page_pcpu_drain for grade B',
      'record with a larger buffer (buffer_size_kb) and fewer events, so that nothing is lost',
      "README, 'Traces of your own', has the commands for all this",
    ]);
  });

  test('allocations over live pages are grade D, with the first line', async () => {
    const { result, details } = await check([alloc(4), alloc(4), alloc(8, 2), alloc(9)]);
    expect([result.grade, result.reasons]).toEqual(['D', ['2 allocations over live pages']]);
    expect(details.allocsOverLive.first).toEqual({ line: 2, pfn: 4, order: 0 });
    expect(details.remarks).toContain(
      '2 allocations are of pages that are still live (first: line 2): frees are missing',
    );
  });

  test('malformed lines are grade D; so is a trace without requests', async () => {
    const malformed = { count: 2, first: [{ line: 3, text: '' }] };
    const damaged = (await check([alloc(4), locked(8)], { malformed })).result;
    expect([damaged.grade, damaged.reasons]).toEqual(['D', ['2 malformed lines']]);
    const empty = (await check([locked(8)])).result;
    expect([empty.grade, empty.reasons]).toEqual(['D', ['nothing that can be replayed']]);
  });

  test('sentences have separators and agree in number', async () => {
    const many = Array.from({ length: 1234 }, (_, i) => free(2 * i));
    expect((await check(many)).details.remarks).toEqual([
      '1,234 pages were live before the trace began: their first event is a free',
    ]);
    expect((await check([alloc(4), alloc(4), free(9), free(9, 0, { pid: 2 })])).details.remarks).toEqual([
      '1 page was live before the trace began: its first event is a free',
      '1 free is of pages seen freed before: handed out silently (bulk lists, compaction), or events are lost',
      '1 allocation is of pages that are still live (first: line 2): frees are missing',
    ]);
  });

  test('what no machine has is counted and not followed', async () => {
    const { details, result } = await check([alloc(2 ** 40), alloc(4, 77), alloc(6, 2), free(6, 1)]);
    expect([details.impossible.count, details.misaligned.count, result.livePagesAtEnd]).toEqual([2, 1, 2]);
  });

  test('a clock without a unit has no span; nameless tasks and missing CPUs are said', async () => {
    const { result, details } = await check([alloc(4, 0, { comm: '<...>' }), alloc(5)], { clock: 'ticks' });
    expect([result.spanNs, result.cpus, details.namelessRequests]).toEqual([null, 0, 1]);
    expect(details.cannotTell).toEqual([
      'when pages were freed',
      'which pages were live all the time, from before its start to its end',
      'which free pages were in the buddy lists and which in pcp lists',
      'how long anything took: the clock has no unit',
      'on which CPU a request was made',
      'which program made 1 of 2 requests: the task has no name there',
    ]);
  });

  test('a CSV, from bytes to result', async () => {
    async function* bytes(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('time_ns,op,pfn,order\n1,alloc,16,4\n5,free,16,3\n7,free,24,3\n9,fail,,9\n');
    }
    const { result } = await checkTrace(await openCsv(bytes(), 't.csv'), { synthetic: true });
    expect(result).toMatchObject({
      format: 'csv',
      spanNs: 8,
      events: { byKind: { mm_page_alloc: 2, mm_page_free: 2 } },
      allocations: { served: 1, failed: 1 },
      frees: { reported: 2, orderMismatches: 2 },
      grade: 'S',
    });
  });
});

describe('fidelity grade (DESIGN §4)', () => {
  const good = {
    exactStartState: true,
    buddyLevelEvents: true,
    lostEvents: 0,
    unknownGaps: 0,
    allocsOverLive: 0,
    malformedEvents: 0,
    requests: 1,
    synthetic: false,
  };
  test.each([
    [{}, 'A'],
    [{ exactStartState: false }, 'B'],
    [{ buddyLevelEvents: false }, 'C'],
    [{ exactStartState: false, buddyLevelEvents: false }, 'C'],
    [{ lostEvents: 1 }, 'D'],
    [{ unknownGaps: 1 }, 'D'],
    [{ allocsOverLive: 1 }, 'D'],
    [{ malformedEvents: 1 }, 'D'],
    [{ requests: 0 }, 'D'],
    [{ synthetic: true, lostEvents: 1 }, 'S'],
  ])('%j is %s', (changes, grade) => {
    const { grade: given, reasons } = fidelityGrade({ ...good, ...changes });
    expect(given).toBe(grade);
    expect(reasons.length).toBeGreaterThan(0);
  });
});

describe('era (trace-formats §10.3)', () => {
  const era = emptyReport('ftrace').era;
  const reader = (clues: Partial<ReadReport['era']>, gfps: string[] = [], release = '') => ({
    report: { ...emptyReport('ftrace'), release, era: { ...era, ...clues } },
    gfps,
  });
  test.each([
    [reader({}, [], '6.12.117'), '6.12.117'],
    [reader({}), 'unknown'],
    [reader({ oldEventNames: 1, movableIs2: 4 }), 'up to 3.2'],
    [reader({ movableIs2: 4, decimalPfns: 9 }), 'up to 4.3'],
    [reader({ movableIs1: 4, coldFields: 2 }), '4.4 to 4.14'],
    [reader({ hexPfns: 3 }, ['GFP_KERNEL|__GFP_COMP|__GFP_ZERO']), '5.14 to 7.1'],
    [reader({ hexPfns: 3, rawPagePointers: 3 }, ['GFP_KERNEL|__GFP_ZERO|__GFP_COMP']), '6.13 or newer'],
    [reader({ hexPfns: 3, oldEventNames: 1 }), 'contradictory: 5.14 or newer, and up to 3.2'],
  ])('case %#', (input, kernel) => {
    expect(guessEra(input).kernel).toBe(kernel);
  });
});

describe('first touch (DESIGN §4, start state `trace`)', () => {
  async function startOf(...rows: Row[]): Promise<LiveAtStart> {
    const touch = new FirstTouch();
    const reader = new RowsReader(rows);
    for (let batch = await reader.next(); batch !== null; batch = await reader.next()) touch.add(batch);
    return touch.liveAtStart();
  }
  const runs = ({ start, end, order }: LiveAtStart): string[] =>
    Array.from(start, (pfn, i) => `${pfn}-${end[i]} order ${order[i]}`);

  test('pages whose first event is a free were live, in ascending runs of one order', async () => {
    const live = await startOf(
      free(9),
      free(8),
      batched(8),
      free(2 ** 35 + 4, 2),
      alloc(9),
      free(9),
      free(2 ** 35, 2),
      free(10, 1),
    );
    expect(runs(live)).toEqual(['8-10 order 0', '10-12 order 1', `${2 ** 35}-${2 ** 35 + 8} order 2`]);
    expect([live.pages, live.doubtfulPages]).toEqual([12, 0]);
  });

  test.each([
    ['allocated', alloc(8)],
    ['taken from the buddy lists', locked(8)],
    ['taken as part of a block', locked(0, 4)],
    ['taken by a fallback', { kind: KIND.extfrag, pfn: 8, order: 0, migratetype: 0, a: 9, b: 1 }],
    ['drained from a pcp list', { kind: KIND.pcpuDrain, pfn: 8 }],
    ['handed out in bulk', { kind: KIND.bulkPage, pfn: 8 }],
    ['isolated by compaction', { kind: KIND.isolateFreePage, pfn: VMEMMAP + 8 * 64, order: 0 }],
    ['taken back by compaction', { kind: KIND.compactionFree, pfn: VMEMMAP + 8 * 64 }],
  ])('free before: %s', async (_, row) => {
    expect((await startOf(row, free(8), free(8))).pages).toBe(0);
  });

  test('a block that was put together during the trace was handed out silently', async () => {
    expect(runs(await startOf(alloc(8), free(8), free(8, 1)))).toEqual([]);
    expect(runs(await startOf(free(8), free(8, 1)))).toEqual(['8-9 order 0']);
  });

  test('after compaction began a first free is doubtful', async () => {
    const live = await startOf(free(8), { kind: KIND.compactionBegin }, free(16, 2));
    expect([live.pages, live.doubtfulPages]).toEqual([5, 4]);
  });

  test('a capture begins at its first marker and ends at its second', async () => {
    const marker = (a: number): Row => ({ kind: KIND.snapshot, a });
    expect(runs(await startOf(free(3), marker(1), free(8), marker(2), free(9)))).toEqual(['8-9 order 0']);
  });
});

describe('trace samples', () => {
  // The column "expected" of their README: served/failed/frees/batch reports.
  const samples = new URL('../../../shared/trace-samples/', import.meta.url);
  const rows = existsSync(samples)
    ? [
        ...readFileSync(new URL('README.md', samples), 'utf8').matchAll(
          /^\| ([\w.-]+) \|.*?\| (\d+)\/(\d+)\/(\d+)\/(\d+) \|/gm,
        ),
      ]
    : [];
  test.skipIf(rows.length === 0)('counts', async () => {
    const different: string[] = [];
    let read = 0;
    for (const [, name, served, failedCount, freed, repeats] of rows) {
      let reader: TraceReader;
      try {
        reader = await openTrace(fileURLToPath(new URL(name, samples)));
      } catch {
        continue; // formats that are refused
      }
      const { result, details } = await checkTrace(reader);
      await reader.close();
      read++;
      // Batch reports of live pages (losses, old kernels) are frees here, and batch reports there.
      const counts = [
        result.allocations.served,
        result.allocations.failed,
        result.frees.reported - details.batchFrees,
        result.frees.batchRepeats + details.batchFrees,
      ].join('/');
      if (counts !== `${served}/${failedCount}/${freed}/${repeats}`) different.push(`${name}: ${counts}`);
    }
    expect(different).toEqual([]);
    expect(read).toBeGreaterThan(70);
  });
});

describe('captures', () => {
  test.for([
    ['linux-7.3-secretmem-1cpu', 17803, 0, 17570],
    ['linux-6.12-secretmem-1cpu', 17761, 0, 17572],
    ['linux-7.3-modules-2cpu', 27194, 0, 134026],
    ['linux-7.3-pressure-2cpu-probes', 143218, 69, 153216],
  ] as const)('%s', async ([name, served, failedCount, freed], { skip }) => {
    const capture = captureFolder(name);
    if (capture === null) return skip(NO_CAPTURES);
    const reader = await openTrace(capture.trace);
    const { result, details } = await checkTrace(reader, { exactStartState: true });
    await reader.close();
    expect([result.grade, result.lost.events, details.allocsOverLive.count]).toEqual(['A', 0, 0]);
    const { events } = capture.counts;
    const between = details.betweenMarkers;
    expect([between?.served, between?.failed, between?.frees]).toEqual([served, failedCount, freed]);
    expect(served + failedCount).toBe(events.mm_page_alloc);
    expect(freed + details.compactionReturns).toBe(events.mm_page_free);
  });

  // What the trace shows of its start, against the state that was recorded there.
  test.for([
    'linux-7.3-secretmem-1cpu',
    'linux-7.3-compaction-1cpu-probes',
    'linux-7.3-fragment-1cpu-probes',
  ])('no page that %s shows as live was in a free list or a pcp list', async (name, { skip }) => {
    const capture = captureFolder(name);
    if (capture === null) return skip(NO_CAPTURES);
    const free = new Set<number>();
    const state = await readStateFile(capture.before);
    for (const { order, pfns } of state.freeLists) {
      for (const pfn of pfns) for (let page = pfn; page < pfn + 2 ** order; page++) free.add(page);
    }
    for (const { lists } of state.pcps) for (const { pfns } of lists) for (const pfn of pfns) free.add(pfn);
    const reader = await openTrace(capture.trace);
    const { start, end, pages } = (await checkTrace(reader)).details.start;
    await reader.close();
    let wrong = 0;
    for (let i = 0; i < start.length; i++)
      for (let page = start[i]; page < end[i]; page++) if (free.has(page)) wrong++;
    expect(wrong).toBe(0);
    expect(pages).toBeGreaterThan(0);
  });
});
