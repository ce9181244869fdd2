import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NO_PFN, UNKNOWN_MIGRATETYPE } from '../../src/trace/columns.js';
import { openCsv } from '../../src/trace/csv.js';
import { pageOfAddress, readTime } from '../../src/trace/csv-values.js';
import { detectFormat } from '../../src/trace/detect.js';
import { KIND } from '../../src/trace/events.js';
import type { TraceReader } from '../../src/trace/reader.js';
import { failureOf } from './error-line.js';

async function* chunks(
  text: string | Uint8Array,
  size = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<Uint8Array> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const open = (text: string, size?: number): Promise<TraceReader> => openCsv(chunks(text, size), 'trace.csv');

/** Every event as one line of text, with the reader at its end. */
async function read(text: string, size?: number): Promise<{ events: string[]; reader: TraceReader }> {
  const reader = await open(text, size);
  const events: string[] = [];
  for (let batch = await reader.next(); batch !== null; batch = await reader.next()) {
    for (let i = 0; i < batch.length; i++) {
      const fields = [
        batch.line[i],
        Object.keys(KIND).find((name) => KIND[name as keyof typeof KIND] === batch.kind[i]),
        batch.timeNs[i],
        `cpu${batch.cpu[i]}`,
        `pid${batch.pid[i]}`,
        JSON.stringify(reader.comms[batch.comm[i]]),
        batch.pfn[i],
        batch.order[i],
        `mt${batch.migratetype[i]}`,
        reader.gfps[batch.gfp[i]] || '-',
        `class${batch.pageClass[i]}`,
      ];
      events.push(fields.join(' '));
    }
  }
  return { events, reader };
}

const failure = (text: string): Promise<string> => failureOf(() => read(text));

describe('columns (trace-formats §8)', () => {
  test('the recommended columns, with quotes, comments and blank lines', async () => {
    const text = [
      '# made by hand',
      'time_ns,cpu,pid,comm,op,pfn,order,migratetype,gfp,class',
      '1000,0,17,"a, ""b""",alloc,0x1f,0,1,GFP_HIGHUSER_MOVABLE|__GFP_ZERO,unmapped',
      '',
      '# a pause',
      '2500,1,18,sh,fail,,9,,GFP_KERNEL|__GFP_RECLAIMABLE,',
      '2600,1,18,sh,free,31,0,,,',
    ].join('\n');
    const { events, reader } = await read(text);
    expect(events).toEqual([
      '3 alloc 0 cpu0 pid17 "a, \\"b\\"" 31 0 mt1 GFP_HIGHUSER_MOVABLE|__GFP_ZERO class1',
      `6 alloc 1500 cpu1 pid18 "sh" ${NO_PFN} 9 mt2 GFP_KERNEL|__GFP_RECLAIMABLE class0`,
      `7 free 1600 cpu1 pid18 "sh" 31 0 mt${UNKNOWN_MIGRATETYPE} - class0`,
    ]);
    const { report } = reader;
    const columns = 'columns: time_ns, cpu, pid, comm, op, pfn, order, migratetype, gfp, class';
    expect([report.format, report.layouts, report.clock]).toEqual(['csv', ['comma', columns], 'seconds']);
    expect([report.originSeconds, report.originNs, report.lastTimeNs]).toEqual([0, 1000, 1600]);
    expect([...report.eventsByName]).toEqual([
      ['mm_page_alloc', 2],
      ['mm_page_free', 1],
    ]);
    expect([report.lines, report.cpus, report.notes]).toEqual([7, [0, 1], []]);
  });

  test('aliases, any order and case; - and blank are _; missing columns are said once', async () => {
    const { events, reader } = await read(
      'Action,ADDR,Nr-Pages,time us,color\n+,0x3000,3,1500.25,red\n-,12288,4,1501,blue\n',
    );
    expect(events).toEqual([
      '2 alloc 0 cpu0 pid0 "" 3 2 mt0 GFP_KERNEL class0',
      '3 free 750 cpu0 pid0 "" 3 2 mt-1 - class0',
    ]);
    expect(reader.report.notes).toEqual([
      'columns: Action, ADDR, Nr-Pages, time us; not read: color',
      'columns that are missing, and what was taken: cpu (0), pid (0), comm (no name), migratetype (that of the gfp flags), gfp (GFP_KERNEL)',
    ]);
  });

  test.each([
    ['a', 'alloc'],
    ['malloc', 'alloc'],
    ['MM_PAGE_ALLOC', 'alloc'],
    ['f', 'free'],
    ['mm_page_free', 'free'],
    ['mm_page_free_batched', 'freeBatched'],
    ['mm_page_alloc_zone_locked', 'zoneLocked'],
    ['mm_page_pcpu_drain', 'pcpuDrain'],
  ])('op %s is %s', async (op, kind) => {
    const { events } = await read(`op,pfn\n${op},7\n`);
    expect(events[0].split(' ')[1]).toBe(kind);
  });

  test.each([
    ['mm_page_alloc', '0', NO_PFN],
    ['mm_page_alloc', '0xffffffffffffffff', NO_PFN],
    ['failed', '', NO_PFN],
    // Ids of other tools may begin with 0: only the kernel's own name makes 0 a failure.
    ['alloc', '0', 0],
    ['alloc', '68719476735', 2 ** 36 - 1],
  ])('%s of pfn %s is page %i', async (op, pfn, page) => {
    const { events } = await read(`op,pfn\n${op},${pfn}\n`);
    expect(events[0].split(' ')[6]).toBe(String(page));
  });

  test.each([
    ['size', '4096', 0],
    ['size', '4097', 1],
    ['bytes', '4194304', 10],
    ['nr_pages', '1', 0],
    ['nr_pages', '5', 3],
    ['order', '', 0],
    ['size', '', 0],
  ])('%s %s is order %i', async (column, value, order) => {
    const { events } = await read(`op,pfn,${column}\nalloc,1024,${value}\n`);
    expect(events[0].split(' ')[7]).toBe(String(order));
  });

  test('names of migratetypes, and rows of events that a CSV has no columns for', async () => {
    const { events, reader } = await read(
      'op,pfn,mt\na,1,Movable\na,2,MIGRATE_RECLAIMABLE\nmm_page_alloc_extfrag,3,0\nmm_page_alloc_extfrag,4,0\n',
    );
    expect(events.map((line) => line.split(' ')[8])).toEqual(['mt1', 'mt2']);
    expect(reader.report.notes).toContain(
      'rows of mm_page_alloc_extfrag are left out: a CSV has no columns for it',
    );
    expect(reader.report.eventsByName.get('mm_page_alloc_extfrag')).toBe(2);
  });

  // Exports of old kernels and of vendors' kernels are no mistakes.
  test.each(['GFP_WAIT|GFP_ZERO', '__GFP_CMA', '0x80000000', 'GFP_KERNEL|0x4000000', '(other)'])(
    'gfp %s is read',
    async (gfp) => expect((await read(`op,pfn,gfp\na,1,${gfp}\n`)).events).toHaveLength(1),
  );
});

describe('recognised by the header', () => {
  const formatOf = (text: string): string => detectFormat(Buffer.from(text), 'trace.csv');
  test.each(['op,pfn', 'time_ns,cpu,op', 'PFN;order', 'time_ns\tcolour', '# mine\n"nr pages",comm'])(
    '%j is CSV',
    (header) => expect(formatOf(`${header}\n1,2\n`)).toBe('csv'),
  );

  test.each(['a,b', 'pfn', 'From time to time, a comm', 'what?, time'])('%j is none', (header) =>
    expect(() => formatOf(`${header}\n1,2\n`)).toThrow('is no trace of a known format'),
  );
});

describe('layout of the file', () => {
  const comma = 'time_ns,op,pfn,comm,order\n5,alloc,12,a b,1\n6,free,12,,1\n';
  const expected = [
    '2 alloc 0 cpu0 pid0 "a b" 12 1 mt0 GFP_KERNEL class0',
    '3 free 1 cpu0 pid0 "" 12 1 mt-1 - class0',
  ];

  test.each([
    ['TABs, also with empty fields', comma.replaceAll(',', '\t')],
    ['semicolons', comma.replaceAll(',', ';')],
    ['CR LF', comma.replaceAll('\n', '\r\n')],
    ['byte order mark', `\ufeff${comma}`],
    ['no line feed at the end', comma.trimEnd()],
    ['blanks around values', comma.replaceAll(',', ' , ')],
  ])('%s', async (_, text) => {
    expect((await read(text)).events).toEqual(expected);
  });

  test.each([1, 2, 7, 100])('chunks of %i bytes', async (size) => {
    expect((await read(`\ufeff${comma}`, size)).events).toEqual(expected);
  });

  test('a quoted field may hold line feeds: lines are those of the file', async () => {
    const text = 'op,pfn,comm\nalloc,1,"a\nb\nc"\nalloc,2,d\n';
    const { events } = await read(text);
    expect(events.map((line) => line.split(' ')[0])).toEqual(['2', '5']);
    expect(await failure(`${text}alloc,x,e\n`)).toContain('trace.csv:6: ');
  });

  test('more rows than a batch holds come in order', async () => {
    const rows = Array.from({ length: 40_000 }, (_, i) => `a,${i}`);
    const { events } = await read(`op,pfn\n${rows.join('\n')}\n`);
    expect(events.map((line) => Number(line.split(' ')[6]))).toEqual(rows.map((_, i) => i));
    expect(events.at(-1)?.split(' ')[0]).toBe('40001');
  });

  test('the same events however the file is cut into chunks', async () => {
    const text = `\ufefftime,cpu,comm,op,pfn\r\n1.5,0,"x ""y""",a,0x10\r\n# note\r\n1.500001,3,,f,16\r\n`;
    const whole = (await read(text)).events;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), async (size) => {
        expect((await read(text, size)).events).toEqual(whole);
      }),
      { numRuns: 20 },
    );
  });

  test('the sample of trace-formats', async ({ skip }) => {
    const sample = new URL('../../../shared/trace-samples/synthetic-minimal.csv', import.meta.url);
    let bytes: Buffer;
    try {
      bytes = readFileSync(sample);
    } catch {
      return skip('no trace samples beside this project');
    }
    const { events } = await read(bytes.toString());
    expect(events.length).toBeGreaterThan(0);
  });
});

describe('time', () => {
  test.each([
    ['time_ns', ['1795435426513067001', '1795435426513067003'], [1795435426, 513067001], 2],
    ['time', ['12.000001', '12.5'], [12, 1000], 499_999_000],
    ['time_us', ['3000001', '3000002.5'], [3, 1000], 1500],
    ['tick', ['37093657766', '37093657769'], [37093657766, 0], 3],
  ])('%s', async (column, times, origin, last) => {
    const { reader } = await read(`${column},op,pfn\n${times[0]},a,1\n${times[1]},f,1\n`);
    const { report } = reader;
    expect([report.originSeconds, report.originNs]).toEqual(origin);
    expect(report.lastTimeNs).toBe(last);
    expect(report.clock).toBe(column === 'tick' ? 'ticks' : 'seconds');
  });

  test('without a time column the order of lines is the time', async () => {
    const { events, reader } = await read('op,pfn\n#\na,1\na,2\n');
    expect(events.map((line) => line.split(' ')[2])).toEqual(['0', '1']);
    expect(reader.report.clock).toBe('none');
  });

  test('whole numbers in a column of seconds are said; going back is counted', async () => {
    const { reader } = await read('ts,op,pfn\n7,a,1\n5,a,2\n6,a,3\n');
    expect(reader.report.notes).toContain(
      'ts is read as seconds; call it time_ns, time_us or tick if it is not',
    );
    expect(reader.report.timeBackwards).toEqual({ count: 1, largestNs: 2_000_000_000 });
  });

  // trace-formats §2.4: never through a float. 0.1 + 0.2 is the classic; tai stamps lose their ns in a double.
  test('digits become nanoseconds exactly', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.nat(999_999_999), (seconds, ns) => {
        const read9 = { seconds: 0, ns: 0 };
        const fraction = String(ns).padStart(9, '0');
        expect(readTime(`${seconds}.${fraction}`, 0, read9)).toBe(true);
        expect(read9).toEqual({ seconds, ns });
        expect(readTime(`${seconds}${fraction}`, 9, read9)).toBe(true);
        expect(read9).toEqual({ seconds, ns });
      }),
    );
  });
});

describe('what is refused (exit code 3, with file and line)', () => {
  const pages =
    "call the column 'addr' if it holds byte addresses; write 'fail' for a request without a page";
  const address = "call the column 'pfn' if it holds page numbers";
  const header =
    'the first line must name the columns, such as time_ns,cpu,pid,comm,op,pfn,order,migratetype,gfp';
  const numbers = 'write whole numbers, decimal or hexadecimal with 0x, without separators';
  const quotes = 'put the whole field in quotes and double the quotes inside it';
  test.each([
    [
      'op,pfn,order\na,0,11\n',
      "2: order 11 is larger than the largest order, 10; column 'order' takes 0 to 10",
    ],
    [
      'op,pfn,Size-Order\na,0,11\n',
      "2: Size-Order 11 is larger than the largest order, 10; column 'Size-Order' takes 0 to 10",
    ],
    [
      'op,pfn,size\na,0,4194305\n',
      "2: size 4194305 needs order 11, larger than the largest order, 10; column 'size' takes up to 4194304 bytes",
    ],
    [
      'op,pfn,nr_pages\na,0,1025\n',
      "2: nr_pages 1025 needs order 11, larger than the largest order, 10; column 'nr_pages' takes up to 1024 pages",
    ],
    ['op,pfn,order\na,0,-1\n', `2: order '-1' is not a whole number; ${numbers}`],
    ['op,pfn\na,12.5\n', `2: pfn '12.5' is not a whole number; ${numbers}`],
    ['op,pfn\na,1e3\n', `2: pfn '1e3' is not a whole number; ${numbers}`],
    ['op,pfn\na,"1,000"\n', `2: pfn '1,000' is not a whole number; ${numbers}`],
    [
      'op,page\na,4503599627370497\n',
      `2: page 4503599627370497 is too large: page numbers end at 2^52; ${pages}`,
    ],
    // Beyond 2^53 a double could not even hold it; it is a whole number all the same.
    [
      'op,pfn\na,18446744073709551615\n',
      `2: pfn 18446744073709551615 is too large: page numbers end at 2^52; ${pages}`,
    ],
    [
      'op,addr\na,18446744073709551616\n',
      `2: addr 18446744073709551616 is too large: addresses end at 2^64; ${address}`,
    ],
    ['op,pfn\na,\n', "2: pfn is empty; name the page, or write 'fail' for a request that got none"],
    ['op,addr\na,0x1001\n', `2: addr 0x1001 is not a multiple of the page size, 4096; ${address}`],
    ['op,pfn\n\n#\naloc,1\n', "4: op 'aloc' is unknown; did you mean 'alloc'?"],
    ['op,pfn\nreclaimed,1\n', "2: op 'reclaimed' is unknown; operations are alloc, free and fail"],
    ['op,pfn,gfp\na,1,GFP_KERNEL|__GFP_ZREO\n', "2: gfp '__GFP_ZREO' is unknown; did you mean '__GFP_ZERO'?"],
    [
      'op,pfn,flags\na,1,atomic\n',
      "2: flags 'atomic' is unknown; write the names that the kernel prints, joined by |, or a number",
    ],
    ['event,pfn\n,1\n', '2: event is empty; operations are alloc, free and fail'],
    ['op,pfn,class\na,1,unmaped\n', "2: class 'unmaped' is unknown; did you mean 'unmapped'?"],
    [
      'op,pfn,class\na,1,secret\n',
      "2: class 'secret' is unknown; classes are unmapped, readonly, pagetable and pkey:0 to pkey:15",
    ],
    ['op,pfn,mt\na,1,movabel\n', "2: mt 'movabel' is unknown; did you mean 'movable'?"],
    [
      'op,pfn,mt\na,1,6\n',
      "2: mt '6' is unknown; numbers go from 0 (unmovable) to 5 (isolate), as in kernels since 4.4",
    ],
    ['op,pfn,cpu\na,1,x\n', `2: cpu 'x' is not a whole number; ${numbers}`],
    ['op,pfn,cpu\na,1,70000\n', "2: cpu 70000 is too large; column 'cpu' takes 0 to 65534"],
    [
      'time,op,pfn\n1.5s,a,1\n',
      "2: time '1.5s' is not a time; write a number without sign, exponent or separators",
    ],
    [
      'op,pfn,cpu\na,1,0\na,2\n',
      '3: 2 fields where the header has 3; every row needs a value or nothing between the separators for each column',
    ],
    ['op,pfn\na,"1\n', `2: a quote is opened in this row and not closed; ${quotes}`],
    ['op,comm,pfn\na,b"c,1\n', `2: a quote stands inside a field; ${quotes}`],
    [
      'op,cpu\na,1\n',
      `1: looks like CSV, but its header lacks the column 'pfn'; it may also be called page, id, addr; ${header}`,
    ],
    ['time_ns;cpu\n1;1\n', `1: looks like CSV, but its header lacks the columns 'op' and 'pfn'; ${header}`],
    [
      '1000,0,17,sh,alloc,31,0\n',
      `1: there is no column 'op'; it may also be called event, type, kind, action; ${header}`,
    ],
  ])('%j', async (text, line) => {
    expect(await failure(text)).toBe(`3 mm-sim: trace.csv:${line}`);
  });

  test.each(['', '\n\n', '# only a comment\n'])('%j holds no rows', async (text) => {
    expect(await failure(text)).toBe(`3 mm-sim: trace.csv: holds no rows; ${header}`);
  });

  test('a quote that is never closed does not swallow a long file', async () => {
    const rows = 'a,1\n'.repeat(100_000);
    expect(await failure(`op,pfn\na,1\n"a,1\n${rows}`)).toBe(
      `3 mm-sim: trace.csv:3: a quote is opened in this row and not closed; ${quotes}`,
    );
  });

  test('the error comes again when somebody goes on reading', async () => {
    const reader = await open(`op,pfn\n${'a,1\n'.repeat(9000)}x,1\n`);
    const readAll = async (): Promise<void> => {
      while ((await reader.next()) !== null);
    };
    const first = await failureOf(readAll);
    expect(first).toContain('trace.csv:9002');
    expect(await failureOf(() => reader.next())).toBe(first);
    await reader.close();
    await reader.close();
  });
});

// Kernel addresses pass 2^53: the page must not change on the way through a double.
test.each([
  ['0xffff888007d78000', 0xffff888007d78],
  ['4096', 1],
  ['18446744073709547520', 2 ** 52 - 1],
  ['0x1010', -2],
  ['18446744073709551616', -1],
  ['12.5', -1],
])('page of address %s', (text, page) => {
  expect(pageOfAddress(text)).toBe(page);
});
