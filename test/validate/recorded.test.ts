/**
 * The model against recorded kernels at buddy level: every block that left the lists, every fallback, every
 * list in order and every pageblock type (page-allocator §9.5, §12). Exact, on every capture that is there.
 */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findCapture } from '../../src/machine/capture.js';
import { machineOfSnapshot } from '../../src/machine/snapshot-machine.js';
import { decodeGfps } from '../../src/trace/gfp.js';
import { migratetypeTable } from '../../src/trace/migratetype.js';
import { openTrace } from '../../src/trace/open.js';
import { compareStates } from '../../src/validate/compare-states.js';
import { RecordedReplay } from '../../src/validate/recorded.js';
import { readBetweenMarkers } from '../../src/validate/whole-trace.js';

const SHARED = '../shared/captures';
const BUNDLED = ['linux-7.3-secretmem-1cpu', 'linux-7.3-freetype-fill-1cpu'];

/**
 * Lists that compaction rotated after the last block was taken from them: the same members, in an order that
 * no event tells (page-allocator §7.3, §9.5 R16).
 */
const ROTATED: Readonly<Record<string, number>> = {
  'linux-7.3-freetype-oom-compact-1cpu': 1,
};

async function validate(folder: string) {
  const capture = (await findCapture(folder))!;
  const before = await capture.before();
  const machine = machineOfSnapshot(before, { name: capture.name, iomem: await capture.iomem() });
  const reader = await openTrace(capture.traceFile);
  try {
    const events = await readBetweenMarkers(reader, migratetypeTable(reader.report, before.hasCma));
    const { bits } = decodeGfps(reader.gfps, reader.report);
    const replay = new RecordedReplay(machine, before, events, (gfp) => bits[gfp]);
    replay.run(0, events.length);
    return { replay, states: compareStates(replay.allocator, (await capture.after())!) };
  } finally {
    await reader.close();
  }
}

async function expectExact(name: string, folder: string): Promise<void> {
  const { replay, states } = await validate(folder);
  expect(replay.firstMiss).toBeNull();
  expect(replay.exact).toBe(replay.allocations);
  expect(replay.extfragEqual).toBe(replay.extfragRecorded);
  expect(states.pageblocksEqual).toBe(states.pageblocks);
  expect(states.differingLists).toEqual([]);
  expect(states.rotatedLists).toHaveLength(ROTATED[name] ?? 0);
}

describe('bundled captures', () => {
  test.each(BUNDLED)('%s', (name) => expectExact(name, join('traces', name)));

  test('that many blocks: a replay of nothing would be exact, too', async () => {
    expect((await validate('traces/linux-7.3-secretmem-1cpu')).replay.allocations).toBe(3_937);
    expect((await validate('traces/linux-7.3-freetype-fill-1cpu')).replay.allocations).toBe(7_420);
  });
});

describe.skipIf(!existsSync(SHARED))('all captures of ../shared (skipped where it is missing)', () => {
  const names = existsSync(SHARED) ? readdirSync(SHARED).filter((name) => name.startsWith('linux-')) : [];
  test.each(names)('%s', (name) => expectExact(name, join(SHARED, name)));
});
