// The test vectors of trace-formats §11, and the rules that its other sections state about single lines.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  CONTEXT_DEPTH_SHIFT,
  CONTEXT_HARDIRQ,
  CONTEXT_IRQS_OFF,
  CONTEXT_SOFTIRQ,
  NO_PFN,
  UNKNOWN_CPU,
  UNKNOWN_PID,
} from '../../src/trace/columns.js';
import { KIND } from '../../src/trace/events.js';
import { decodeGfps } from '../../src/trace/gfp.js';
import { type ReadRow, readTrace } from './read-trace.js';

const PAGE = 'page=000000002181391a';

describe('trace-formats §11', () => {
  const vectors: [string, string, Partial<ReadRow>][] = [
    [
      'default line',
      `              sh-149     [000] .....     3.823132: mm_page_alloc: ${PAGE} pfn=0x329ec order=1 migratetype=0 gfp_flags=GFP_KERNEL_ACCOUNT|__GFP_ZERO`,
      {
        kind: KIND.alloc,
        cpu: 0,
        pid: 149,
        comm: 'sh',
        pfn: 207340,
        order: 1,
        migratetype: 0,
        gfp: 'GFP_KERNEL_ACCOUNT|__GFP_ZERO',
      },
    ],
    [
      'hostile comm',
      `  z] [001] d..1.-321     [000] .....     4.100000: mm_page_free: ${PAGE} pfn=0x1f order=0`,
      { kind: KIND.free, comm: 'z] [001] d..1.', pid: 321, cpu: 0, pfn: 31 },
    ],
    [
      'trimmed line, failed, (null) and a vendor field',
      'kswapd0-1207  [005] ...1   889.213398: mm_page_alloc: page= (null) pfn=0 order=0 migratetype=1 nr_free=3650 gfp_flags=GFP_NOWAIT|__GFP_MOVABLE',
      {
        kind: KIND.alloc,
        pfn: NO_PFN,
        order: 0,
        migratetype: 1,
        pid: 1207,
        cpu: 5,
        comm: 'kswapd0',
        gfp: 'GFP_NOWAIT|__GFP_MOVABLE',
      },
    ],
    [
      'option fields, failed',
      '              sh-110     [001] .....     6.273320: mm_page_alloc: pfn=0xffffffffffffffff (-1) order=0x9 (9) gfp_flags=0x346cca (3435722) migratetype=0x1 (1)',
      { kind: KIND.alloc, pfn: NO_PFN, order: 9, migratetype: 1, gfp: '0x346cca' },
    ],
    [
      'trace-cmd with the tsc clock, time touching the bracket',
      '              sh-2290  [001]141805613716: mm_page_alloc:        page=0xffffffffb936b811 pfn=0x5558 order=1 migratetype=0 gfp_flags=GFP_NOWAIT',
      { kind: KIND.alloc, cpu: 1, pfn: 21848, order: 1 },
    ],
    [
      'latency format',
      `      sh-149       1..... 17645us+: mm_page_alloc: ${PAGE} pfn=0x1f46 order=0 migratetype=0 gfp_flags=none`,
      { kind: KIND.alloc, cpu: 1, pid: 149, comm: 'sh', pfn: 8006 },
    ],
    [
      'perf script with pid/tid and an address behind the fields',
      '            perf  2972/2972  [001]   180.952468:        kmem:mm_page_alloc: page=0x3f9d9 pfn=0x3f9d9 order=0 migratetype=0 gfp_flags=GFP_HIGHUSER|__GFP_ACCOUNT ffffffffb81a9634 __alloc_pages_noprof',
      { kind: KIND.alloc, comm: 'perf', pid: 2972, cpu: 1, pfn: 260569, gfp: 'GFP_HIGHUSER|__GFP_ACCOUNT' },
    ],
    [
      'perf trace of 2010: a pfn that is a byte offset',
      '\timap-20599 [002] 1287672.803567: mm_page_alloc: page=0xffffea00004536c0 pfn=4536000 order=3 migratetype=0 gfp_flags=GFP_ATOMIC|GFP_NOWARN',
      { kind: KIND.alloc, comm: 'imap', pid: 20599, pfn: 81000, order: 3 },
    ],
    [
      'function_graph comment',
      ' 0)               |  /* mm_page_alloc: page=ffffea000411b380 pfn=1066702 order=0 migratetype=0 gfp_flags=GFP_KERNEL */',
      { kind: KIND.alloc, cpu: 0, pid: UNKNOWN_PID, pfn: 1066702, gfp: 'GFP_KERNEL' },
    ],
    [
      'trace-cmd that failed to parse: decimal gfp, fields in stored order',
      ' trace-cmd-22020 [003] 105219.542610: mm_page_alloc:        [FAILED TO PARSE] pfn=0x165cb4 order=0 gfp_flags=29491274 migratetype=1',
      { kind: KIND.alloc, pfn: 1465524, gfp: '29491274', migratetype: 1, comm: 'trace-cmd' },
    ],
  ];
  test.each(vectors)('%s', async (_name, line, expected) => {
    const { rows, report } = await readTrace(`${line}\n`);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ ...expected, timeNs: 0, line: 1 });
    expect(report.malformed.count + report.unparsed).toBe(0);
  });

  test.each([
    ['seconds and 6 digits', vectors[0][1], 'seconds', 3, 823132000],
    ['ticks', vectors[4][1], 'ticks', 141805613716, 0],
    ['microseconds from the start of the buffer', vectors[5][1], 'relative', 0, 17645000],
    ['no time at all', vectors[8][1], 'none', 0, 0],
  ])('the origin of a clock: %s', async (_name, line, clock, seconds, ns) => {
    const { report } = await readTrace(`${line}\n`);
    expect([report.clock, report.originSeconds, report.originNs]).toEqual([clock, seconds, ns]);
  });

  test('marker text is no event', async () => {
    const line =
      '              sh-149     [000] .....     3.823160: tracing_mark_write: mm_page_free: page=0 pfn=0x329f1 order=0';
    const { rows, report } = await readTrace(`${line}\n`);
    expect(rows).toEqual([]);
    expect([...report.eventsByName]).toEqual([['tracing_mark_write', 1]]);
  });

  test('a loss mark is a row and an entry of the report', async () => {
    const { rows, report } = await readTrace(`CPU:1 [LOST 18258 EVENTS]\n${vectors[0][1]}\n`);
    expect(rows[0]).toMatchObject({ kind: KIND.lost, cpu: 1, a: 18258, line: 1 });
    expect(report.lost).toEqual([{ line: 1, cpu: 1, events: 18258 }]);
  });
});

describe('losses (§2.8)', () => {
  test.each([
    ['CPU:2 [LOST EVENTS]', 2, 0],
    ['CPU:0 [201 EVENTS DROPPED]', 0, 201],
    ['CPU:3 [EVENTS DROPPED]', 3, 0],
    ['CPU:0 [LOST 18446744073709551614 EVENTS]', 0, 0],
    ['CPU 0: 2979 events lost', 0, 2979],
    ['perf   901 [001]    10.000004: PERF_RECORD_LOST lost 77', 1, 77],
    ['Processed 9 events and lost 2 chunks!', UNKNOWN_CPU, 0],
  ])('%s', async (mark, cpu, events) => {
    const { report } = await readTrace(`cpus=4\n${mark}\n`);
    expect(report.lost).toEqual([{ line: 2, cpu, events }]);
  });

  test('overwritten events stand in the header', async () => {
    const { report } = await readTrace(
      '# tracer: nop\n#\n# entries-in-buffer/entries-written: 3409/39187   #P:2\n',
    );
    expect([report.overwritten, report.headerCpus]).toEqual([35778, 2]);
  });

  test('a buffer-started mark is counted', async () => {
    const { report } = await readTrace('# tracer: nop\n##### CPU 3 buffer started ####\n');
    expect(report.bufferStartedMarks).toBe(1);
  });
});

describe('flags (§2.3)', () => {
  test.each([
    ['.....', 0],
    ['d..1.', CONTEXT_IRQS_OFF | (1 << CONTEXT_DEPTH_SHIFT)],
    ['..s2.', CONTEXT_SOFTIRQ | (2 << CONTEXT_DEPTH_SHIFT)],
    ['D.h..', CONTEXT_IRQS_OFF | CONTEXT_HARDIRQ],
    ['b.Ha.', CONTEXT_SOFTIRQ | CONTEXT_HARDIRQ | (10 << CONTEXT_DEPTH_SHIFT)],
    // Realtime: the context is the fourth (header with need-resched-lazy).
    ['d.Ls111', CONTEXT_IRQS_OFF | CONTEXT_SOFTIRQ | (1 << CONTEXT_DEPTH_SHIFT)],
    ['....', 0],
    ['', 0],
  ])('%s', async (flags, context) => {
    const line = `              sh-501     [000] ${flags}    21.000009: mm_page_free: ${PAGE} pfn=0x3f9cf order=0\n`;
    expect((await readTrace(line)).rows[0].context).toBe(context);
  });
});

describe('times are whole nanoseconds', () => {
  const at = (time: string) =>
    `              sh-1       [000] ..... ${time}: mm_page_free: ${PAGE} pfn=0x1 order=0\n`;
  test.each([
    ['tai, which has no room in a double as ns', ['1795435426.513067', '1795435426.513068'], 1000],
    ['nine digits', ['29.253799645', '29.253799646'], 1],
    ['over a second', ['9.999999', '10.000001'], 2000],
    ['104 days and more after boot', ['9000000.000001', '9000000.000002'], 1000],
  ])('%s', async (_name, [first, second], difference) => {
    const { rows, report } = await readTrace(at(first) + at(second));
    expect(rows.map(({ timeNs }) => timeNs)).toEqual([0, difference]);
    expect(report.lastTimeNs).toBe(difference);
  });

  test('going back is counted, and order is kept', async () => {
    const { rows, report } = await readTrace(at('2.000000') + at('1.500000') + at('3.000000'));
    expect(rows.map(({ timeNs }) => timeNs)).toEqual([0, -5e8, 1e9]);
    expect(report.timeBackwards).toEqual({ count: 1, largestNs: 5e8 });
  });
});

describe('values', () => {
  const alloc = (fields: string) =>
    `              sh-1       [000] .....     1.000000: mm_page_alloc: ${fields}\n`;
  const free = (fields: string) =>
    `              sh-1       [000] .....     1.000000: mm_page_free: ${fields}\n`;

  test('fields in any order, unknown ones among them, the first of two copies', async () => {
    const { rows } = await readTrace(
      alloc('gfp_flags=none order=2 color=blue pfn=0x10 migratetype=1 order=3'),
    );
    expect(rows[0]).toMatchObject({ pfn: 16, order: 2, migratetype: 1, gfp: 'none' });
  });

  test('10, 0x10 and 0X10 are decided value by value (§5.4)', async () => {
    const lines = ['10', '0x10', '0X1F', '12ab'].map((pfn) => alloc(`${PAGE} pfn=${pfn} order=0`));
    const { rows, report } = await readTrace(lines.join(''));
    expect(rows.map(({ pfn }) => pfn)).toEqual([10, 16, 31, 0x12ab]);
    expect(report.notes).toEqual(['some pfns are hexadecimal without 0x and were read so']);
  });

  test('an allocation without order is malformed, and shown with its line', async () => {
    const { rows, report } = await readTrace(alloc(`${PAGE} pfn=0x10`));
    expect(rows).toEqual([]);
    expect(report.malformed).toEqual({
      count: 1,
      first: [{ line: 1, text: `mm_page_alloc: ${PAGE} pfn=0x10` }],
    });
  });

  // A guess (order 0, a failed allocation) would be replayed as if it had been recorded.
  test.each([
    'pfn=0x10 order=x migratetype=0 gfp_flags=none',
    'pfn=0x10 order= migratetype=0 gfp_flags=none',
    'pfn=0x10 order=1x migratetype=0 gfp_flags=none',
    'pfn=0x10 order=- migratetype=0 gfp_flags=none',
    'pfn=0x10 order=99 migratetype=0 gfp_flags=none',
    'pfn=0xzz order=0 migratetype=0 gfp_flags=none',
    'pfn=0x order=0 migratetype=0 gfp_flags=none',
    'pfn= order=0 migratetype=0 gfp_flags=none',
    'pfn=0x1g order=0 migratetype=0 gfp_flags=none',
    'pfn=zz order=0 migratetype=0 gfp_flags=none',
    'pfn=0x10 order=0 migratetype=m gfp_flags=none',
  ])('%s is malformed', async (fields) => {
    const good = `${PAGE} pfn=0x10 order=0 migratetype=0 gfp_flags=none`;
    const { rows, report } = await readTrace(alloc(good) + alloc(`${PAGE} ${fields}`));
    expect(rows).toHaveLength(1);
    expect([report.malformed.count, report.malformed.first[0].line]).toEqual([1, 2]);
    expect(report.notes).toEqual(['1 event lacks a readable field (first: line 2)']);
  });

  test('a damaged order of a free, and of perf trace, is not taken as 0', async () => {
    const lines = [
      free(`${PAGE} pfn=0x10 order=x`),
      '     0.200 sh/12 kmem:mm_page_free(page: 0xffffea, pfn: 16, order: x)\n',
    ];
    for (const line of lines) {
      const { rows, report } = await readTrace(line);
      expect([rows.length, report.malformed.count]).toEqual([0, 1]);
    }
  });

  // Other kernels have blocks up to order 13 (trace-formats §5.5); 7.3 on x86 has none of them.
  test('requests above order 10 are left out, counted and said', async () => {
    const { rows, report } = await readTrace(
      [
        alloc(`${PAGE} pfn=0x400 order=10 migratetype=0 gfp_flags=none`),
        alloc(`${PAGE} pfn=0x800 order=11 migratetype=0 gfp_flags=none`),
        free(`${PAGE} pfn=0x800 order=11`),
        free(`${PAGE} pfn=0x2000 order=13`),
        'what is this\nand this\n',
      ].join(''),
    );
    expect(rows.map(({ order }) => order)).toEqual([10]);
    expect(report.ordersTooLarge).toEqual({ count: 3, firstLine: 2, largest: 13 });
    expect(report.malformed.count).toBe(0);
    expect(report.notes).toEqual([
      '2 lines could not be read (first: line 5)',
      '3 requests of order above 10 (largest 13) cannot be replayed',
    ]);
  });

  test('a pfn of 36 bits, on the short and on the long way', async () => {
    const { rows } = await readTrace(
      alloc(`${PAGE} pfn=0xfffffffff order=0 migratetype=0 gfp_flags=none`).repeat(2),
    );
    expect(rows.map(({ pfn }) => pfn)).toEqual([2 ** 36 - 1, 2 ** 36 - 1]);
  });

  test('names are compared whole: mm_page_alloc_time is another event', async () => {
    const line = alloc(`${PAGE} pfn=1 order=0`).replace('mm_page_alloc:', 'mm_page_alloc_time:');
    const { rows, report } = await readTrace(line);
    expect(rows).toEqual([]);
    expect([...report.eventsByName]).toEqual([['mm_page_alloc_time', 1]]);
  });
});

describe('lines in other clothes', () => {
  const line = `              sh-149     [000] .....     3.823132: mm_page_free: ${PAGE} pfn=0x329ec order=1`;

  test('quoted in a mail', async () => {
    const { rows } = await readTrace(`> ${line}\n> > ${line}\n`);
    expect(rows).toHaveLength(2);
    expect(rows[1]).toMatchObject({ comm: 'sh', pid: 149, pfn: 207340 });
  });

  test('from a console with level and caller', async () => {
    const { rows, report } = await readTrace(
      '<4>[    1.500000][    T1] mm_page_free: page=(____ptrval____) pfn=0x10 order=0\n[    2.000000] rcu: hello: there\n',
    );
    expect(rows).toMatchObject([{ kind: KIND.free, pfn: 16, cpu: UNKNOWN_CPU, pid: UNKNOWN_PID }]);
    expect([report.format, report.clock, report.originNs]).toEqual(['console', 'seconds', 500000000]);
  });

  test('a bare event counts only where no line has a task', async () => {
    const bare = `mm_page_free: ${PAGE} pfn=0x10 order=0\n`;
    expect((await readTrace(bare)).rows).toHaveLength(1);
    // Behind a default line it is the second line of somebody's marker.
    expect((await readTrace(`${line}\n${bare}`)).rows).toHaveLength(1);
  });

  test('perf script without a CPU', async () => {
    const { rows } = await readTrace(
      `perf  2972   180.952468:  kmem:mm_page_free: page=0x1 pfn=0x10 order=0\n`,
    );
    expect(rows).toMatchObject([{ comm: 'perf', pid: 2972, cpu: UNKNOWN_CPU, pfn: 16 }]);
  });

  test('perf script without a time', async () => {
    const { rows, report } = await readTrace(
      `perf  2972 [003] kmem:mm_page_free: page=0x1 pfn=0x10 order=0\n`,
    );
    expect(rows).toMatchObject([{ comm: 'perf', pid: 2972, cpu: 3, pfn: 16 }]);
    expect(report.clock).toBe('none');
  });

  test('function_graph with a task switch names the task of later lines', async () => {
    const { rows } = await readTrace(
      ' 0) x-www-b-22756  =>  x-termi-4083 \n 0)               |  /* mm_page_free: page=1 pfn=16 order=0 */\n',
    );
    expect(rows).toMatchObject([{ comm: 'x-termi', pid: 4083, cpu: 0, pfn: 16 }]);
  });

  test('a wrapped comment that never ends does not swallow the next record', async () => {
    const { rows } = await readTrace(
      ' 0)   |  /* mm_page_free: page=1 pfn=16 order=0\n 1)   |  /* mm_page_free: page=1 pfn=17 order=0 */\n',
    );
    expect(rows.map(({ pfn, cpu, line: number }) => [pfn, cpu, number])).toEqual([
      [16, 0, 1],
      [17, 1, 2],
    ]);
  });

  test('perf --deltatime is noticed', async () => {
    const lines = Array.from(
      { length: 20 },
      (_, i) =>
        `perf  9 [000]  0.0000${10 + ((i * 7) % 20)}: kmem:mm_page_free: page=0x1 pfn=0x${i} order=0\n`,
    );
    const { report } = await readTrace(lines.join(''));
    expect(report.notes.join()).toContain('--deltatime');
  });
});

describe('the last line without a line feed', () => {
  const alloc = `              sh-149     [000] .....     3.823132: mm_page_alloc: ${PAGE} pfn=0x329ec order=1 migratetype=0 gfp_flags=GFP_KERNEL`;
  test.each([
    ['whole', alloc, 1, false],
    ['cut in a gfp name', alloc.slice(0, -3), 0, true],
    ['cut before gfp_flags', alloc.slice(0, alloc.indexOf(' gfp_flags')), 0, true],
    ['cut in the time', alloc.slice(0, 50), 0, true],
  ])('%s', async (_name, text, events, truncated) => {
    const { rows, report } = await readTrace(`${alloc}\n${text}`);
    expect([rows.length, report.truncatedLastLine]).toEqual([1 + events, truncated]);
    expect(report.malformed.count).toBe(0);
  });
});

test.each(['rec-7.3-opt-nohashptr.txt', 'rec-6.12-clock-tai.txt'])(
  'two ways, one answer: the short way of page events and the field reader, on %s',
  async (name) => {
    const text = readFileSync(new URL(`../../fixtures/trace-samples/${name}`, import.meta.url), 'latin1');
    // A trailing blank is enough to leave the short way.
    expect(await readTrace(text.replaceAll('\n', ' \n'))).toEqual(await readTrace(text));
  },
);

test('numbers of old kernels decode with their own layout', async () => {
  const { rows, report } = await readTrace(
    ' mm_page_alloc:         pfn=0xa62f4 order=0 gfp_flags=24150208 migratetype=0\n',
  );
  const { bits } = decodeGfps(['', rows[0].gfp], report);
  // The same request stands beside it by name: GFP_KERNEL_ACCOUNT|__GFP_ZERO|__GFP_NOTRACK.
  expect(bits[1]).toBe(0x400cc0 | 0x100);
});
