import { describe, expect, test } from 'vitest';
import { EventColumns, UNKNOWN_MIGRATETYPE } from '../../src/trace/columns.js';
import { KIND } from '../../src/trace/events.js';
import { isOldNumbering, migratetypeTable, renumberMigratetype } from '../../src/trace/migratetype.js';
import { readTrace } from './read-trace.js';

const line = (type: number, gfp: string) =>
  `              sh-1       [000] .....     1.000000: mm_page_alloc: page=0 pfn=1 order=0 migratetype=${type} gfp_flags=${gfp}\n`;

describe('which numbering is in use (trace-formats §5.6)', () => {
  test.each([
    ['movable requests say 1', line(1, 'GFP_HIGHUSER_MOVABLE'), false],
    ['movable requests say 2', line(2, 'GFP_HIGHUSER_MOVABLE|GFP_ZERO'), true],
    ['reclaimable requests say 1', line(1, 'GFP_NOFS|GFP_RECLAIMABLE'), true],
    ['reclaimable requests say 2', line(2, 'GFP_NOFS|__GFP_RECLAIMABLE'), false],
    ['no request tells, and no event name', line(0, 'GFP_KERNEL'), false],
    [
      'only an event name of 2.6.3x tells',
      line(0, 'GFP_KERNEL').replace(/mm_page_alloc.*/, 'mm_page_free_direct: page=0 pfn=1 order=0'),
      true,
    ],
  ])('%s', async (_name, text, isOld) => {
    expect(isOldNumbering((await readTrace(text)).report)).toBe(isOld);
  });
});

describe('renumbering', () => {
  function batch() {
    const columns = new EventColumns(3);
    columns.length = 3;
    columns.kind.set([KIND.alloc, KIND.extfrag, KIND.flushTlbKernelRange]);
    columns.migratetype.set([2, 1, UNKNOWN_MIGRATETYPE]);
    // fallback_migratetype of the extfrag, and an address that only looks like a type.
    columns.b.set([2, 4, 2]);
    return columns;
  }
  const report = async (type: number) => (await readTrace(line(type, 'GFP_HIGHUSER_MOVABLE'))).report;

  test('old numbers, in every column that holds types, and in no other', async () => {
    const columns = batch();
    renumberMigratetype(columns, migratetypeTable(await report(2)));
    expect([...columns.migratetype]).toEqual([1, 2, UNKNOWN_MIGRATETYPE]);
    expect([...columns.b]).toEqual([2, UNKNOWN_MIGRATETYPE, 2]);
  });

  test('a kernel without CMA counts Isolate as 4', async () => {
    const columns = batch();
    renumberMigratetype(columns, migratetypeTable(await report(1), false));
    expect([...columns.migratetype]).toEqual([2, 1, UNKNOWN_MIGRATETYPE]);
    expect([...columns.b]).toEqual([2, 5, 2]);
  });

  test('numbers of 4.4 and later stay', async () => {
    const columns = batch();
    renumberMigratetype(columns, migratetypeTable(await report(1)));
    expect([...columns.migratetype]).toEqual([2, 1, UNKNOWN_MIGRATETYPE]);
    expect([...columns.b]).toEqual([2, 4, 2]);
  });
});
