/**
 * The recorded replay itself: what it infers and what it predicts beyond the pages (page-allocator §9.5), on
 * traces without probes, and on event streams that no kernel would emit.
 */

import { beforeAll, describe, expect, test } from 'vitest';
import { checkLists } from '../../src/pagealloc/check-lists.js';
import type { EventColumns } from '../../src/trace/columns.js';
import { compareStates } from '../../src/validate/compare-states.js';
import { isPlain } from '../../src/validate/plain-events.js';
import { RecordedReplay } from '../../src/validate/recorded.js';
import {
  BUNDLED_FREETYPE,
  BUNDLED_SECRETMEM,
  type ReadCapture,
  readCapture,
  SHARED_CAPTURES,
} from './captures.js';
import { damaged, pick, seeded } from './damaged-events.js';

const BUNDLED_COMPACTION = 'traces/linux-7.3-compaction-1cpu-probes';

function replayOf({ machine, before, gfpBits }: ReadCapture, events: EventColumns): RecordedReplay {
  const replay = new RecordedReplay(machine, before, events, gfpBits);
  replay.run(0, events.length);
  return replay;
}

/** Ends, counts, and leaves lists that hold together. */
function expectSound(replay: RecordedReplay): void {
  expect(replay.exact).toBeLessThanOrEqual(replay.allocations);
  expect(replay.firstMiss === null).toBe(replay.exact === replay.allocations);
  expect(replay.extfragEqual).toBeLessThanOrEqual(replay.extfragRecorded);
  checkLists(replay.allocator);
}

describe.each([BUNDLED_SECRETMEM, BUNDLED_FREETYPE, BUNDLED_COMPACTION])('damaged: %s', (folder) => {
  let capture: ReadCapture;
  beforeAll(async () => {
    capture = await readCapture(folder);
  });

  test('whole, it is exact and nothing is put right', () => {
    const replay = replayOf(capture, capture.events);
    expectSound(replay);
    expect(replay.exact).toBe(replay.allocations);
    expect(replay.corrections).toMatchObject({ vacated: 0, retyped: 0 });
    expect(replay).toMatchObject({ damaged: 0, bypasses: 0, overtaken: 0 });
  });

  test.each([1, 2, 3, 4])('one event in a thousand, seed %i', (seed) => {
    const events = damaged(capture.events, 0.001, seeded(seed));
    const replay = replayOf(capture, events);
    expectSound(replay);
    // A miss costs one, not all that follow.
    expect(replay.exact / replay.allocations).toBeGreaterThan(0.5);
  });

  test.each([5, 6, 7])('one event in five, seed %i', (seed) => {
    const replay = replayOf(capture, damaged(capture.events, 0.2, seeded(seed)));
    expectSound(replay);
    expect(replay.exact).toBeLessThan(replay.allocations);
    expect(replay.firstMiss?.reason).toMatch(/^model: |^the line names no block/);
  });

  test('backwards', () => {
    const indexes = Array.from({ length: capture.events.length }, (_, i) => capture.events.length - 1 - i);
    expectSound(replayOf(capture, pick(capture.events, indexes)));
  });
});

describe('compaction', () => {
  test('rotations, isolations and the half rule are predicted, none read off', async () => {
    const capture = await readCapture(BUNDLED_COMPACTION);
    const replay = replayOf(capture, capture.events);
    expect(replay.rotations).toBe(0);
    expect(replay.predictedRotations).toBe(990);
    expect(replay.scans).toMatchObject({ searches: 850, searchesEqual: 850 });
    expect(replay.isolations).toEqual({ recorded: 3_421, equal: 3_421 });
    expect(replay.halfRule.accepted).toEqual({ recorded: 3, equal: 3 });
  });
});

/** What a user's own trace has: the kernel's events, and the announcements of a workload. */
function withoutProbes(events: EventColumns): EventColumns {
  const kept: number[] = [];
  for (let i = 0; i < events.length; i++) if (isPlain(events.kind[i])) kept.push(i);
  return pick(events, kept);
}

describe('without probes', () => {
  // Under pressure scans stand in the trace long after they ran, where their task was interrupted: not exact.
  const others = SHARED_CAPTURES.filter((folder) => !/-(?:pressure|build)-/.test(folder));
  test.each([BUNDLED_SECRETMEM, BUNDLED_FREETYPE, BUNDLED_COMPACTION, ...others])('%s', async (folder) => {
    const capture = await readCapture(folder);
    const replay = replayOf(capture, withoutProbes(capture.events));
    expectSound(replay);
    expect(replay.exact).toBe(replay.allocations);
    expect(replay.rotations).toBe(0);
    // There two frees of no interrupt bypass, and nothing tells it before the end.
    if (!folder.includes('pagetables-2cpu'))
      expect(compareStates(replay.allocator, capture.after)).toMatchObject({
        rotatedLists: [],
        differingLists: [],
      });
  });
});
