import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { VALIDATION_RENDERERS } from '../../src/output/renderers.js';
import type { ValidationView } from '../../src/output/validation.js';
import { EXACT, VALIDATION } from '../validate/validation-fixture.js';

const plain = { color: false };

const view: ValidationView = {
  result: VALIDATION,
  details: {
    cpus: 2,
    events: 123_456,
    withoutProbes: false,
    hasFreetypes: true,
    hasCompaction: true,
    rotatedLists: ['DMA32 order 3 movable'],
    differingLists: ['DMA order 0 unmovable'],
    wantsFirstMiss: false,
    metricLines: [{ end: 'before', file: 'buddyinfo', line: 2, cause: 'copyMoved' }],
    firstMissContext: null,
  },
};

const exact: ValidationView = {
  result: EXACT,
  details: {
    ...view.details,
    hasFreetypes: false,
    rotatedLists: [],
    differingLists: [],
    metricLines: [],
    wantsFirstMiss: true,
  },
};

test('how many of how many, what was inferred, and where the first miss is', () => {
  expect(VALIDATION_RENDERERS.table(view, plain)).toMatchInlineSnapshot(`
    "capture  a-capture: 123,456 events, 2 CPUs
    kernel   7.3.0-rc7, by the rules of 7.3 with the freetype series

    driven by the kernel's list events        equal      of    share
    blocks chosen as the kernel did           9,999  10,000   99.9 %
    fallbacks equal                              14      15   93.3 %
    free lists equal, in order                   28      30   93.3 %
    free blocks at their place                1,990   2,000   99.5 %
      at snapshot 3                             299     300   99.6 %
      at snapshot 5                             500     500  100.0 %
    pageblock types equal                       256     256  100.0 %
    frees past the pcp lists, inferred           12
    rotations of free lists, inferred            13

    from the requests alone, one step          equal      of   share
    pages chosen as the kernel did            39,960  40,000  99.9 %
      of these told early or late                 60  40,000   0.1 %
    corrections after a miss                      41
    pcp lists equal, in order                     21      22  95.4 %
    pages taken without a line, inferred          48

    from the requests alone, never corrected  equal     of   share
    list events up to the first difference    8,000  9,000  88.8 %
      with requests in the order of lines     7,000  9,000  77.7 %
    largest error of buddyinfo, blocks            3
    largest error of pagetypeinfo, blocks         4

    direct map and metrics                      equal       of   share
    direct map, pages under the same leaf     130,488  131,000  99.6 %
    flips, same block and moment                   10       11  90.9 %
    lines of the kernel's own metrics              23       24  95.8 %

    counts                                    recorded  model
    requests not served                             30     29
    fallbacks, never corrected                      16     17
    2M leaves split                                 11     11
    1G leaves split                                  1      1
    full flushes                                    18     19
    ranged flushes                               1,500  1,500
    other flushes                                    7      -
    flips to unmapped                                6      6
    flips to mapped                                  5      4
    flips refused                                    2      2

    uncorrected   the run that is never corrected leaves the kernel's path at
                  line 12345 of the trace
    other order   DMA32 order 3 movable: the same blocks, but compaction turns
                  lists without an event, and nothing was taken from these
                  afterwards (page-allocator §7.3)
    other lines   1 line where the kernel's files were copied seconds before
                  snapshot 1 or milliseconds after snapshot 2, and memory had
                  changed: of the snapshot itself the model prints what the
                  kernel would
    other blocks  DMA order 0 unmovable

    first miss  trace.txt.gz:4711: buddy level: model: pfn 0x10; kernel: pfn
                0x20

    Told when a block is taken, the model takes 9,999 of 10,000 blocks (99.9 %)
    that the kernel took and ends with 28 of 30 free lists in its order; told
    the requests alone, it hands out 39,960 of 40,000 pages (99.9 %); never
    corrected, it makes 8,000 of 9,000 list events (88.8 %) before the first
    that differs.
    "
  `);
});

test('an exact one, without what its kernel does not have', () => {
  expect(VALIDATION_RENDERERS.table(exact, plain)).toMatchInlineSnapshot(`
    "capture  a-capture: 123,456 events, 2 CPUs
    kernel   7.3.0-rc7, by the rules of 7.3

    driven by the kernel's list events         equal      of    share
    blocks chosen as the kernel did           10,000  10,000  100.0 %
    fallbacks equal                               15      15  100.0 %
    free lists equal, in order                    30      30  100.0 %
    free blocks at their place                 2,000   2,000  100.0 %
    pageblock types equal                        256     256  100.0 %
    frees past the pcp lists, inferred            12
    rotations of free lists, inferred             13

    from the requests alone, one step          equal      of    share
    pages chosen as the kernel did            40,000  40,000  100.0 %
      of these told early or late                  0  40,000    0.0 %
    corrections after a miss                      41
    pcp lists equal, in order                     22      22  100.0 %
    pages taken without a line, inferred          48

    from the requests alone, never corrected  equal     of   share
    list events up to the first difference    8,000  9,000  88.8 %
      with requests in the order of lines     7,000  9,000  77.7 %
    largest error of buddyinfo, blocks            3
    largest error of pagetypeinfo, blocks         4

    direct map and metrics                      equal       of   share
    direct map, pages under the same leaf     130,488  131,000  99.6 %
    lines of the kernel's own metrics              23       24  95.8 %

    counts                                    recorded  model
    requests not served                             30     29
    fallbacks, never corrected                      16     17
    2M leaves split                                 11     11
    1G leaves split                                  1      1
    full flushes                                    18     19
    ranged flushes                               1,500  1,500
    other flushes                                    7      -

    uncorrected  the run that is never corrected leaves the kernel's path at
                 line 12345 of the trace

    first miss  none: every block, and every page of the run that is corrected,
                is the kernel's

    Told when a block is taken, the model takes all 10,000 blocks that the
    kernel took and ends with every free list in its order; told the requests
    alone, it hands out all 40,000 pages; never corrected, it makes 8,000 of
    9,000 list events (88.8 %) before the first that differs.
    "
  `);
});

test('--first-miss adds the events before it and the lists of the model', () => {
  const context = {
    lines: [
      {
        line: 4_710,
        text: '          task-12      [000] d..1.     1.000001: mm_page_free: pfn=0x11 order=0',
      },
      {
        line: 4_711,
        text: '          task-12      [000] d..1.     1.000002: mm_page_alloc_zone_locked: pfn=0x20',
      },
    ],
    kernelPage: 'DMA order 1 unmovable, entry 2 of 9',
    lists: [{ name: 'DMA order 0 unmovable', length: 9, pfns: [16, 17, 18] }],
  };
  const details = { ...view.details, wantsFirstMiss: true, firstMissContext: context };
  const table = VALIDATION_RENDERERS.table({ ...view, details }, plain);
  expect(table.slice(table.indexOf('first miss'))).toMatchInlineSnapshot(`
    "first miss  trace.txt.gz:4711: buddy level: model: pfn 0x10; kernel: pfn
                0x20

    4710  task-12 [000] d..1. 1.000001: mm_page_free: pfn=0x11 order=0
    4711  task-12 [000] d..1. 1.000002: mm_page_alloc_zone_locked: pfn=0x20

    kernel's page          in the model DMA order 1 unmovable, entry 2 of 9
    DMA order 0 unmovable  9 entries, head first: 0x10 0x11 0x12 and 6 more

    Told when a block is taken, the model takes 9,999 of 10,000 blocks (99.9 %)
    that the kernel took and ends with 28 of 30 free lists in its order; told
    the requests alone, it hands out 39,960 of 40,000 pages (99.9 %); never
    corrected, it makes 8,000 of 9,000 list events (88.8 %) before the first
    that differs.
    "
  `);
});

test('a share is truncated: 100.0 % is said of all alone', () => {
  const recorded = { ...VALIDATION.recorded, allocations: 703_591, exact: 703_590 };
  const table = VALIDATION_RENDERERS.table({ ...view, result: { ...VALIDATION, recorded } }, plain);
  expect(table).toMatch(/703,590 +703,591 +99\.9 %/);
});

test('JSON and ndjson hold the result alone, CSV every number under its key', () => {
  expect(JSON.parse(VALIDATION_RENDERERS.json(view, plain))).toEqual(VALIDATION);
  expect(JSON.parse(VALIDATION_RENDERERS.ndjson(view, plain))).toEqual(VALIDATION);
  const rows: string[][] = parse(VALIDATION_RENDERERS.csv(view, plain));
  expect(rows[0]).toEqual(['key', 'value', 'unit']);
  const values = Object.fromEntries(rows);
  expect(values).toMatchObject({
    capture: 'a-capture',
    'recorded.exact': '9999',
    'recorded.middle.5.listEntriesEqual': '500',
    'flips.equal': '10',
    'firstMiss.line': '4711',
  });
  const without: string[][] = parse(VALIDATION_RENDERERS.csv(exact, plain));
  expect(Object.fromEntries(without)).toMatchObject({ 'flips.equal': '', 'firstMiss.line': '' });
});

test('as Markdown', () => {
  expect(VALIDATION_RENDERERS.markdown(view, plain)).toContain(
    '| blocks chosen as the kernel did | 9,999 | 10,000 | 99.9 % |',
  );
});
