/**
 * The kernel's own metrics: its formats to the byte, and the model's numbers in them (page-allocator §8). The
 * copies were taken near the snapshots, not at them: lines that moved in between are told from errors.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { findCapture } from '../../src/machine/capture.js';
import { type KernelMetrics, kernelMetricsResult } from '../../src/validate/kernel-metrics.js';
import {
  buddyinfoLines,
  extfragIndexLines,
  pagetypeinfoLines,
  unusableIndexLines,
} from '../../src/validate/kernel-text.js';
import { RecordedReplay } from '../../src/validate/recorded.js';
import { countsOfSnapshot, type ZoneCounts } from '../../src/validate/zone-counts.js';
import { BUNDLED_FREETYPE, BUNDLED_SECRETMEM, readCapture, SHARED_CAPTURES } from './captures.js';

const ENDS = ['before', 'after'] as const;

async function metricsOf(folder: string): Promise<KernelMetrics> {
  const { capture, machine, before, after, events, gfpBits } = await readCapture(folder);
  const replay = new RecordedReplay(machine, before, events, gfpBits);
  replay.run(0, events.length);
  return kernelMetricsResult({ capture, before, after, allocator: replay.allocator });
}

describe('bundled captures, with the numbers', () => {
  test('secret memory', async () => {
    const { lines, equal, modelErrors, differing } = await metricsOf(BUNDLED_SECRETMEM);
    expect({ lines, equal, modelErrors }).toEqual({ lines: 40, equal: 35, modelErrors: 0 });
    expect(differing.map(({ end, file, line, cause }) => [end, file, line, cause])).toEqual([
      ['before', 'buddyinfo', 2, 'copyMoved'],
      ['before', 'pagetypeinfo', 11, 'copyMoved'],
      ['after', 'buddyinfo', 2, 'copyMoved'],
      ['after', 'pagetypeinfo', 11, 'copyMoved'],
      ['after', 'unusable_index', 2, 'copyMoved'],
    ]);
  });

  test('a kernel with the series', async () => {
    const { lines, equal, modelErrors } = await metricsOf(BUNDLED_FREETYPE);
    expect({ lines, equal, modelErrors }).toEqual({ lines: 36, equal: 28, modelErrors: 0 });
  });

  test("a model whose lists are wrong is not the copy's fault", async () => {
    const { capture, machine, before, after, events, gfpBits } = await readCapture(BUNDLED_SECRETMEM);
    const idle = new RecordedReplay(machine, before, events, gfpBits);
    const metrics = await kernelMetricsResult({ capture, before, after, allocator: idle.allocator });
    expect(metrics.modelErrors).toBeGreaterThan(0);
    expect(metrics.differing.some(({ end, cause }) => end === 'after' && cause === 'model')).toBe(true);
  });
});

/** Nothing happened near these snapshots: every line of every copy is the kernel's exact state. */
const QUIET = ['linux-6.12-secretmem-1cpu', 'linux-7.3-pressure-1cpu-probes'];

describe.skipIf(SHARED_CAPTURES.length === 0)('captures beside the project (skipped without them)', () => {
  // Buddy level is exact there, so only the reading of the states is needed: no line is out of form.
  test.each(SHARED_CAPTURES)('%s: lines differ in their numbers alone', async (folder) => {
    const capture = (await findCapture(folder))!;
    for (const end of ENDS) {
      const snapshot = (await (end === 'before' ? capture.before() : capture.after()))!;
      const counts = countsOfSnapshot(snapshot);
      const printed = {
        buddyinfo: buddyinfoLines(counts),
        pagetypeinfo: pagetypeinfoLines(counts, snapshot),
        extfrag_index: extfragIndexLines(counts),
        unusable_index: unusableIndexLines(counts),
      };
      for (const [file, lines] of Object.entries(printed)) {
        const copy = await capture.copy(end, file);
        if (copy === null) continue;
        expect(lines.map(form)).toEqual(copy.trimEnd().split('\n').map(form));
      }
    }
  });

  test.each(SHARED_CAPTURES.filter((folder) => QUIET.some((name) => folder.endsWith(name))))(
    '%s: every line',
    async (folder) => {
      const metrics = await metricsOf(folder);
      expect(metrics.differing).toEqual([]);
      expect(metrics.equal).toBe(metrics.lines);
    },
  );
});

/** A line with its numbers taken out; a column keeps its width, and negative indices look like others. */
function form(line: string): string {
  return line.trimEnd().replace(/[ -]+[\d.-]+/g, (column) => ' '.padStart(column.length));
}

// What the captures do not show: counts that are capped, negative fractions, zones without free memory.

function zoneOf(name: string, freeBlocks: readonly number[]): ZoneCounts {
  const none = freeBlocks.map(() => 0);
  return { name, lists: [freeBlocks, none, none, none, none, none, none], blocks: [1, 2, 3, 4, 5, 6] };
}

test('indices divide as C does: -1000 is -1.000, -500 is " 0.-500" (§8.4)', () => {
  const few = [zoneOf('Normal', [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])];
  // B = 2, F = 2: 1000 - (1000 + 2000 / 2^k) / 2, from order 1 on: 0, 250, 375, ...
  expect(extfragIndexLines(few)).toEqual([
    'Node 0, zone   Normal -1.000  0.000  0.250  0.375  0.438  0.469  0.485  0.493  0.497  0.499  0.500 ',
  ]);
  // B = 1, F = 1: 1000 - (1000 + 1000 / 2) = -500.
  const one = [zoneOf('DMA32', [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])];
  expect(extfragIndexLines(one)[0]).toBe(
    'Node 0, zone    DMA32 -1.000  0.-500  0.-250  0.-125  0.-62  0.-31  0.-15  0.-07  0.-03  0.-01  0.000 ',
  );
  const empty = [zoneOf('DMA', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])];
  expect(unusableIndexLines(empty)[0]).toBe(`Node 0, zone      DMA ${'1.000 '.repeat(11)}`);
});

test('pagetypeinfo stops counting at 100000; 6.12 has no CMA (§8.6)', () => {
  const zones = [zoneOf('Normal', [100000, 99999, 123456, 0, 0, 0, 0, 0, 0, 0, 0])];
  const lines = pagetypeinfoLines(zones, { hasCma: false, freetypes: false });
  expect(lines[4]).toBe(
    `Node    0, zone   Normal, type    Unmovable >100000  99999 >100000 ${'     0 '.repeat(8)}`,
  );
  expect(lines.at(-2)).toBe(
    'Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic      Isolate ',
  );
  expect(lines.at(-1)).toBe(
    'Node 0, zone   Normal            1            2            3            4            6 ',
  );
});

test('every byte, headers included: the copy of a kernel at rest', async () => {
  const capture = (await findCapture(BUNDLED_SECRETMEM))!;
  const lines = pagetypeinfoLines(countsOfSnapshot(await capture.before()), {
    hasCma: true,
    freetypes: false,
  });
  const copy = readFileSync(`${BUNDLED_SECRETMEM}/before/pagetypeinfo`, 'utf8').split('\n');
  // Line 11 moved between copy and snapshot.
  expect(lines.filter((_, i) => i !== 10)).toEqual(copy.slice(0, -1).filter((_, i) => i !== 10));
});
