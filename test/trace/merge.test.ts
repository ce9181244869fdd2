import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KIND } from '../../src/trace/events.js';
import { mergeReaders } from '../../src/trace/merge.js';
import type { TraceReader } from '../../src/trace/reader.js';
import { failureOf } from './error-line.js';
import { type Row, RowsReader } from './rows-reader.js';

const FILES = ['cpu0.txt', 'cpu1.txt', 'cpu2.txt'];

async function events(reader: TraceReader): Promise<string[]> {
  const seen: string[] = [];
  for (let batch = await reader.next(); batch !== null; batch = await reader.next()) {
    for (let i = 0; i < batch.length; i++) {
      const comm = reader.comms[batch.comm[i]];
      seen.push(
        `${batch.timeNs[i]} f${batch.file[i]}:${batch.line[i]} ${comm} ${reader.gfps[batch.gfp[i]]}`.trim(),
      );
    }
  }
  return seen;
}

const at = (timeNs: number, comm = '', gfp = ''): Row => ({ kind: KIND.alloc, timeNs, comm, gfp, pfn: 1 });

describe('merging by time (trace-formats §10.4)', () => {
  test('ties keep the order of files; names get common ids', async () => {
    const merged = mergeReaders(
      [
        new RowsReader([at(0, 'sh', 'GFP_KERNEL'), at(5, 'make'), at(5, 'sh')]),
        new RowsReader([at(0, 'make', 'GFP_USER'), at(4, 'sh', 'GFP_KERNEL'), at(5), at(9)]),
      ],
      FILES,
    );
    expect(await events(merged)).toEqual([
      '0 f0:1 sh GFP_KERNEL',
      '0 f1:1 make GFP_USER',
      '4 f1:2 sh GFP_KERNEL',
      '5 f0:2 make',
      '5 f0:3 sh',
      '5 f1:3',
      '9 f1:4',
    ]);
    expect(merged.comms).toEqual(['', 'sh', 'make']);
    expect(merged.gfps).toEqual(['', 'GFP_KERNEL', 'GFP_USER']);
  });

  test('origins are aligned to the earliest file', async () => {
    const merged = mergeReaders(
      [
        new RowsReader([at(0), at(10)], { originSeconds: 12, originNs: 1 }),
        new RowsReader([at(0), at(2_000_000_002)], { originSeconds: 9, originNs: 999_999_999 }),
      ],
      FILES,
    );
    expect(await events(merged)).toEqual(['0 f1:1', '2000000002 f0:1', '2000000002 f1:2', '2000000012 f0:2']);
    const { report } = merged;
    expect([report.originSeconds, report.originNs, report.lastTimeNs]).toEqual([
      9, 999_999_999, 2_000_000_012,
    ]);
  });

  test('ticks are aligned in ticks', async () => {
    const merged = mergeReaders(
      [
        new RowsReader([at(0), at(7)], { clock: 'ticks', originSeconds: 100 }),
        new RowsReader([at(0)], { clock: 'ticks', originSeconds: 103 }),
      ],
      FILES,
    );
    expect(await events(merged)).toEqual(['0 f0:1', '3 f1:1', '7 f0:2']);
  });

  test('within a file the order of lines stays, even where its times run backwards', async () => {
    const merged = mergeReaders(
      [new RowsReader([at(5), at(1), at(6)]), new RowsReader([at(0), at(4), at(7)])],
      FILES,
    );
    expect(await events(merged)).toEqual(['0 f1:1', '4 f1:2', '5 f0:1', '1 f0:2', '6 f0:3', '7 f1:3']);
  });

  test('the same as a stable sort by time and file', async () => {
    const times = fc.array(fc.nat(40), { maxLength: 60 }).map((list) => list.sort((x, y) => x - y));
    await fc.assert(
      fc.asyncProperty(
        fc.array(times, { minLength: 2, maxLength: 5 }),
        fc.integer({ min: 1, max: 9 }),
        async (files, size) => {
          const readers = files.map(
            (list) =>
              new RowsReader(
                list.map((time) => at(time)),
                {},
                size,
              ),
          );
          const expected = files
            .flatMap((list, file) => list.map((time, index) => ({ time, file, line: index + 1 })))
            .sort((x, y) => x.time - y.time || x.file - y.file)
            .map(({ time, file, line }) => `${time} f${file}:${line}`);
          expect(await events(mergeReaders(readers, files.map(String)))).toEqual(expected);
        },
      ),
    );
  });

  test('an empty file takes no part; one reader is passed through', async () => {
    const one = new RowsReader([at(3)]);
    expect(mergeReaders([one], FILES)).toBe(one);
    const merged = mergeReaders([new RowsReader([], { clock: 'none' }), new RowsReader([at(3)])], FILES);
    expect(await events(merged)).toEqual(['3 f1:1']);
    expect(merged.report.clock).toBe('seconds');
  });

  test('reports are summed, and readers closed', async () => {
    const readers = [
      new RowsReader([at(0)], {
        cpus: [0],
        headerCpus: 2,
        eventsByName: new Map([['mm_page_alloc', 1]]),
        notes: ['odd'],
      }),
      new RowsReader([at(1)], {
        cpus: [1],
        eventsByName: new Map([['mm_page_alloc', 2]]),
        overwritten: 4,
        release: '7.3',
      }),
    ];
    const merged = mergeReaders(readers, FILES);
    await events(merged);
    const { report } = merged;
    expect([report.cpus, report.headerCpus, report.overwritten, report.release]).toEqual([
      [0, 1],
      2,
      4,
      '7.3',
    ]);
    expect([...report.eventsByName]).toEqual([['mm_page_alloc', 3]]);
    expect(report.notes).toEqual(['cpu0.txt: odd']);
    await merged.close();
    expect(readers.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });
});

describe('clocks that do not fit (exit code 4)', () => {
  test.each([
    [
      ['seconds', 'ticks'],
      'cpu1.txt: has ticks without a unit where cpu0.txt has seconds; files of one call must be recorded with one clock',
    ],
    [
      ['seconds', 'seconds', 'none'],
      'cpu2.txt: has no time at all where cpu0.txt has seconds; files of one call must be recorded with one clock',
    ],
    [
      ['none', 'none'],
      'cpu0.txt: has no times, so that it cannot be merged with other files; give one file at a time, or record with time stamps',
    ],
  ] as const)('%s', async (clocks, line) => {
    const merged = mergeReaders(
      clocks.map((clock) => new RowsReader([at(0)], { clock })),
      FILES,
    );
    expect(await failureOf(() => merged.next())).toBe(`4 mm-sim: ${line}`);
  });
});
