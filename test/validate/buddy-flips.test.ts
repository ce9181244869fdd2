/**
 * Flips and refusals at buddy level: every one of every freetype capture is the model's, under pressure and
 * with compaction as well (freetype-series §4.2, freetype-observed §4, §6).
 */

import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BuddyFlips, type JudgedReplay } from '../../src/validate/buddy-flips.js';
import { FlipComparison } from '../../src/validate/flips.js';
import { runThroughSnapshots } from '../../src/validate/middle-states.js';
import { RecordedReplay } from '../../src/validate/recorded.js';
import { BUNDLED_FREETYPE, type ReadCapture, readCapture, SHARED_CAPTURES } from './captures.js';

function recordedReplay({ machine, before, events, gfpBits }: ReadCapture): RecordedReplay {
  return new RecordedReplay(machine, before, events, gfpBits);
}

/** Requests that were refused, of the captures with memory under pressure. */
const REFUSED: Readonly<Record<string, number>> = {
  'linux-7.3-freetype-vectors-1cpu': 14,
  'linux-7.3-freetype-mixedp-1cpu': 404,
  'linux-7.3-freetype-mixedp-2cpu': 523,
};

async function expectExact(folder: string): Promise<void> {
  const read = await readCapture(folder);
  const flips = new FlipComparison(read.events);
  const replay = recordedReplay(read);
  const asked = new BuddyFlips(replay, read.events, flips);
  const middle = await runThroughSnapshots(asked, read.events, read.capture.middle);
  expect(middle).toHaveLength(read.capture.middle.length);
  expect(flips.recorded.length).toBeGreaterThan(0);
  expect(flips.firstDifference()).toBeNull();
  const { toUnmapped, toMapped, refused, equal } = flips.result();
  expect(equal).toBe(toUnmapped.recorded + toMapped.recorded);
  for (const { recorded, model } of [toUnmapped, toMapped, refused]) expect(model).toBe(recorded);
  const name = basename(folder);
  if (name in REFUSED) expect(refused.recorded).toBe(REFUSED[name]);

  // Asking changes nothing: the replay ends as one that was not asked.
  const unasked = recordedReplay(read);
  unasked.run(0, read.events.length);
  expect([replay.allocations, replay.exact]).toEqual([unasked.allocations, unasked.exact]);
}

test('the bundled freetype capture', () => expectExact(BUNDLED_FREETYPE));

describe('a model that differs', () => {
  test('takes other blocks, or never gets there: no flip is equal', async () => {
    const read = await readCapture(BUNDLED_FREETYPE);
    const flips = new FlipComparison(read.events);
    const { allocator } = recordedReplay(read);
    const idle: JudgedReplay = { allocator, exact: 0, run() {} };
    new BuddyFlips(idle, read.events, flips).run(0, read.events.length);
    expect(flips.result()).toMatchObject({ toUnmapped: { recorded: 6, model: 0 }, equal: 0 });
    expect(flips.firstDifference()?.reason).toMatch(/^only the kernel flips 512 pages at pfn 0x6000/);
  });

  test('still has a page for the request: its flip was not needed', async () => {
    const read = await readCapture(BUNDLED_FREETYPE);
    const flips = new FlipComparison(read.events);
    const replay = recordedReplay(read);
    let exact = 0;
    // The lists stay as they were at the first snapshot, and every taking counts as the kernel's.
    const generous: JudgedReplay = {
      allocator: replay.allocator,
      get exact() {
        return exact;
      },
      run(from, to) {
        if (to > from) exact++;
      },
    };
    new BuddyFlips(generous, read.events, flips).run(0, read.events.length);
    // No unmapped page was there then: those flips are needed. Mapped pages were plenty: the others are not.
    expect(flips.result()).toMatchObject({ toUnmapped: { model: 6 }, toMapped: { model: 0 } });
  });
});

describe.skipIf(SHARED_CAPTURES.length === 0)('captures beside the project (skipped without them)', () => {
  test.each(SHARED_CAPTURES.filter((folder) => folder.includes('-freetype-')))('%s', expectExact);
});
