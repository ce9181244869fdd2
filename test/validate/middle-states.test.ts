/**
 * Snapshots in the middle of a trace: the recorded replay stops at their lines, and its lists and pageblocks
 * are the kernel's (captures/FREETYPE.md, freetype-observed §3 no. 2).
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type MiddleComparison, runThroughSnapshots } from '../../src/validate/middle-states.js';
import { RecordedReplay } from '../../src/validate/recorded.js';
import { BUNDLED_FREETYPE, readCapture, SHARED_CAPTURES } from './captures.js';

/**
 * Lists that compaction had rotated since the last taking from them, and which a model may hold in another
 * order: at most so many, all mapped movable (page-allocator §7.3, §9.5 R16).
 */
const ROTATED: Readonly<Record<string, number>> = {
  'linux-7.3-freetype-frag-compact-1cpu/3': 3,
  'linux-7.3-freetype-oom-compact-1cpu/3': 2,
  'linux-7.3-freetype-oom-nocompact-1cpu/3': 1,
};

async function middleOf(folder: string): Promise<{ middle: MiddleComparison[]; markers: number[] }> {
  const { capture, machine, before, events, gfpBits } = await readCapture(folder);
  const replay = new RecordedReplay(machine, before, events, gfpBits);
  const middle = await runThroughSnapshots(replay, events, capture.middle);
  return { middle, markers: events.markers.map(({ number }) => number) };
}

function expectExact(name: string, middle: readonly MiddleComparison[]): void {
  for (const { snapshot, states } of middle) {
    expect(states.differingLists).toEqual([]);
    expect(states.pageblocksEqual).toBe(states.pageblocks);
    expect(states.rotatedLists.length).toBeLessThanOrEqual(ROTATED[`${name}/${snapshot}`] ?? 0);
  }
}

test('the bundled freetype capture: four snapshots, all exact', async () => {
  const { middle, markers } = await middleOf(BUNDLED_FREETYPE);
  expect(markers).toEqual([1, 3, 4, 5, 6, 2]);
  expect(middle.map(({ snapshot }) => snapshot)).toEqual([3, 4, 5, 6]);
  expect(middle.map(({ states }) => states.listEntries)).toEqual([46, 46, 87, 74]);
  expectExact('linux-7.3-freetype-fill-1cpu', middle);
});

test('a state whose marker is missing is said', async () => {
  const { capture, machine, before, events, gfpBits } = await readCapture(BUNDLED_FREETYPE);
  events.markers.splice(2, 1);
  const replay = new RecordedReplay(machine, before, events, gfpBits);
  await expect(runThroughSnapshots(replay, events, capture.middle)).rejects.toThrow('snapshot 4');
});

describe.skipIf(SHARED_CAPTURES.length === 0)('captures beside the project (skipped without them)', () => {
  const folders = SHARED_CAPTURES.filter((folder) => existsSync(join(folder, 'middle')));
  test.each(folders)('%s', async (folder) => {
    const { middle } = await middleOf(folder);
    expect(middle.length).toBeGreaterThan(0);
    expectExact(folder.slice(folder.lastIndexOf('/') + 1), middle);
  });
});
