/** Whole outputs of every format. Read the difference before you rewrite them. */

import { stripVTControlCharacters } from 'node:util';
import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { EXIT } from '../../src/kernel/errors.js';
import type { Result, Run } from '../../src/metrics/result.js';
import { flattenRun } from '../../src/metrics/values.js';
import { errorLine } from '../../src/output/error-line.js';
import { FORMATS, formatNamed, RENDERERS } from '../../src/output/renderers.js';
import { baselineRun, freetypeRun, HEAD, result } from './fixture.js';

const plain = { color: false };
const one = result([baselineRun()]);
const two = result([baselineRun(), freetypeRun()]);
const unequal = result([baselineRun(), freetypeRun({ failed: 12 }, 'freetype:series=v2-dev')]);
const many = result([
  baselineRun(),
  freetypeRun(),
  freetypeRun({}, 'freetype:series=v2-dev'),
  freetypeRun({}, 'freetype:flush=never'),
  { ...baselineRun(), core: { name: 'my-own-core-with-a-long-name', params: {}, spec: './my-core.ts' } },
]);

test('replay: three tables', () => {
  expect(RENDERERS.table(one, plain)).toMatchInlineSnapshot(`
    "trace    secretmem.txt.gz: 1,604,118 events in 41.2 s, 4 CPUs, ftrace,
             kernel 7.3-cloud-amd64
    grade    B: no start state lies beside the trace, so 118,402 pages are
             taken as live by their first event
    machine  15.4 GiB managed (4,046,592 pages), 4 CPUs, rules of kernel 7.3,
             start trace
    marks    unmapped: comm == "secretmem" && migratetype == 0 && gfp_flags &
             __GFP_HARDWALL (6,112 requests)

    Requests

                                    baseline
    requests                         812,343
    requests served                  812,343
    requests failed                        0
    served, KiB                    4,824,064
    live pages, most                 240,117
    unmapped: requests                 6,112

    Fragmentation, at the end

    free blocks                      DMA   DMA32   Normal
    order 0                          171   4,703  124,456
    order 1                          109   2,704   40,821
    order 2                           33   1,542   10,126
    order 3                           19     683    1,204
    order 4                            7     266      310
    order 5                            8     110       77
    order 6                            2      30       40
    order 7                            0      14       12
    order 8                            1       6        5
    order 9                            0       3        0
    order 10                           0       2        0
    unusable index, order 9        1.000   0.906    1.000
    extfrag index, order 9         0.990  -1.000    0.998

    type                           free pages  pageblocks
    unmovable                           3,329         412
    movable                           305,481       7,310
    reclaimable                             0         180
    all                               308,810       7,902
    mixed                                   -         241

    huge pages and fallbacks       recorded  baseline
    2M blocks free                        -         7
    2M blocks free, at best               -       601
    2M blocks free, fewest                -         3
    2M ranges with unmovable              -    15.2 %
    32M ranges with unmovable             -    62.7 %
    1G ranges with unmovable              -   100.0 %
    fallbacks: claims                     -         8
    fallbacks: steals                     -         7
    extfrag events                       15        15
    extfrag, fragmenting                  8         8
    extfrag, for unmovable                7         7
    extfrag, into movable                 5         5

    Splits of the direct map

                                   recorded  baseline
    2M leaves split                   1,204     1,204
    1G leaves split                       2         2
    page-table pages for splits           -     1,206
    leaves collapsed                      -         0
    2M leaves not global                  -         0

    leaves                         before    after  of memory
    4K                                512  616,960     13.2 %
    2M                              2,047    1,867     20.2 %
    1G                                 14       12     66.6 %

    TLB shootdowns

                                   recorded  baseline
    flushes                           7,318     7,318
      by a split                          -     1,206
      by a change of single pages         -     6,112
    full flushes                      1,206     1,206
    ranged flushes                    6,112     6,112
    pages of ranged flushes               -     6,112
    flushes per marked GiB                -   313,869

    pageblock flips                flips  pageblocks  pages zeroed
    to unmapped                        0           0             -
    to mapped                          0           0             0

                                               initiators,          all others,
    CPUs                        IPIs      derived (x86-64)     derived (x86-64)
    1                              0      1.2 ms to 5.5 ms                    -
    8                         51,226     9.9 ms to 53.0 ms  18.4 ms to 119.5 ms
    64                       461,034   50.9 ms to 257.9 ms    165.2 ms to 1.1 s
    256                    1,866,090  191.4 ms to 960.5 ms    668.5 ms to 4.4 s

    baseline served all 812,343 requests, split 2 of 14 1G leaves and 1,204 2M
    leaves and made 7,318 flushes on all CPUs (120 for 100 marked pages); 7 of
    the 601 2M blocks that its free pages could form are whole.
    "
  `);
});

test('replay: a core with a pool, failures and a probe', () => {
  const run = freetypeRun({ probe: true, failed: 12 });
  expect(RENDERERS.table(result([run]), plain)).toMatchInlineSnapshot(`
    "trace    secretmem.txt.gz: 1,604,118 events in 41.2 s, 4 CPUs, ftrace,
             kernel 7.3-cloud-amd64
    grade    B: no start state lies beside the trace, so 118,402 pages are
             taken as live by their first event
    machine  15.4 GiB managed (4,046,592 pages), 4 CPUs, rules of kernel 7.3,
             start trace
    marks    unmapped: comm == "secretmem" && migratetype == 0 && gfp_flags &
             __GFP_HARDWALL (6,112 requests)

    Requests

                                    freetype
    requests                         812,343
    requests served                  812,331
    requests failed                       12
      context forbids flip                12
    served, KiB                    4,799,488
    live pages, most                 240,117
    unmapped: requests                 6,112

    Fragmentation, at the end

    free blocks                      DMA   DMA32   Normal
    order 0                          171   4,703  126,624
    order 1                          109   2,704   40,821
    order 2                           33   1,542   10,126
    order 3                           19     683    1,204
    order 4                            7     266      310
    order 5                            8     110       77
    order 6                            2      30       40
    order 7                            0      14       12
    order 8                            1       6        5
    order 9                            0       3        0
    order 10                           0       2        0
    unusable index, order 9        1.000   0.906    1.000
    extfrag index, order 9         0.990  -1.000    0.998

    type                           free pages  pageblocks
    unmovable                           3,329         412
    movable                           305,481       7,310
    reclaimable                             0         180
    unmovable+unmapped                  2,168          14
    all                               310,978       7,916
    mixed                                   -         241

    huge pages and fallbacks       recorded  freetype
    2M blocks free                        -         5
    2M blocks free, at best               -       605
    2M blocks free, fewest                -         3
    2M ranges with unmovable              -    15.2 %
    32M ranges with unmovable             -    62.7 %
    1G ranges with unmovable              -   100.0 %
    fallbacks: claims                     -         1
    fallbacks: steals                     -         0
    extfrag events                       15         1
    extfrag, fragmenting                  8         0
    extfrag, for unmovable                7         0
    extfrag, into movable                 5         0
    stranded pages                        -     2,168
    stranded pages, most                  -     5,120
    stranded pages, at failures           -     1,200
    probes served, of 412                 -       400

    Splits of the direct map

                                   recorded  freetype
    2M leaves split                   1,204         0
    1G leaves split                       2         2
    page-table pages for splits           -         2
    leaves collapsed                      -         0
    2M leaves not global                  -         6

    leaves                         before  after  of memory
    4K                                512    512      0.1 %
    2M                              2,047  3,071     33.3 %
    1G                                 14     12     66.6 %

    TLB shootdowns

                                   recorded  freetype
    flushes                           7,318        20
      by a split                          -         2
      by a flip to unmapped               -        18
    full flushes                      1,206        20
    ranged flushes                    6,112         0
    pages of ranged flushes               -         0
    flushes per marked GiB                -       857

    pageblock flips                flips  pageblocks  pages zeroed
    to unmapped                       18          20             -
    to mapped                          6           6         3,072
    refused, context forbids flip      4           -             -

                                               initiators,          all others,
    CPUs                        IPIs      derived (x86-64)     derived (x86-64)
    1                              0     3.0 us to 24.0 us                    -
    8                            140   27.0 us to 154.0 us  56.0 us to 420.0 us
    64                         1,260  139.0 us to 714.0 us   504.0 us to 3.8 ms
    256                        5,100    523.0 us to 2.6 ms    2.0 ms to 15.3 ms

    freetype served 812,331 of 812,343 requests, split 2 of 14 1G leaves and
    made 20 flushes on all CPUs (0.3 for 100 marked pages); 5 of the 605 2M
    blocks that its free pages could form are whole; 12 requests failed
    (context forbids flip 12).
    "
  `);
});

test('compare: two cores beside the recorded kernel', () => {
  expect(RENDERERS.table(two, plain)).toMatchInlineSnapshot(`
    "trace    secretmem.txt.gz: 1,604,118 events in 41.2 s, 4 CPUs, ftrace,
             kernel 7.3-cloud-amd64
    grade    B: no start state lies beside the trace, so 118,402 pages are
             taken as live by their first event
    machine  15.4 GiB managed (4,046,592 pages), 4 CPUs, rules of kernel 7.3,
             start trace
    marks    unmapped: comm == "secretmem" && migratetype == 0 && gfp_flags &
             __GFP_HARDWALL (6,112 requests)

                                  recorded   baseline   freetype    change
    requests served                812,343    812,343    812,343       0 %
    requests failed                      0          0          0       0 %
    served, KiB                          -  4,824,064  4,824,064       0 %
    marked pages served              6,112      6,112      6,112       0 %

    2M leaves split                  1,204      1,204          0  -100.0 %
    1G leaves split                      2          2          2       0 %
    memory under 2M leaves               -     20.2 %     33.3 %  +13.1 pp
    memory under 1G leaves               -     66.6 %     66.6 %      0 pp

    full flushes                     1,206      1,206         20   -98.3 %
    ranged flushes                   6,112      6,112          0  -100.0 %
    flushes per marked GiB               -    313,869        857   -99.7 %
    IPIs, 1 CPU                          -          0          0       0 %
    IPIs, 8 CPUs                         -     51,226        140   -99.7 %
    IPIs, 64 CPUs                        -    461,034      1,260   -99.7 %
    IPIs, 256 CPUs                       -  1,866,090      5,100   -99.7 %

    2M blocks free                       -          7          5   -28.6 %
    2M blocks free, at best              -        601        605    +0.7 %
    2M blocks free, fewest               -          3          3       0 %
    mixed pageblocks                     -        241        241       0 %
    2M ranges with unmovable             -     15.2 %     15.2 %      0 pp
    32M ranges with unmovable            -     62.7 %     62.7 %      0 pp
    1G ranges with unmovable             -    100.0 %    100.0 %      0 pp
    extfrag events                      15         15          1   -93.3 %
    extfrag, fragmenting                 8          8          0  -100.0 %
    extfrag, for unmovable               7          7          0  -100.0 %
    extfrag, into movable                5          5          0  -100.0 %

    pages zeroed by flips                -          0      3,072    +3,072
    2M leaves not global                 -          0          6        +6
    stranded pages                       -          -      2,168         -
    stranded pages, most                 -          -      5,120         -
    stranded pages, at failures          -          -          0         -
    page tables, nested requests         -          0          2        +2
    zone lock takes                      -     22,410     22,530    +0.5 %
    free-list steps                      -  1,620,334  1,621,002   +<0.1 %
    derived us, initiators *             -    102,189        284   -99.7 %
    derived us, other CPUs *             -    537,528      1,890   -99.6 %

    * for 64 CPUs, derived from the counts at the middle prices of preset
    x86-64 (IPI 1,000 ns + 200 ns a CPU, interrupt 1,000 ns, full flush 500 ns,
    INVLPG 100 ns, split 1,000 ns, entry 20 ns); nothing was timed.

    Against baseline, freetype splits no 2M leaf (0 against 1,204) and flushes
    366 times less often (20 against 7,318); the price: up to 5,120 free pages
    stranded, 6 2M leaves not global, 3,072 pages zeroed and 1 more row.
    "
  `);
});

test('compare: no winner where the work differs', () => {
  expect(lastParagraph(RENDERERS.table(unequal, plain))).toMatchInlineSnapshot(`
    "No winner: freetype served 24.0 MiB less than baseline, so the counts are
    of different work; freetype: 12 requests failed (context forbids flip 12),
    baseline: no request failed."
  `);
});

test('compare: more than five columns lie on their side', () => {
  expect(RENDERERS.table(many, plain)).toMatchInlineSnapshot(`
    "trace    secretmem.txt.gz: 1,604,118 events in 41.2 s, 4 CPUs, ftrace,
             kernel 7.3-cloud-amd64
    grade    B: no start state lies beside the trace, so 118,402 pages are
             taken as live by their first event
    machine  15.4 GiB managed (4,046,592 pages), 4 CPUs, rules of kernel 7.3,
             start trace
    marks    unmapped: comm == "secretmem" && migratetype == 0 && gfp_flags &
             __GFP_HARDWALL (6,112 requests)
    cores    freetype.1 = freetype
             freetype.2 = freetype:series=v2-dev
             freetype.3 = freetype:flush=never
             my-own-core-with-a-~ = ./my-core.ts

                          requests  requests               marked pages
    core                    served    failed  served, KiB        served
    recorded               812,343         0            -         6,112
    baseline               812,343         0    4,824,064         6,112
    freetype.1             812,343         0    4,824,064         6,112
    freetype.2             812,343         0    4,824,064         6,112
    freetype.3             812,343         0    4,824,064         6,112
    my-own-core-with-a-~   812,343         0    4,824,064         6,112

                          2M leaves  1G leaves  memory under  memory under
    core                      split      split     2M leaves     1G leaves
    recorded                  1,204          2             -             -
    baseline                  1,204          2        20.2 %        66.6 %
    freetype.1                    0          2        33.3 %        66.6 %
    freetype.2                    0          2        33.3 %        66.6 %
    freetype.3                    0          2        33.3 %        66.6 %
    my-own-core-with-a-~      1,204          2        20.2 %        66.6 %

                                         ranged  flushes per
    core                  full flushes  flushes   marked GiB  IPIs, 1 CPU
    recorded                     1,206    6,112            -            -
    baseline                     1,206    6,112      313,869            0
    freetype.1                      20        0          857            0
    freetype.2                      20        0          857            0
    freetype.3                      20        0          857            0
    my-own-core-with-a-~         1,206    6,112      313,869            0

                                                       IPIs, 256
    core                  IPIs, 8 CPUs  IPIs, 64 CPUs       CPUs
    recorded                         -              -          -
    baseline                    51,226        461,034  1,866,090
    freetype.1                     140          1,260      5,100
    freetype.2                     140          1,260      5,100
    freetype.3                     140          1,260      5,100
    my-own-core-with-a-~        51,226        461,034  1,866,090

                          2M blocks      2M blocks     2M blocks       mixed
    core                       free  free, at best  free, fewest  pageblocks
    recorded                      -              -             -           -
    baseline                      7            601             3         241
    freetype.1                    5            605             3         241
    freetype.2                    5            605             3         241
    freetype.3                    5            605             3         241
    my-own-core-with-a-~          7            601             3         241

                          2M ranges  32M ranges  1G ranges
                               with        with       with  extfrag
    core                  unmovable   unmovable  unmovable   events
    recorded                      -           -          -       15
    baseline                 15.2 %      62.7 %    100.0 %       15
    freetype.1               15.2 %      62.7 %    100.0 %        1
    freetype.2               15.2 %      62.7 %    100.0 %        1
    freetype.3               15.2 %      62.7 %    100.0 %        1
    my-own-core-with-a-~     15.2 %      62.7 %    100.0 %       15

                             extfrag,  extfrag, for  extfrag, into
    core                  fragmenting     unmovable        movable
    recorded                        8             7              5
    baseline                        8             7              5
    freetype.1                      0             0              0
    freetype.2                      0             0              0
    freetype.3                      0             0              0
    my-own-core-with-a-~            8             7              5

                          pages zeroed  2M leaves not  stranded     stranded
    core                      by flips         global     pages  pages, most
    recorded                         -              -         -            -
    baseline                         0              0         -            -
    freetype.1                   3,072              6     2,168        5,120
    freetype.2                   3,072              6     2,168        5,120
    freetype.3                   3,072              6     2,168        5,120
    my-own-core-with-a-~             0              0         -            -

                           stranded  page tables,
                          pages, at        nested  zone lock  free-list
    core                   failures      requests      takes      steps
    recorded                      -             -          -          -
    baseline                      -             0     22,410  1,620,334
    freetype.1                    0             2     22,530  1,621,002
    freetype.2                    0             2     22,530  1,621,002
    freetype.3                    0             2     22,530  1,621,002
    my-own-core-with-a-~          -             0     22,410  1,620,334

                           derived us,   derived us,
    core                  initiators *  other CPUs *
    recorded                         -             -
    baseline                   102,189       537,528
    freetype.1                     284         1,890
    freetype.2                     284         1,890
    freetype.3                     284         1,890
    my-own-core-with-a-~       102,189       537,528

    * for 64 CPUs, derived from the counts at the middle prices of preset
    x86-64 (IPI 1,000 ns + 200 ns a CPU, interrupt 1,000 ns, full flush 500 ns,
    INVLPG 100 ns, split 1,000 ns, entry 20 ns); nothing was timed.

    Best: fewest 2M leaves split: freetype.1, freetype.2, freetype.3 (0;
    baseline 1,204); fewest flushes: freetype.1, freetype.2, freetype.3 (20;
    baseline 7,318). The price against baseline: freetype.1, freetype.2,
    freetype.3: up to 5,120 free pages stranded and 3 more rows.
    "
  `);
});

test('compare: without recorded counts there is no such column', () => {
  const text = RENDERERS.table(result([baselineRun(), freetypeRun()], { ...HEAD, recorded: null }), plain);
  expect(text).not.toContain('recorded');
});

test('replay as Markdown', () => {
  expect(RENDERERS.markdown(one, plain)).toMatchInlineSnapshot(`
    "- trace: secretmem.txt.gz: 1,604,118 events in 41.2 s, 4 CPUs, ftrace, kernel 7.3-cloud-amd64
    - grade: B: no start state lies beside the trace, so 118,402 pages are taken as live by their first event
    - machine: 15.4 GiB managed (4,046,592 pages), 4 CPUs, rules of kernel 7.3, start trace
    - marks: unmapped: comm == "secretmem" && migratetype == 0 && gfp\\_flags & \\_\\_GFP\\_HARDWALL (6,112 requests)

    **Requests**

    |  | baseline |
    | :-- | --: |
    | requests | 812,343 |
    | requests served | 812,343 |
    | requests failed | 0 |
    | served, KiB | 4,824,064 |
    | live pages, most | 240,117 |
    | unmapped: requests | 6,112 |

    **Fragmentation, at the end**

    | free blocks | DMA | DMA32 | Normal |
    | :-- | --: | --: | --: |
    | order 0 | 171 | 4,703 | 124,456 |
    | order 1 | 109 | 2,704 | 40,821 |
    | order 2 | 33 | 1,542 | 10,126 |
    | order 3 | 19 | 683 | 1,204 |
    | order 4 | 7 | 266 | 310 |
    | order 5 | 8 | 110 | 77 |
    | order 6 | 2 | 30 | 40 |
    | order 7 | 0 | 14 | 12 |
    | order 8 | 1 | 6 | 5 |
    | order 9 | 0 | 3 | 0 |
    | order 10 | 0 | 2 | 0 |
    | unusable index, order 9 | 1.000 | 0.906 | 1.000 |
    | extfrag index, order 9 | 0.990 | -1.000 | 0.998 |

    | type | free pages | pageblocks |
    | :-- | --: | --: |
    | unmovable | 3,329 | 412 |
    | movable | 305,481 | 7,310 |
    | reclaimable | 0 | 180 |
    | all | 308,810 | 7,902 |
    | mixed | - | 241 |

    | huge pages and fallbacks | recorded | baseline |
    | :-- | --: | --: |
    | 2M blocks free | - | 7 |
    | 2M blocks free, at best | - | 601 |
    | 2M blocks free, fewest | - | 3 |
    | 2M ranges with unmovable | - | 15.2 % |
    | 32M ranges with unmovable | - | 62.7 % |
    | 1G ranges with unmovable | - | 100.0 % |
    | fallbacks: claims | - | 8 |
    | fallbacks: steals | - | 7 |
    | extfrag events | 15 | 15 |
    | extfrag, fragmenting | 8 | 8 |
    | extfrag, for unmovable | 7 | 7 |
    | extfrag, into movable | 5 | 5 |

    **Splits of the direct map**

    |  | recorded | baseline |
    | :-- | --: | --: |
    | 2M leaves split | 1,204 | 1,204 |
    | 1G leaves split | 2 | 2 |
    | page-table pages for splits | - | 1,206 |
    | leaves collapsed | - | 0 |
    | 2M leaves not global | - | 0 |

    | leaves | before | after | of memory |
    | :-- | --: | --: | --: |
    | 4K | 512 | 616,960 | 13.2 % |
    | 2M | 2,047 | 1,867 | 20.2 % |
    | 1G | 14 | 12 | 66.6 % |

    **TLB shootdowns**

    |  | recorded | baseline |
    | :-- | --: | --: |
    | flushes | 7,318 | 7,318 |
    | by a split | - | 1,206 |
    | by a change of single pages | - | 6,112 |
    | full flushes | 1,206 | 1,206 |
    | ranged flushes | 6,112 | 6,112 |
    | pages of ranged flushes | - | 6,112 |
    | flushes per marked GiB | - | 313,869 |

    | pageblock flips | flips | pageblocks | pages zeroed |
    | :-- | --: | --: | --: |
    | to unmapped | 0 | 0 | - |
    | to mapped | 0 | 0 | 0 |

    | CPUs | IPIs | initiators, derived (x86-64) | all others, derived (x86-64) |
    | :-- | --: | --: | --: |
    | 1 | 0 | 1.2 ms to 5.5 ms | - |
    | 8 | 51,226 | 9.9 ms to 53.0 ms | 18.4 ms to 119.5 ms |
    | 64 | 461,034 | 50.9 ms to 257.9 ms | 165.2 ms to 1.1 s |
    | 256 | 1,866,090 | 191.4 ms to 960.5 ms | 668.5 ms to 4.4 s |

    baseline served all 812,343 requests, split 2 of 14 1G leaves and 1,204 2M leaves and made 7,318 flushes on all CPUs (120 for 100 marked pages); 7 of the 601 2M blocks that its free pages could form are whole.
    "
  `);
});

test('compare as Markdown', () => {
  expect(RENDERERS.markdown(two, plain)).toMatchInlineSnapshot(`
    "- trace: secretmem.txt.gz: 1,604,118 events in 41.2 s, 4 CPUs, ftrace, kernel 7.3-cloud-amd64
    - grade: B: no start state lies beside the trace, so 118,402 pages are taken as live by their first event
    - machine: 15.4 GiB managed (4,046,592 pages), 4 CPUs, rules of kernel 7.3, start trace
    - marks: unmapped: comm == "secretmem" && migratetype == 0 && gfp\\_flags & \\_\\_GFP\\_HARDWALL (6,112 requests)

    |  | recorded | baseline | freetype | change |
    | :-- | --: | --: | --: | --: |
    | requests served | 812,343 | 812,343 | 812,343 | 0 % |
    | requests failed | 0 | 0 | 0 | 0 % |
    | served, KiB | - | 4,824,064 | 4,824,064 | 0 % |
    | marked pages served | 6,112 | 6,112 | 6,112 | 0 % |
    | 2M leaves split | 1,204 | 1,204 | 0 | -100.0 % |
    | 1G leaves split | 2 | 2 | 2 | 0 % |
    | memory under 2M leaves | - | 20.2 % | 33.3 % | +13.1 pp |
    | memory under 1G leaves | - | 66.6 % | 66.6 % | 0 pp |
    | full flushes | 1,206 | 1,206 | 20 | -98.3 % |
    | ranged flushes | 6,112 | 6,112 | 0 | -100.0 % |
    | flushes per marked GiB | - | 313,869 | 857 | -99.7 % |
    | IPIs, 1 CPU | - | 0 | 0 | 0 % |
    | IPIs, 8 CPUs | - | 51,226 | 140 | -99.7 % |
    | IPIs, 64 CPUs | - | 461,034 | 1,260 | -99.7 % |
    | IPIs, 256 CPUs | - | 1,866,090 | 5,100 | -99.7 % |
    | 2M blocks free | - | 7 | 5 | -28.6 % |
    | 2M blocks free, at best | - | 601 | 605 | +0.7 % |
    | 2M blocks free, fewest | - | 3 | 3 | 0 % |
    | mixed pageblocks | - | 241 | 241 | 0 % |
    | 2M ranges with unmovable | - | 15.2 % | 15.2 % | 0 pp |
    | 32M ranges with unmovable | - | 62.7 % | 62.7 % | 0 pp |
    | 1G ranges with unmovable | - | 100.0 % | 100.0 % | 0 pp |
    | extfrag events | 15 | 15 | 1 | -93.3 % |
    | extfrag, fragmenting | 8 | 8 | 0 | -100.0 % |
    | extfrag, for unmovable | 7 | 7 | 0 | -100.0 % |
    | extfrag, into movable | 5 | 5 | 0 | -100.0 % |
    | pages zeroed by flips | - | 0 | 3,072 | +3,072 |
    | 2M leaves not global | - | 0 | 6 | +6 |
    | stranded pages | - | - | 2,168 | - |
    | stranded pages, most | - | - | 5,120 | - |
    | stranded pages, at failures | - | - | 0 | - |
    | page tables, nested requests | - | 0 | 2 | +2 |
    | zone lock takes | - | 22,410 | 22,530 | +0.5 % |
    | free-list steps | - | 1,620,334 | 1,621,002 | +&lt;0.1 % |
    | derived us, initiators \\* | - | 102,189 | 284 | -99.7 % |
    | derived us, other CPUs \\* | - | 537,528 | 1,890 | -99.6 % |

    \\* for 64 CPUs, derived from the counts at the middle prices of preset x86-64 (IPI 1,000 ns + 200 ns a CPU, interrupt 1,000 ns, full flush 500 ns, INVLPG 100 ns, split 1,000 ns, entry 20 ns); nothing was timed.

    Against baseline, freetype splits no 2M leaf (0 against 1,204) and flushes 366 times less often (20 against 7,318); the price: up to 5,120 free pages stranded, 6 2M leaves not global, 3,072 pages zeroed and 1 more row.
    "
  `);
});

test('CSV, the rows that are not in a list', () => {
  const rows = RENDERERS.csv(two, plain).split('\n');
  expect(
    rows
      .filter((row) => !/\.(zones|byOrder|byReason|byFreetype|refused|prices|derivedNs)\./.test(row))
      .join('\n'),
  ).toMatchInlineSnapshot(`
    "run,key,value,unit
    recorded,fragmentation.extfrag.all,15,events
    recorded,fragmentation.extfrag.fragmenting,8,events
    recorded,fragmentation.extfrag.forUnmovable,7,events
    recorded,fragmentation.extfrag.unmovableIntoMovable,5,events
    recorded,splits.level2,1204,splits
    recorded,splits.level3,2,splits
    recorded,shootdowns.full,1206,flushes
    recorded,shootdowns.ranged,6112,flushes
    baseline,allocation.requests,812343,requests
    baseline,allocation.served,812343,requests
    baseline,allocation.failed.total,0,requests
    baseline,allocation.failedInRecording,0,requests
    baseline,allocation.freedPages,790002,pages
    baseline,allocation.livePages,118402,pages
    baseline,allocation.peakPages,240117,pages
    baseline,allocation.bytesServed,4939841536,bytes
    baseline,allocation.byClass.unmapped.requests,6112,requests
    baseline,allocation.byClass.unmapped.served,6112,requests
    baseline,allocation.byClass.unmapped.failed,0,requests
    baseline,allocation.byClass.unmapped.peakPages,5000,pages
    baseline,allocation.nested.pageTables,0,pages
    baseline,allocation.nested.depthMax,0,levels
    baseline,allocation.nested.failed,0,pages
    baseline,allocation.zeroedPages,0,pages
    baseline,work.pcpRefills,20112,refills
    baseline,work.pcpDrains,1830,drains
    baseline,work.zoneLockTakes,22410,takes
    baseline,work.listSteps,1620334,steps
    baseline,work.pagesMigrated,0,pages
    baseline,work.compactionRuns,0,runs
    baseline,work.compactionWanted,0,requests
    baseline,fragmentation.freePages.total,308810,pages
    baseline,fragmentation.pageblocks.mixed,241,blocks
    baseline,fragmentation.fallbacks.claims,8,claims
    baseline,fragmentation.fallbacks.steals,7,steals
    baseline,fragmentation.fallbacks.byTypes.unmovable.movable.9.count,4,fallbacks
    baseline,fragmentation.fallbacks.byTypes.movable.unmovable.3.count,5,fallbacks
    baseline,fragmentation.fallbacks.byTypes.movable.unmovable.10.count,3,fallbacks
    baseline,fragmentation.fallbacks.byTypes.movable.reclaimable.8.count,1,fallbacks
    baseline,fragmentation.fallbacks.byTypes.reclaimable.unmovable.0.count,2,fallbacks
    baseline,fragmentation.extfrag.all,15,events
    baseline,fragmentation.extfrag.fragmenting,8,events
    baseline,fragmentation.extfrag.forUnmovable,7,events
    baseline,fragmentation.extfrag.unmovableIntoMovable,5,events
    baseline,fragmentation.free2M.now,7,blocks
    baseline,fragmentation.free2M.best,601,blocks
    baseline,fragmentation.free2M.min,3,blocks
    baseline,fragmentation.unmovableShare.2M,152,thousandths
    baseline,fragmentation.unmovableShare.32M,627,thousandths
    baseline,fragmentation.unmovableShare.1G,1000,thousandths
    baseline,fragmentation.stranded.pages,,pages
    baseline,fragmentation.stranded.peakPages,,pages
    baseline,fragmentation.stranded.atFailures,,pages
    baseline,probe.tried,,requests
    baseline,probe.served,,requests
    baseline,probe.failed.byReason,,requests
    baseline,splits.level2,1204,splits
    baseline,splits.level3,2,splits
    baseline,splits.pageTablePages,1206,pages
    baseline,splits.collapses,0,leaves
    baseline,splits.leaves.before.4K,512,leaves
    baseline,splits.leaves.before.2M,2047,leaves
    baseline,splits.leaves.before.1G,14,leaves
    baseline,splits.leaves.after.4K,616960,leaves
    baseline,splits.leaves.after.2M,1867,leaves
    baseline,splits.leaves.after.1G,12,leaves
    baseline,splits.share.2M,202,thousandths
    baseline,splits.share.1G,666,thousandths
    baseline,splits.nonGlobal2M,0,leaves
    baseline,shootdowns.flushes,7318,flushes
    baseline,shootdowns.full,1206,flushes
    baseline,shootdowns.ranged,6112,flushes
    baseline,shootdowns.pagesFlushed,6112,pages
    baseline,shootdowns.byCause.split,1206,flushes
    baseline,shootdowns.byCause.flipToUnmapped,0,flushes
    baseline,shootdowns.byCause.flipToMapped,0,flushes
    baseline,shootdowns.byCause.perPage,6112,flushes
    baseline,shootdowns.byCause.batch,0,flushes
    baseline,shootdowns.byCause.other,0,flushes
    baseline,shootdowns.flips.toUnmapped.operations,0,flips
    baseline,shootdowns.flips.toUnmapped.blocks,0,blocks
    baseline,shootdowns.flips.toMapped.operations,0,flips
    baseline,shootdowns.flips.toMapped.blocks,0,blocks
    baseline,shootdowns.ipis.1,0,IPIs
    baseline,shootdowns.ipis.8,51226,IPIs
    baseline,shootdowns.ipis.64,461034,IPIs
    baseline,shootdowns.ipis.256,1866090,IPIs
    baseline,shootdowns.perGiB.flushes,313869,flushes
    baseline,shootdowns.perGiB.markedPages,6112,pages
    baseline,shootdowns.window.pages,0,pages
    baseline,shootdowns.window.pageSeconds,0,page-seconds
    baseline,cost.preset,x86-64,name
    freetype,allocation.requests,812343,requests
    freetype,allocation.served,812343,requests
    freetype,allocation.failed.total,0,requests
    freetype,allocation.failedInRecording,0,requests
    freetype,allocation.freedPages,790002,pages
    freetype,allocation.livePages,118402,pages
    freetype,allocation.peakPages,240117,pages
    freetype,allocation.bytesServed,4939841536,bytes
    freetype,allocation.byClass.unmapped.requests,6112,requests
    freetype,allocation.byClass.unmapped.served,6112,requests
    freetype,allocation.byClass.unmapped.failed,0,requests
    freetype,allocation.byClass.unmapped.peakPages,5000,pages
    freetype,allocation.nested.pageTables,2,pages
    freetype,allocation.nested.depthMax,1,levels
    freetype,allocation.nested.failed,0,pages
    freetype,allocation.zeroedPages,3072,pages
    freetype,work.pcpRefills,20201,refills
    freetype,work.pcpDrains,1844,drains
    freetype,work.zoneLockTakes,22530,takes
    freetype,work.listSteps,1621002,steps
    freetype,work.pagesMigrated,0,pages
    freetype,work.compactionRuns,0,runs
    freetype,work.compactionWanted,0,requests
    freetype,fragmentation.freePages.total,310978,pages
    freetype,fragmentation.pageblocks.mixed,241,blocks
    freetype,fragmentation.fallbacks.claims,1,claims
    freetype,fragmentation.fallbacks.steals,0,steals
    freetype,fragmentation.fallbacks.byTypes.movable.unmovable.10.count,1,fallbacks
    freetype,fragmentation.extfrag.all,1,events
    freetype,fragmentation.extfrag.fragmenting,0,events
    freetype,fragmentation.extfrag.forUnmovable,0,events
    freetype,fragmentation.extfrag.unmovableIntoMovable,0,events
    freetype,fragmentation.free2M.now,5,blocks
    freetype,fragmentation.free2M.best,605,blocks
    freetype,fragmentation.free2M.min,3,blocks
    freetype,fragmentation.unmovableShare.2M,152,thousandths
    freetype,fragmentation.unmovableShare.32M,627,thousandths
    freetype,fragmentation.unmovableShare.1G,1000,thousandths
    freetype,fragmentation.stranded.pages,2168,pages
    freetype,fragmentation.stranded.peakPages,5120,pages
    freetype,fragmentation.stranded.atFailures,0,pages
    freetype,probe.tried,,requests
    freetype,probe.served,,requests
    freetype,probe.failed.byReason,,requests
    freetype,splits.level2,0,splits
    freetype,splits.level3,2,splits
    freetype,splits.pageTablePages,2,pages
    freetype,splits.collapses,0,leaves
    freetype,splits.leaves.before.4K,512,leaves
    freetype,splits.leaves.before.2M,2047,leaves
    freetype,splits.leaves.before.1G,14,leaves
    freetype,splits.leaves.after.4K,512,leaves
    freetype,splits.leaves.after.2M,3071,leaves
    freetype,splits.leaves.after.1G,12,leaves
    freetype,splits.share.2M,333,thousandths
    freetype,splits.share.1G,666,thousandths
    freetype,splits.nonGlobal2M,6,leaves
    freetype,shootdowns.flushes,20,flushes
    freetype,shootdowns.full,20,flushes
    freetype,shootdowns.ranged,0,flushes
    freetype,shootdowns.pagesFlushed,0,pages
    freetype,shootdowns.byCause.split,2,flushes
    freetype,shootdowns.byCause.flipToUnmapped,18,flushes
    freetype,shootdowns.byCause.flipToMapped,0,flushes
    freetype,shootdowns.byCause.perPage,0,flushes
    freetype,shootdowns.byCause.batch,0,flushes
    freetype,shootdowns.byCause.other,0,flushes
    freetype,shootdowns.flips.toUnmapped.operations,18,flips
    freetype,shootdowns.flips.toUnmapped.blocks,20,blocks
    freetype,shootdowns.flips.toMapped.operations,6,flips
    freetype,shootdowns.flips.toMapped.blocks,6,blocks
    freetype,shootdowns.ipis.1,0,IPIs
    freetype,shootdowns.ipis.8,140,IPIs
    freetype,shootdowns.ipis.64,1260,IPIs
    freetype,shootdowns.ipis.256,5100,IPIs
    freetype,shootdowns.perGiB.flushes,857,flushes
    freetype,shootdowns.perGiB.markedPages,6112,pages
    freetype,shootdowns.window.pages,0,pages
    freetype,shootdowns.window.pageSeconds,0,page-seconds
    freetype,cost.preset,x86-64,name
    "
  `);
});

test('JSON of one run', () => {
  expect(RENDERERS.json(one, plain)).toMatchInlineSnapshot(`
    "{
      "schema": "mm-sim/result@1",
      "tool": {
        "version": "0.1.0"
      },
      "trace": {
        "name": "secretmem.txt.gz",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "format": "ftrace",
        "kernel": "7.3-cloud-amd64",
        "events": 1604118,
        "cpus": 4,
        "spanNs": 41204118000,
        "grade": "B",
        "reasons": [
          "no start state lies beside the trace, so 118,402 pages are taken as live by their first event"
        ]
      },
      "machine": {
        "pages": 4046592,
        "zones": [
          {
            "zone": "DMA",
            "startPfn": 1,
            "managed": 3840
          },
          {
            "zone": "DMA32",
            "startPfn": 4096,
            "managed": 503808
          },
          {
            "zone": "Normal",
            "startPfn": 1048576,
            "managed": 3538944
          }
        ],
        "cpus": 4,
        "kernel": "7.3",
        "start": "trace"
      },
      "marks": [
        {
          "class": "unmapped",
          "expression": "comm == \\"secretmem\\" && migratetype == 0 && gfp_flags & __GFP_HARDWALL",
          "requests": 6112
        }
      ],
      "recorded": {
        "splits": {
          "level2": 1204,
          "level3": 2
        },
        "shootdowns": {
          "full": 1206,
          "ranged": 6112
        },
        "extfrag": {
          "all": 15,
          "fragmenting": 8,
          "forUnmovable": 7,
          "unmovableIntoMovable": 5
        }
      },
      "runs": [
        {
          "core": {
            "name": "baseline",
            "params": {},
            "spec": "baseline"
          },
          "allocation": {
            "requests": 812343,
            "served": 812343,
            "failed": {
              "total": 0,
              "byReason": {
                "watermark": 0,
                "noBlock": 0,
                "contextForbidsFlip": 0,
                "zeroRefused": 0,
                "classNotServed": 0,
                "reserve": 0,
                "pageTable": 0,
                "exhausted": 0
              },
              "byOrder": [
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0
              ]
            },
            "failedInRecording": 0,
            "freedPages": 790002,
            "livePages": 118402,
            "peakPages": 240117,
            "bytesServed": 4939841536,
            "byClass": {
              "unmapped": {
                "requests": 6112,
                "served": 6112,
                "failed": 0,
                "peakPages": 5000
              }
            },
            "nested": {
              "pageTables": 0,
              "depthMax": 0,
              "failed": 0
            },
            "zeroedPages": 0
          },
          "work": {
            "pcpRefills": 20112,
            "pcpDrains": 1830,
            "zoneLockTakes": 22410,
            "listSteps": 1620334,
            "pagesMigrated": 0,
            "compactionRuns": 0,
            "compactionWanted": 0
          },
          "fragmentation": {
            "freePages": {
              "total": 308810,
              "byOrder": [
                129330,
                87268,
                46804,
                15248,
                9328,
                6240,
                4608,
                3328,
                3072,
                1536,
                2048
              ],
              "byFreetype": {
                "unmovable": 3329,
                "movable": 305481,
                "reclaimable": 0,
                "highatomic": 0,
                "cma": 0,
                "isolate": 0,
                "unmovable+unmapped": 0
              }
            },
            "zones": [
              {
                "zone": "DMA",
                "freeBlocks": [
                  171,
                  109,
                  33,
                  19,
                  7,
                  8,
                  2,
                  0,
                  1,
                  0,
                  0
                ],
                "unusableIndex": [
                  0,
                  120,
                  272,
                  365,
                  472,
                  550,
                  730,
                  820,
                  820,
                  1000,
                  1000
                ],
                "extfragIndex": [
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  990,
                  994
                ]
              },
              {
                "zone": "DMA32",
                "freeBlocks": [
                  4703,
                  2704,
                  1542,
                  683,
                  266,
                  110,
                  30,
                  14,
                  6,
                  3,
                  2
                ],
                "unusableIndex": [
                  0,
                  122,
                  263,
                  424,
                  566,
                  677,
                  769,
                  819,
                  866,
                  906,
                  946
                ],
                "extfragIndex": [
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000
                ]
              },
              {
                "zone": "Normal",
                "freeBlocks": [
                  124456,
                  40821,
                  10126,
                  1204,
                  310,
                  77,
                  40,
                  12,
                  5,
                  0,
                  0
                ],
                "unusableIndex": [
                  0,
                  462,
                  766,
                  916,
                  952,
                  970,
                  980,
                  989,
                  995,
                  1000,
                  1000
                ],
                "extfragIndex": [
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  -1000,
                  998,
                  999
                ]
              }
            ],
            "pageblocks": {
              "byFreetype": {
                "unmovable": 412,
                "movable": 7310,
                "reclaimable": 180,
                "highatomic": 0,
                "cma": 0,
                "isolate": 0,
                "unmovable+unmapped": 0
              },
              "mixed": 241
            },
            "fallbacks": {
              "claims": 8,
              "steals": 7,
              "byTypes": [
                {
                  "from": "unmovable",
                  "to": "movable",
                  "order": 9,
                  "count": 4
                },
                {
                  "from": "movable",
                  "to": "unmovable",
                  "order": 3,
                  "count": 5
                },
                {
                  "from": "movable",
                  "to": "unmovable",
                  "order": 10,
                  "count": 3
                },
                {
                  "from": "movable",
                  "to": "reclaimable",
                  "order": 8,
                  "count": 1
                },
                {
                  "from": "reclaimable",
                  "to": "unmovable",
                  "order": 0,
                  "count": 2
                }
              ]
            },
            "extfrag": {
              "all": 15,
              "fragmenting": 8,
              "forUnmovable": 7,
              "unmovableIntoMovable": 5
            },
            "free2M": {
              "now": 7,
              "best": 601,
              "min": 3
            },
            "unmovableShare": {
              "2M": 152,
              "32M": 627,
              "1G": 1000
            },
            "stranded": null
          },
          "probe": null,
          "splits": {
            "level2": 1204,
            "level3": 2,
            "pageTablePages": 1206,
            "collapses": 0,
            "leaves": {
              "before": {
                "4K": 512,
                "2M": 2047,
                "1G": 14
              },
              "after": {
                "4K": 616960,
                "2M": 1867,
                "1G": 12
              }
            },
            "share": {
              "2M": 202,
              "1G": 666
            },
            "nonGlobal2M": 0
          },
          "shootdowns": {
            "flushes": 7318,
            "full": 1206,
            "ranged": 6112,
            "pagesFlushed": 6112,
            "byCause": {
              "split": 1206,
              "flipToUnmapped": 0,
              "flipToMapped": 0,
              "perPage": 6112,
              "batch": 0,
              "other": 0
            },
            "flips": {
              "toUnmapped": {
                "operations": 0,
                "blocks": 0
              },
              "toMapped": {
                "operations": 0,
                "blocks": 0
              },
              "refused": {
                "watermark": 0,
                "noBlock": 0,
                "contextForbidsFlip": 0,
                "zeroRefused": 0,
                "classNotServed": 0,
                "reserve": 0,
                "pageTable": 0,
                "exhausted": 0
              }
            },
            "ipis": {
              "1": 0,
              "8": 51226,
              "64": 461034,
              "256": 1866090
            },
            "perGiB": {
              "flushes": 313869,
              "markedPages": 6112
            },
            "window": {
              "pages": 0,
              "pageSeconds": 0
            }
          },
          "cost": {
            "preset": "x86-64",
            "prices": {
              "invlpg": {
                "low": 50,
                "mid": 100,
                "high": 200
              },
              "full": {
                "low": 100,
                "mid": 500,
                "high": 1000
              },
              "ipiBase": {
                "low": 500,
                "mid": 1000,
                "high": 3000
              },
              "ipiPerCpu": {
                "low": 100,
                "mid": 200,
                "high": 500
              },
              "irq": {
                "low": 300,
                "mid": 1000,
                "high": 2000
              },
              "split": {
                "low": 500,
                "mid": 1000,
                "high": 2000
              },
              "entry": {
                "low": 10,
                "mid": 20,
                "high": 50
              }
            },
            "derivedNs": {
              "initiator": {
                "1": {
                  "low": 1151440,
                  "mid": 2664680,
                  "high": 5451600
                },
                "8": {
                  "low": 9933040,
                  "mid": 20227880,
                  "high": 53018600
                },
                "64": {
                  "low": 50913840,
                  "mid": 102189480,
                  "high": 257922600
                },
                "256": {
                  "low": 191419440,
                  "mid": 383200680,
                  "high": 960450600
                }
              },
              "stolen": {
                "1": {
                  "low": 0,
                  "mid": 0,
                  "high": 0
                },
                "8": {
                  "low": 18351200,
                  "mid": 59725400,
                  "high": 119450800
                },
                "64": {
                  "low": 165160800,
                  "mid": 537528600,
                  "high": 1075057200
                },
                "256": {
                  "low": 668508000,
                  "mid": 2175711000,
                  "high": 4351422000
                }
              }
            }
          }
        }
      ]
    }
    "
  `);
});

test('ndjson: one run a line, each a whole result with the head of all', () => {
  const lines = RENDERERS.ndjson(two, plain).split('\n');
  expect(lines.pop()).toBe('');
  const results = lines.map((line) => JSON.parse(line) as Result);
  expect(results.map(({ runs }) => runs)).toEqual(two.runs.map((run) => [run]));
  for (const each of results) expect({ ...each, runs: [] }).toEqual({ ...two, runs: [] });
});

describe('closing sentences', () => {
  const base = baselineRun();
  const sentence = (level2: number, flushes: number) => {
    const other = freetypeRun();
    other.allocation.zeroedPages = 0;
    other.splits.nonGlobal2M = 0;
    other.fragmentation.stranded = null;
    other.fragmentation.free2M.now = base.fragmentation.free2M.now;
    other.splits.level2 = level2;
    other.shootdowns.flushes = flushes;
    return lastParagraph(RENDERERS.table(result([base, other]), plain)).replaceAll('\n', ' ');
  };

  test.each([
    [
      0,
      0,
      'Against baseline, freetype splits no 2M leaf (0 against 1,204) and never flushes (0 against 7,318).',
    ],
    [
      1_204,
      7_318,
      'Against baseline, freetype splits as many 2M leaves (1,204) and flushes as often (7,318).',
    ],
    [
      37,
      7_000,
      'Against baseline, freetype splits 32.5 times fewer 2M leaves (37 against 1,204) and flushes 4.3 % less often (7,000 against 7,318).',
    ],
    [
      1_300,
      30_000,
      'Against baseline, freetype splits 8.0 % more 2M leaves (1,300 against 1,204) and flushes 4.1 times as often (30,000 against 7,318).',
    ],
  ])('%d splits, %d flushes', (level2, flushes, text) => {
    expect(sentence(level2, flushes)).toBe(text);
  });

  test('from nothing', () => {
    const idle = baselineRun();
    idle.splits.level2 = 0;
    idle.shootdowns.flushes = 0;
    expect(lastParagraph(RENDERERS.table(result([idle, baselineRun()]), plain)).replaceAll('\n', ' ')).toBe(
      'Against baseline.1, baseline.2 splits more 2M leaves (1,204 against 0) and flushes more often (7,318 against 0).',
    );
    expect(lastParagraph(RENDERERS.table(result([idle, idle]), plain)).replaceAll('\n', ' ')).toBe(
      'Against baseline.1, baseline.2 splits no 2M leaf either and never flushes either.',
    );
  });
});

describe('closing sentences: prices', () => {
  const closing = (change: (other: Run) => void, runs = [baselineRun(), freetypeRun()]) => {
    change(runs[1]);
    return lastParagraph(RENDERERS.table(result(runs), plain)).replaceAll('\n', ' ');
  };

  test('every one that got worse is named or counted, the largest first', () => {
    expect(closing(() => {})).toMatchInlineSnapshot(
      `"Against baseline, freetype splits no 2M leaf (0 against 1,204) and flushes 366 times less often (20 against 7,318); the price: up to 5,120 free pages stranded, 6 2M leaves not global, 3,072 pages zeroed and 1 more row."`,
    );
    expect(
      closing(({ fragmentation, allocation, splits }) => {
        fragmentation.extfrag.fragmenting = 9;
        fragmentation.pageblocks.mixed = 300;
        fragmentation.stranded = null;
        allocation.zeroedPages = 1;
        splits.nonGlobal2M = 1;
      }),
    ).toMatchInlineSnapshot(
      `"Against baseline, freetype splits no 2M leaf (0 against 1,204) and flushes 366 times less often (20 against 7,318); the price: 59 more mixed pageblocks, 2 fewer 2M blocks free, 1 more fragmenting extfrag event and 2 more rows."`,
    );
  });

  test('promises that were not kept come first', () => {
    expect(
      closing(({ allocation, shootdowns }) => {
        allocation.failed.total = 1;
        shootdowns.window.pages = 15_424;
      }),
    ).toMatchInlineSnapshot(
      `"Against baseline, freetype splits no 2M leaf (0 against 1,204) and flushes 366 times less often (20 against 7,318); the price: 1 request failed, 15,424 pages promised protection before their flush, up to 5,120 free pages stranded and 3 more rows."`,
    );
    const late = freetypeRun();
    late.shootdowns.window.pages = 1;
    expect(closing(() => {}, [late, baselineRun()])).toMatchInlineSnapshot(
      `"Against freetype (not in force), baseline splits more 2M leaves (1,204 against 0) and flushes 366 times as often (7,318 against 20); the price: 8 fragmenting extfrag events."`,
    );
  });

  test('a core that is not in force is not the best', () => {
    const late = freetypeRun({}, 'freetype:flush=never');
    late.shootdowns.window.pages = 15_424;
    late.shootdowns.flushes = 0;
    expect(closing(() => {}, [baselineRun(), freetypeRun(), late])).toMatchInlineSnapshot(
      `"Best: fewest 2M leaves split: freetype.1 (0; baseline 1,204); fewest flushes: freetype.1 (20; baseline 7,318). Left out, because not in force: freetype.2 (15,424 pages promised protection before their flush). The price against baseline: freetype.1: up to 5,120 free pages stranded and 3 more rows."`,
    );
    expect(closing(() => {}, [baselineRun(), baselineRun(), late])).toMatchInlineSnapshot(
      `"Best: 2M leaves split: 1,204 by every core in force; flushes: 7,318 by every core in force. Left out, because not in force: freetype (15,424 pages promised protection before their flush)."`,
    );
    expect(closing(() => {}, [late, late, late])).toMatchInlineSnapshot(
      `"Best: 2M leaves split: 0 by every core; flushes: 0 by every core. No core is in force: each promised protection before its flush."`,
    );
  });
});

describe('nothing is marked', () => {
  const idle = (run: Run): Run => {
    run.allocation.byClass = {};
    run.splits.level2 = 0;
    run.shootdowns.flushes = 0;
    run.shootdowns.perGiB = { flushes: null, markedPages: 0 };
    for (const cpus of Object.keys(run.cost.derivedNs.initiator)) {
      run.cost.derivedNs.initiator[cpus] = { low: 0, mid: 0, high: 0 };
      run.cost.derivedNs.stolen[cpus] = { low: 0, mid: 0, high: 0 };
    }
    return run;
  };
  const unmarked = { ...HEAD, marks: [] };
  const tail = (text: string) => text.slice(text.indexOf('derived us')).replace(/\n(?=\S)/g, ' ');

  test('two cores', () => {
    const runs = [idle(baselineRun()), idle(baselineRun())];
    expect(tail(RENDERERS.table(result(runs, unmarked), plain))).toMatchInlineSnapshot(`
      "derived us, initiators *             -           -           -       - derived us, other CPUs *             -           -           -       -
       * for 64 CPUs, derived from the counts at the middle prices of preset x86-64 (IPI 1,000 ns + 200 ns a CPU, interrupt 1,000 ns, full flush 500 ns, INVLPG 100 ns, split 1,000 ns, entry 20 ns); nothing was timed.
       recorded: its full flushes are every flush_tlb_all and every full flush of a kernel range that the kernel made, also those that no request here causes.
       No request is marked, so a core such as freetype had nothing to do; say with --mark which requests want protection (--mark 'unmapped: comm == "vault" && migratetype == 0').
      "
    `);
    expect(lastParagraph(RENDERERS.table(result(runs), plain))).toMatchInlineSnapshot(`
      "No request matches the marks, so a core such as freetype had nothing to do;
      say with another --mark which requests want protection (--mark 'unmapped:
      comm == "vault" && migratetype == 0')."
    `);
  });

  test('what differs all the same is told', () => {
    const runs = [idle(baselineRun()), idle(freetypeRun())];
    expect(lastParagraph(RENDERERS.table(result(runs, unmarked), plain))).toMatchInlineSnapshot(`
      "No request is marked, so a core such as freetype had nothing to do; say
      with --mark which requests want protection (--mark 'unmapped: comm ==
      "vault" && migratetype == 0'). Even so, against baseline, freetype has a
      price: up to 5,120 free pages stranded, 6 2M leaves not global, 3,072 pages
      zeroed and 1 more row."
    `);
    expect(
      lastParagraph(RENDERERS.table(result([...runs, runs[1]], unmarked), plain)),
    ).toMatchInlineSnapshot(`
      "No request is marked, so a core such as freetype had nothing to do; say
      with --mark which requests want protection (--mark 'unmapped: comm ==
      "vault" && migratetype == 0'). The price against baseline: freetype.1,
      freetype.2: up to 5,120 free pages stranded and 3 more rows."
    `);
    runs[1].allocation.bytesServed -= 4096;
    expect(lastParagraph(RENDERERS.table(result(runs, unmarked), plain))).toMatchInlineSnapshot(`
      "No request is marked, so a core such as freetype had nothing to do; say
      with --mark which requests want protection (--mark 'unmapped: comm ==
      "vault" && migratetype == 0'). No winner: freetype served 4 KiB less than
      baseline, so the counts are of different work."
    `);
  });
});

describe('failures', () => {
  const failing = (recorded: Result['recorded']) => {
    const runs = [baselineRun({ failed: 175 }), freetypeRun({ failed: 175 })];
    for (const { allocation } of runs) allocation.failedInRecording = 69;
    runs[1].allocation.failed.byReason.contextForbidsFlip = 100;
    runs[1].allocation.failed.byReason.classNotServed = 75;
    return result(runs, { ...HEAD, recorded });
  };

  // An era without probes still knows what failed.
  test.each([HEAD.recorded, null])('recorded beside simulated, reasons in words: %#', (recorded) => {
    const rows = RENDERERS.table(failing(recorded), plain).split('\n');
    expect(rows.filter((row) => /requests |^ {2}[a-z]/.test(row)).join('\n')).toMatch(
      /requests served +812,274 +812,168 +812,168 +0 %\nrequests failed +69 +175 +175 +0 %\n {2}no free block +- +175 +0 +-100.0 %\n {2}context forbids flip +- +0 +100 +\+100\n {2}class not served +- +0 +75 +\+75/,
    );
  });

  test('a class that a core does not serve is explained, in both tables', () => {
    const note =
      "class not served: the core has no pool for this class and migratetype; a mark with '&& migratetype == 0' takes unmovable pages alone.";
    const both = failing(null);
    for (const shown of [both, { ...both, runs: both.runs.slice(1) }])
      expect(RENDERERS.table(shown, plain).replaceAll('\n', ' ')).toContain(note);
    expect(RENDERERS.table(two, plain)).not.toContain('class not served');
  });
});

describe('width', () => {
  const wide = freetypeRun({ probe: true, failed: 12 }, 'freetype:series=v2-dev');
  const scaled = JSON.parse(JSON.stringify(two), (_, value) =>
    typeof value === 'number' && value > 100 ? value * 4_096 : value,
  ) as Result;
  const longNames = result(
    [{ ...wide, core: { name: 'x'.repeat(60), params: {}, spec: `./${'x'.repeat(90)}.ts` } }, wide, wide],
    { ...HEAD, trace: { ...HEAD.trace, name: `${'y'.repeat(200)}.csv` } },
  );

  test.each([
    ['replay', one],
    ['compare', two],
    ['unequal work', unequal],
    ['many cores', many],
    ['numbers 4096 times as large', scaled],
    ['one run of them', { ...scaled, runs: scaled.runs.slice(1) }],
    ['long names', longNames],
    ['ten cores', result(Array.from({ length: 10 }, () => wide))],
  ])('%s: 75 columns, no blank at a line end', (_, each) => {
    for (const line of RENDERERS.table(each, plain).split('\n')) {
      expect(line.length, line).toBeLessThanOrEqual(75);
      expect(line).toBe(line.trimEnd());
    }
  });

  test('a long name is shortened in its column and told in full above', () => {
    const text = RENDERERS.table(longNames, plain);
    expect(text).toContain(`${'x'.repeat(19)}~`);
    expect(text.replaceAll(/\s/g, '')).toContain(`./${'x'.repeat(90)}.ts`);
  });
});

describe('colour', () => {
  test('repeats what the text says: without it, the same bytes', () => {
    const colored = RENDERERS.table(two, { color: true });
    expect(colored).not.toBe(RENDERERS.table(two, plain));
    expect(stripVTControlCharacters(colored)).toBe(RENDERERS.table(two, plain));
  });

  test('green for the better, red for the worse, none where neither is', () => {
    const lines = RENDERERS.table(two, { color: true }).split('\n');
    const line = (label: string) => lines.find((each) => each.startsWith(label));
    expect(line('full flushes')).toContain('\u001b[32m-98.3 %\u001b[39m');
    expect(line('pages zeroed')).toContain('\u001b[31m+3,072\u001b[39m');
    expect(line('2M blocks free, at best')).not.toContain('\u001b');
  });
});

describe('read back', () => {
  const run = freetypeRun({ probe: true, failed: 12 }, 'freetype:series=v2-dev,flush=batch:64');
  const odd = result([
    baselineRun(),
    run,
    { ...run, core: { ...run.core, spec: './a "core",\nwith a line end.ts' } },
  ]);

  test('JSON gives the same result, and ends in one line end', () => {
    const text = RENDERERS.json(odd, plain);
    expect(JSON.parse(text)).toEqual(odd);
    expect(text).toMatch(/[^\n]\n$/);
  });

  test('CSV gives the same values', () => {
    const rows: string[][] = parse(RENDERERS.csv(odd, plain));
    expect(rows.shift()).toEqual(['run', 'key', 'value', 'unit']);
    const recorded = rows.filter(([name]) => name === 'recorded');
    expect(recorded.map(([, key, value]) => [key, Number(value)])).toEqual([
      ['fragmentation.extfrag.all', 15],
      ['fragmentation.extfrag.fragmenting', 8],
      ['fragmentation.extfrag.forUnmovable', 7],
      ['fragmentation.extfrag.unmovableIntoMovable', 5],
      ['splits.level2', 1_204],
      ['splits.level3', 2],
      ['shootdowns.full', 1_206],
      ['shootdowns.ranged', 6_112],
    ]);
    for (const each of odd.runs) {
      const cells = rows.filter(([name]) => name === each.core.spec).map(([, ...rest]) => rest);
      expect(cells).toEqual(
        flattenRun(each).map(({ key, value, unit }) => [key, value === null ? '' : String(value), unit]),
      );
    }
  });

  // The cells of a Markdown row are as many as its columns, whatever the names in it.
  test('Markdown rows keep their columns', () => {
    const piped = result([
      { ...baselineRun(), core: { name: 'a|b', params: {}, spec: 'a|b' } },
      freetypeRun(),
    ]);
    const rows = RENDERERS.markdown(piped, plain)
      .split('\n')
      .filter((line) => line.startsWith('|'));
    for (const row of rows) expect(row.split(/(?<!\\)\|/)).toHaveLength(7);
  });
});

describe('a format that does not exist', () => {
  test.each([
    [
      'jsn',
      `mm-sim: there is no format 'jsn'; did you mean 'json'? Formats are table, markdown, csv, json, ndjson`,
    ],
    [
      'JSON',
      `mm-sim: there is no format 'JSON'; did you mean 'json'? Formats are table, markdown, csv, json, ndjson`,
    ],
    [
      'spreadsheet',
      `mm-sim: there is no format 'spreadsheet'; formats are table, markdown, csv, json, ndjson`,
    ],
    [
      'constructor',
      `mm-sim: there is no format 'constructor'; formats are table, markdown, csv, json, ndjson`,
    ],
  ])('%s', (name, line) => {
    let error: unknown;
    try {
      formatNamed(name);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ exitCode: EXIT.commandLine });
    expect(errorLine(error)).toBe(line);
  });

  test('all others exist', () => {
    expect(FORMATS.map(formatNamed)).toEqual(Object.keys(RENDERERS));
  });
});

function lastParagraph(text: string): string {
  return text.trimEnd().split('\n\n').pop()!;
}
