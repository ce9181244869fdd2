/**
 * The freetype core's flips against a recorded kernel's: which block, which way, for which request
 * (freetype-observed §2, §4). The core runs from the first snapshot and the requests alone.
 */

import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EventColumns } from '../../src/trace/columns.js';
import { KIND } from '../../src/trace/events.js';
import { FlipComparison } from '../../src/validate/flips.js';
import type { FlipsResult } from '../../src/validate/validation.js';
import { BUNDLED_FREETYPE, readCapture, SHARED_CAPTURES } from './captures.js';
import { FreetypeDriver } from './freetype-driver.js';

function flips(toUnmapped: number, toMapped: number, refused = 0): FlipsResult {
  return {
    toUnmapped: { recorded: toUnmapped, model: toUnmapped },
    toMapped: { recorded: toMapped, model: toMapped },
    refused: { recorded: refused, model: refused },
    equal: toUnmapped + toMapped,
  };
}

/**
 * Counts of freetype-observed §2; refused are those of its failures that may flip: without the four movable
 * and reclaimable ones of vectors-1cpu. Captures that compact or run out of memory need the events of
 * reclaim, which this driver leaves out.
 */
const EXACT: Readonly<Record<string, FlipsResult>> = {
  'linux-7.3-freetype-vectors-1cpu': flips(6, 6, 14),
  'linux-7.3-freetype-pcp-1cpu': flips(3, 0, 3),
  'linux-7.3-freetype-pcp-2cpu': flips(3, 0, 3),
  'linux-7.3-freetype-fill-1cpu': flips(6, 6),
  'linux-7.3-freetype-kunit-1cpu': flips(12, 7),
  'linux-7.3-freetype-split1g-1cpu': flips(1445, 89, 1),
  'linux-7.3-freetype-zones-1cpu': flips(20, 2, 1),
  'linux-7.3-freetype-frag-nocompact-1cpu': flips(4, 0, 17),
  'linux-7.3-freetype-mixed-2cpu': flips(15, 1, 4),
};

async function expectExact(folder: string): Promise<void> {
  const driver = new FreetypeDriver(await readCapture(folder));
  driver.run();
  expect(driver.flips.result()).toEqual(EXACT[basename(folder)]);
  expect(driver.flips.firstDifference()).toBeNull();
  // Every page of every task, never put right.
  expect(driver.pages).toBeGreaterThan(0);
  expect([driver.firstMiss, driver.pagesEqual]).toEqual([null, driver.pages]);
}

/** Compaction turned a list of movable pages there (page-allocator §7.3): three pages differ, and no flip. */
const EXACT_FLIPS: Readonly<Record<string, FlipsResult>> = {
  'linux-7.3-freetype-mixed-1cpu': flips(16, 2, 1),
};

test('the bundled freetype capture: every flip and every page', () => expectExact(BUNDLED_FREETYPE));

describe.skipIf(SHARED_CAPTURES.length === 0)('captures beside the project (skipped without them)', () => {
  test.each(SHARED_CAPTURES.filter((folder) => basename(folder) in EXACT))('%s', expectExact);

  test.each(SHARED_CAPTURES.filter((folder) => basename(folder) in EXACT_FLIPS))('%s', async (folder) => {
    const driver = new FreetypeDriver(await readCapture(folder));
    driver.run();
    expect(driver.flips.result()).toEqual(EXACT_FLIPS[basename(folder)]);
    expect(driver.flips.firstDifference()).toBeNull();
  });

  test.each(SHARED_CAPTURES.filter((folder) => folder.includes('-freetype-')))(
    '%s: the recorded flips are those that the recorder counted',
    async (folder) => {
      const { capture, events } = await readCapture(folder);
      const { toUnmapped, toMapped } = new FlipComparison(events).result();
      const counted = capture.info.requests?.flips;
      expect([toUnmapped.recorded, toMapped.recorded]).toEqual([counted?.unmap, counted?.map]);
    },
  );
});

// Hand-made traces: a request of task 1 is announced at event 1, allocates at event 4 and is answered at 5.

const UNMAP = { pfn: 0x400, pages: 512 } as const;

function traceOf(lines: readonly (readonly [kind: number, fields?: Record<string, number>])[]): EventColumns {
  const events = new EventColumns(lines.length);
  for (const [kind, fields = {}] of lines) {
    const at = events.length++;
    events.kind[at] = kind;
    events.pid[at] = 1;
    for (const [key, value] of Object.entries(fields))
      events[key as 'pid' | 'context' | 'pfn' | 'migratetype' | 'a' | 'b' | 'c'][at] = value;
  }
  return events;
}

const request = (migratetype = 0) => [KIND.requestAlloc, { migratetype }] as const;
const flip = (pfn: number, mapped = 0, what = 1) =>
  [KIND.flip, { pfn, a: 1, b: mapped, c: what, order: 0 }] as const;
const alloc = (pfn: number, fields = {}) => [KIND.alloc, { pfn, ...fields }] as const;

const oneFlip = [
  alloc(0x10, { pid: 2 }),
  request(),
  flip(0x400),
  alloc(0x99, { context: 1 }),
  alloc(0x400),
  [KIND.resultPage],
  alloc(0x401),
] as const;

test('a flip belongs to the request that is open, at whichever of its events the model makes it', () => {
  for (const [at, equal] of [
    [0, 0],
    [1, 1],
    [2, 1],
    [3, 0],
    [4, 1],
    [5, 1],
    [6, 0],
  ]) {
    const comparison = new FlipComparison(traceOf(oneFlip));
    comparison.at = at;
    comparison.flip(UNMAP.pfn, UNMAP.pages, 'toUnmapped');
    expect([at, comparison.result().equal]).toEqual([at, equal]);
  }
});

test('another block, direction or size is no equal flip, and one flip equals one', () => {
  for (const [pfn, pages, direction] of [
    [0x600, 512, 'toUnmapped'],
    [0x400, 1024, 'toUnmapped'],
    [0x400, 512, 'toMapped'],
  ] as const) {
    const comparison = new FlipComparison(traceOf(oneFlip));
    comparison.at = 4;
    comparison.flip(pfn, pages, direction);
    expect(comparison.result().equal).toBe(0);
    expect(comparison.differences().extra).toHaveLength(1);
  }
  const twice = new FlipComparison(traceOf(oneFlip));
  twice.at = 4;
  twice.flip(0x400, 512, 'toUnmapped');
  twice.flip(0x400, 512, 'toUnmapped');
  expect(twice.result()).toEqual({ ...flips(1, 0), toUnmapped: { recorded: 1, model: 2 }, equal: 1 });
  expect(twice.firstDifference()).toEqual({
    at: 4,
    reason: 'only the model flips 512 pages at pfn 0x400 to unmapped',
  });
});

test('without an announcement the moment is the mm_page_alloc line; a flip that failed is none', () => {
  const events = traceOf([flip(0x200, 1, 2), flip(0x400, 1), alloc(7, { pid: 2 }), alloc(0x400)]);
  const comparison = new FlipComparison(events);
  expect(comparison.recorded).toEqual([{ at: 1, moment: 3, pfn: 0x400, pages: 512, toMapped: true }]);
  comparison.at = 3;
  comparison.flip(0x400, 512, 'toMapped');
  expect(comparison.result()).toEqual(flips(0, 1));
});

test('refused are unmovable requests that were announced and got none, with or without a line', () => {
  const events = traceOf([
    request(0),
    [KIND.resultNone],
    request(0),
    alloc(-1),
    [KIND.resultNone],
    request(1),
    alloc(-1),
    [KIND.resultNone],
    request(0),
    alloc(5),
    [KIND.resultPage],
    alloc(-1),
  ]);
  const comparison = new FlipComparison(events);
  expect([...comparison.recordedRefusals]).toEqual([0, 2]);
  for (const at of [3, 6, 9, 11]) {
    comparison.at = at;
    comparison.failed();
  }
  expect(comparison.result().refused).toEqual({ recorded: 2, model: 2 });
  expect(comparison.refusalDifferences()).toEqual({ missing: [0], extra: [8] });
  expect(comparison.firstDifference()).toEqual({ at: 0, reason: 'only the kernel refuses the request' });
});
