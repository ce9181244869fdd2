import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import type { CheckView } from '../../src/output/check.js';
import { CHECK_RENDERERS } from '../../src/output/renderers.js';

const plain = { color: false };

const check: CheckView = {
  format: 'ftrace',
  kernel: '',
  clock: 'seconds',
  cpus: 4,
  spanNs: 41_204_118_000,
  events: { byKind: { mm_page_alloc: 812_343, mm_page_free: 790_002, mm_page_free_batched: 1_773 } },
  allocations: { served: 812_331, failed: 12 },
  frees: { reported: 790_002, batchRepeats: 1_773, unmatched: 4_200, orderMismatches: 1 },
  lost: { events: 0, unknownGaps: 0 },
  livePagesAtEnd: 118_402,
  grade: 'C',
  reasons: ['no buddy-level events', 'no start state'],
};

test('what the trace is, what it lost, and its grade', () => {
  expect(CHECK_RENDERERS.table(check, plain)).toMatchInlineSnapshot(`
    "format  ftrace
    kernel  the trace does not say
    clock   seconds
    span    41.2 s on 4 CPUs

    events                                  count
    mm_page_alloc                         812,343
    mm_page_free                          790,002
    mm_page_free_batched                    1,773
    all                                 1,604,118

    pages                                 count
    allocations served                  812,331
    allocations failed                       12
    frees                               790,002
      repeated by mm_page_free_batched    1,773
      of pages never seen (0.5 %)         4,200
      of another order than allocated         1
    pages live at the end               118,402
    events lost                               0
    gaps of unknown length                    0

    Grade C: no buddy-level events; no start state.
    "
  `);
});

test('as Markdown', () => {
  expect(CHECK_RENDERERS.markdown(check, plain)).toMatchInlineSnapshot(`
    "- format: ftrace
    - kernel: the trace does not say
    - clock: seconds
    - span: 41.2 s on 4 CPUs

    | events | count |
    | :-- | --: |
    | mm\\_page\\_alloc | 812,343 |
    | mm\\_page\\_free | 790,002 |
    | mm\\_page\\_free\\_batched | 1,773 |
    | all | 1,604,118 |

    | pages | count |
    | :-- | --: |
    | allocations served | 812,331 |
    | allocations failed | 12 |
    | frees | 790,002 |
    | repeated by mm\\_page\\_free\\_batched | 1,773 |
    | of pages never seen (0.5 %) | 4,200 |
    | of another order than allocated | 1 |
    | pages live at the end | 118,402 |
    | events lost | 0 |
    | gaps of unknown length | 0 |

    Grade C: no buddy-level events; no start state.
    "
  `);
});

test('JSON, ndjson and CSV read back', () => {
  expect(JSON.parse(CHECK_RENDERERS.json(check, plain))).toEqual(check);
  expect(JSON.parse(CHECK_RENDERERS.ndjson(check, plain))).toEqual(check);
  const rows: string[][] = parse(CHECK_RENDERERS.csv(check, plain));
  expect(Object.fromEntries(rows)).toMatchObject({
    key: 'value',
    kernel: '',
    'events.byKind.mm_page_alloc': '812343',
    'frees.unmatched': '4200',
    'reasons.1': 'no start state',
  });
});

test('an event name from a trace cannot move the cursor', () => {
  const odd = { ...check, events: { byKind: { 'a\u001b[2Jb': 1 } } };
  expect(CHECK_RENDERERS.table(odd, plain)).not.toContain('\u001b');
});
