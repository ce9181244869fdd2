/**
 * Counts that guard speed without a clock: they cannot vary, so that they are compared on any machine.
 * Times are the affair of `npm run bench`, which nothing depends on.
 */

import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import type { BaselineCore } from '../src/cores/baseline.js';
import { chooseCore } from '../src/cores/choose-core.js';
import type { FreetypeCore } from '../src/cores/freetype.js';
import { PAGEBLOCK_PAGES } from '../src/kernel/orders.js';
import { DEFAULT_COST_PRESET } from '../src/metrics/cost.js';
import { PageFrames } from '../src/pagealloc/page-frames.js';
import { LivePages } from '../src/replay/live-pages.js';
import { ReadingProgress } from '../src/replay/reading-progress.js';
import { makeLane, type RunSettings } from '../src/replay/run-cores.js';
import { prepareSession } from '../src/replay/session.js';
import type { SessionOptions } from '../src/replay/session-options.js';
import type { EventColumns } from '../src/trace/columns.js';
import { renumberMigratetype } from '../src/trace/migratetype.js';
import { openTrace } from '../src/trace/open.js';

const SECRETMEM = fileURLToPath(new URL('../traces/linux-7.3-secretmem-1cpu', import.meta.url));
const SESSION: SessionOptions = {
  version: 'test',
  traces: [{ path: SECRETMEM, name: 'secretmem' }],
  cores: [],
  machine: {},
  placement: 'simulated',
  marks: [],
  untilLine: Number.POSITIVE_INFINITY,
  untilNs: Number.POSITIVE_INFINITY,
  tlbCpus: [],
  costPreset: DEFAULT_COST_PRESET,
  writeEvent: null,
};
const CORES = ['baseline', 'freetype'];
/** Links, type and bits of a node; pages of one slab, and where it belongs. */
const SLAB_BYTES = PAGEBLOCK_PAGES * (4 + 4 + 1) + 4;
/** State and simulated page of each page of the trace. */
const LIVE_SLAB_BYTES = PAGEBLOCK_PAGES * (1 + 8);

let recorded: RunSettings;
let events: EventColumns;

beforeAll(async () => {
  recorded = await settingsOf({});
  // All events as one batch.
  const reader = await openTrace(`${SECRETMEM}/trace.txt.gz`, { batchEvents: 2 ** 17 });
  events = (await reader.next()) as EventColumns;
  await reader.close();
  renumberMigratetype(events, recorded.migratetypes);
});

// A fast path that takes the zone lock, or touches a list, once more than it did is slower on real machines.
describe('work of a request on the bundled capture', () => {
  test.each([
    { core: 'baseline', requests: 17792, pcpRefills: 19, pcpDrains: 0, zoneLockTakes: 19, listSteps: 7847 },
    { core: 'freetype', requests: 17792, pcpRefills: 26, pcpDrains: 0, zoneLockTakes: 70, listSteps: 11307 },
  ])('$core', ({ core, ...expected }) => {
    const { replay, core: run } = replayed(core, recorded);
    const { requests } = replay.accounting;
    const { pcpRefills, pcpDrains, zoneLockTakes, listSteps } = run.measures!()!.counters;
    expect({ requests, pcpRefills, pcpDrains, zoneLockTakes, listSteps }).toEqual(expected);
  });
});

// Objects that die at once are cheap, a boxed double or a closure in every event is not.
test.each(CORES)('a replay through %s allocates less than one byte an event', (core) => {
  // The first rounds run uncompiled, and box what the compiled code keeps in registers.
  const rounds = Array.from({ length: 9 }, () => {
    const { replay } = makeLane(chooseCore(core), recorded);
    const before = process.memoryUsage().heapUsed;
    replay.feed(events);
    return process.memoryUsage().heapUsed - before;
  });
  // A collection in the middle of a round makes it negative: the median has seen none.
  const [, , , , median] = rounds.sort((a, b) => a - b);
  expect(median).toBeGreaterThanOrEqual(0);
  expect(median).toBeLessThan(events.length);
});

describe('memory grows with what the trace touches, not with the machine', () => {
  test('a core for 1 TiB and 256 CPUs: 14 bytes a pageblock, 201 bytes a CPU and zone', async () => {
    const large = await settingsOf({ machine: { memory: '1T', cpus: 256 }, start: 'empty' });
    const { endPfn, cpus, zones } = large.machine;
    const fixed = 14 * (endPfn / PAGEBLOCK_PAGES) + 201 * cpus * zones.length;
    for (const core of CORES) {
      const bytes = bytesOf(allocatorOf(makeLane(chooseCore(core), large).core));
      expect(bytes).toBeGreaterThan(fixed);
      // The pool of slabs begins with 64 of them; list heads and alignment are the rest.
      expect(bytes).toBeLessThan(fixed + 64 * SLAB_BYTES + 2 ** 16);
    }
  });

  test.each(CORES)('the same trace breaks as many pageblocks on any machine: %s', async (core) => {
    const touched = [];
    for (const machine of [{ memory: '2G' }, { memory: '16G', cpus: 8 }, { memory: '1T', cpus: 256 }]) {
      const settings = await settingsOf({ machine, start: 'empty' });
      const lane = makeLane(chooseCore(core), settings);
      const before = bytesOf(lane.directMap);
      lane.replay.feed(events);
      const { live } = lane.replay as unknown as { live: LivePages };
      touched.push({
        slabs: allocatorOf(lane.core).frames.slabsInUse,
        live: bytesOf(live),
        directMap: bytesOf(lane.directMap) - before,
      });
    }
    expect(touched[1]).toEqual(touched[0]);
    expect(touched[2]).toEqual(touched[0]);
  });

  test('a broken pageblock: 4.5 KiB, at most twice that while the pool doubles', () => {
    const frames = new PageFrames(2 ** 28, 1000);
    const before = bytesOf(frames);
    for (let block = 0; block < 1000; block++) frames.slabOf(block * 500);
    expect(frames.slabsInUse).toBe(1000);
    expect(bytesOf(frames) - before).toBeLessThan(2 * 1000 * SLAB_BYTES);
  });

  test('a pageblock of the trace: 4.5 KiB, at most twice that, wherever it lies', () => {
    const [low, high, beyond] = [0, 2 ** 35, 2 ** 44].map((first) => {
      const live = new LivePages();
      for (let block = 0; block < 4096; block++) live.entryOf(first + block * PAGEBLOCK_PAGES);
      return bytesOf(live);
    });
    expect(low).toBeLessThan(2 * 4096 * LIVE_SLAB_BYTES);
    expect(high).toBe(low);
    // Ids of other tools have no directory (trace-formats §8).
    expect(beyond).toBeLessThanOrEqual(low);
  });
});

async function settingsOf(options: Partial<SessionOptions>): Promise<RunSettings> {
  const { settings } = await prepareSession({ ...SESSION, ...options }, new ReadingProgress(1, () => {}));
  return settings;
}

function replayed(core: string, settings: RunSettings): ReturnType<typeof makeLane> {
  const lane = makeLane(chooseCore(core), settings);
  lane.replay.feed(events);
  return lane;
}

function allocatorOf(core: unknown): BaselineCore['allocator'] {
  return (core as BaselineCore | FreetypeCore).allocator;
}

/** Bytes of the typed arrays that hang on an object, near or far. */
function bytesOf(root: unknown, seen = new Set<unknown>()): number {
  if (typeof root !== 'object' || root === null || seen.has(root)) return 0;
  seen.add(root);
  if (ArrayBuffer.isView(root)) return root.byteLength;
  let bytes = 0;
  for (const value of Object.values(root)) bytes += bytesOf(value, seen);
  return bytes;
}
