import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import type { CheckReport, CheckView } from '../../src/output/check.js';
import { CHECK_RENDERERS } from '../../src/output/renderers.js';

const plain = { color: false };

const result: CheckView = {
  format: 'ftrace',
  kernel: '5.14 or newer',
  clock: 'seconds',
  cpus: 4,
  spanNs: 41_204_118_000,
  events: { byKind: { mm_page_alloc: 812_343, mm_page_free: 790_002, mm_page_free_batched: 1_773 } },
  allocations: { served: 812_331, failed: 12 },
  frees: { reported: 790_002, batchRepeats: 1_773, unmatched: 4_200, orderMismatches: 1 },
  lost: { events: 0, unknownGaps: 0 },
  livePagesAtEnd: 118_402,
  grade: 'C',
  reasons: ['no buddy-level events', 'no exact start state'],
};

/** A trace in good order. */
const check: CheckReport = {
  result,
  details: {
    era: { evidence: ['pfns are hexadecimal: 5.14 or newer'] },
    exactFrees: 785_801,
    partialFrees: { count: 1 },
    unevenFrees: { count: 0 },
    unknownFrees: { count: 4_000 },
    doubleFrees: { count: 200 },
    repeatedFrees: { count: 0 },
    impossible: { count: 0 },
    allocsOverLive: { count: 0 },
    inInterrupt: 0,
    highestPfn: 0x3ffff,
    remarks: ['4000 pages were live before the trace began: their first event is a free'],
    cannotTell: ['which free pages were in the buddy lists and which in pcp lists'],
    advice: ['enable kmem:mm_page_alloc_zone_locked'],
  },
  report: {
    layouts: [],
    malformed: { count: 0, first: [] },
    unparsed: 0,
    nulLines: 0,
    timeBackwards: { count: 0, largestNs: 0 },
    notes: [],
  },
};

test('what the trace is, what it lost, what it cannot tell, and its grade', () => {
  expect(CHECK_RENDERERS.table(check, plain)).toMatchInlineSnapshot(`
    "format  ftrace
    kernel  5.14 or newer
    since   pfns are hexadecimal: 5.14 or newer
    clock   seconds
    span    41.2 s on 4 CPUs
    pages   up to pfn 0x3ffff, 1.0 GiB from the start of memory

    events                                count
    mm_page_alloc                       812,343
    mm_page_free                        790,002
    mm_page_free_batched                  1,773
    all                               1,604,118

    requests                            count    share
    allocations                       812,343
      served                          812,331  100.0 %
      failed                               12    0.0 %
      of pages that are still live          0    0.0 %
    frees                             790,002
      of one whole allocation         785,801   99.5 %
      of a part of a larger one             1    0.0 %
      of pages never seen before        4,000    0.5 %
      of pages seen freed before          200    0.0 %
    repeated by mm_page_free_batched    1,773
    pages live at the end             118,402

    events lost                             0
    gaps of unknown length                  0

    seen         4000 pages were live before the trace began: their first event
                 is a free
    cannot tell  which free pages were in the buddy lists and which in pcp
                 lists
    next time    enable kmem:mm_page_alloc_zone_locked

    Grade C: no buddy-level events; no exact start state.
    "
  `);
});

test('what is rare has rows only where it happened', () => {
  const odd: CheckReport = {
    result: { ...result, clock: 'ticks', spanNs: null, cpus: 0, lost: { events: 7, unknownGaps: 1 } },
    details: {
      ...check.details,
      unevenFrees: { count: 2 },
      repeatedFrees: { count: 3 },
      impossible: { count: 4 },
      inInterrupt: 5,
      highestPfn: -1,
    },
    report: {
      layouts: ['latency'],
      malformed: { count: 6, first: [{ line: 12 }, { line: 4711 }] },
      unparsed: 8,
      nulLines: 9,
      timeBackwards: { count: 10, largestNs: 5_200 },
      notes: ['columns that were not read: x'],
    },
  };
  expect(CHECK_RENDERERS.table(odd, plain)).toMatchInlineSnapshot(`
    "format  ftrace, latency
    kernel  5.14 or newer
    since   pfns are hexadecimal: 5.14 or newer
    clock   ticks, without a unit
    span    not known, the clock has no unit; the trace names no CPU

    events                                     count
    mm_page_alloc                            812,343
    mm_page_free                             790,002
    mm_page_free_batched                       1,773
    all                                    1,604,118

    requests                                 count    share
    allocations                            812,343
      served                               812,331  100.0 %
      failed                                    12    0.0 %
      of pages that are still live               0    0.0 %
      made in an interrupt                       5    0.0 %
    frees                                  790,002
      of one whole allocation              785,801   99.5 %
      of a part of a larger one                  1    0.0 %
      of several, or of pages partly live        2    0.0 %
      of pages never seen before             4,000    0.5 %
      of pages seen freed before               200    0.0 %
      reported twice in a row                    3    0.0 %
    events of pages that no machine has          4
    repeated by mm_page_free_batched         1,773
    pages live at the end                  118,402

    events lost                                  7
    gaps of unknown length                       1
    event lines without a field they need        6
    lines that could not be read                 8
    lines with NUL bytes                         9
    times earlier than the line before          10

    seen         columns that were not read: x
                 4000 pages were live before the trace began: their first event
                 is a free
                 event lines without a field they need: 12, 4711 and more
                 times run backwards by at most 5.2 us
    cannot tell  which free pages were in the buddy lists and which in pcp
                 lists
    next time    enable kmem:mm_page_alloc_zone_locked

    Grade C: no buddy-level events; no exact start state.
    "
  `);
});

test('as Markdown', () => {
  expect(CHECK_RENDERERS.markdown(check, plain)).toMatchInlineSnapshot(`
    "- format: ftrace
    - kernel: 5.14 or newer
    - since: pfns are hexadecimal: 5.14 or newer
    - clock: seconds
    - span: 41.2 s on 4 CPUs
    - pages: up to pfn 0x3ffff, 1.0 GiB from the start of memory

    | events | count |
    | :-- | --: |
    | mm\\_page\\_alloc | 812,343 |
    | mm\\_page\\_free | 790,002 |
    | mm\\_page\\_free\\_batched | 1,773 |
    | all | 1,604,118 |

    | requests | count | share |
    | :-- | --: | --: |
    | allocations | 812,343 |  |
    | served | 812,331 | 100.0 % |
    | failed | 12 | 0.0 % |
    | of pages that are still live | 0 | 0.0 % |
    | frees | 790,002 |  |
    | of one whole allocation | 785,801 | 99.5 % |
    | of a part of a larger one | 1 | 0.0 % |
    | of pages never seen before | 4,000 | 0.5 % |
    | of pages seen freed before | 200 | 0.0 % |
    | repeated by mm\\_page\\_free\\_batched | 1,773 |  |
    | pages live at the end | 118,402 |  |
    | events lost | 0 |  |
    | gaps of unknown length | 0 |  |

    - seen: 4000 pages were live before the trace began: their first event is a free
    - cannot tell: which free pages were in the buddy lists and which in pcp lists
    - next time: enable kmem:mm\\_page\\_alloc\\_zone\\_locked

    Grade C: no buddy-level events; no exact start state.
    "
  `);
});

test('JSON, ndjson and CSV hold the result alone, and read back', () => {
  expect(JSON.parse(CHECK_RENDERERS.json(check, plain))).toEqual(result);
  expect(JSON.parse(CHECK_RENDERERS.ndjson(check, plain))).toEqual(result);
  const rows: string[][] = parse(CHECK_RENDERERS.csv(check, plain));
  expect(Object.fromEntries(rows)).toMatchObject({
    key: 'value',
    kernel: '5.14 or newer',
    'events.byKind.mm_page_alloc': '812343',
    'frees.unmatched': '4200',
    'reasons.1': 'no exact start state',
  });
});

test('an event name from a trace cannot move the cursor', () => {
  const odd = { ...check, result: { ...result, events: { byKind: { 'a\u001b[2Jb': 1 } } } };
  expect(CHECK_RENDERERS.table(odd, plain)).not.toContain('\u001b');
});
