/**
 * Recorded direct maps: what was read from the page tables of a real kernel comes back row by row.
 * The captures lie beside the project; without them these tests are skipped.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { FLUSH_CAUSES } from '../../src/directmap/counts.js';
import { DirectMap } from '../../src/directmap/direct-map.js';
import { type DirectMapRun, pfnOfPage, type Snapshot } from '../../src/machine/snapshot.js';
import { readStateFile } from '../../src/machine/state-file.js';
import { pcMachine } from './machines.js';

const CAPTURES = fileURLToPath(new URL('../../../shared/captures/', import.meta.url));

const files = existsSync(CAPTURES)
  ? readdirSync(CAPTURES, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\/state\d*\.txt\.gz$/.test(file))
      .sort()
  : [];

/** Those whose direct map changes by set_direct_map_* calls alone, as far as they were recorded. */
const REPLAYED = [
  'linux-6.12-secretmem-1cpu',
  'linux-7.3-secretmem-1cpu',
  'linux-7.3-secretmem-2cpu',
  'linux-7.3-freetype-split1g-1cpu',
  'linux-7.3-freetype-mixed-2cpu',
  'linux-7.3-freetype-zones-1cpu',
].filter((name) => files.some((file) => file.startsWith(name)));

/** The machine gives no more than CPUs and ceiling here. */
function boot(snapshot: Snapshot): DirectMap {
  return new DirectMap(pcMachine(0xbffe0000, 5), snapshot);
}

describe.skipIf(files.length === 0)('captures beside the project (skipped without them)', () => {
  test('are there', () => {
    expect(files.length).toBeGreaterThan(0);
  });

  test.each(files)('%s: rows in, the same rows out', async (file) => {
    const snapshot = await readStateFile(CAPTURES + file);
    expect(snapshot.directMap.length).toBeGreaterThan(0);
    const map = boot(snapshot);
    expect([...map.runs()]).toEqual(snapshot.directMap);
    const leaves = { '4K': 0, '2M': 0, '1G': 0 };
    for (const { level, bits, nx, pages } of snapshot.directMap) {
      if (level === 'none' || (bits === 0 && !nx)) continue;
      leaves[level] += pages / { '4K': 1, '2M': 512, '1G': 262144 }[level];
    }
    expect(map.census()).toEqual(leaves);
  });

  // What the recorded kernel asked of its direct map, asked of the model: the same splits, the same
  // flushes, the same leaves at the end. Table pages are left out: only a whole replay knows them.
  test.each(REPLAYED)('%s: its calls give its splits, flushes and leaves', async (name) => {
    const before = await readStateFile(`${CAPTURES}${name}/before/state.txt.gz`);
    const after = await readStateFile(`${CAPTURES}${name}/after/state.txt.gz`);
    const map = boot(before);
    const recorded = replayCalls(map, before, `${CAPTURES}${name}/trace.txt.gz`);
    const { counts } = map;
    const delta = (event: string) => (after.vmevents.get(event) ?? 0) - (before.vmevents.get(event) ?? 0);
    expect(recorded.calls).toBeGreaterThan(0);
    expect(counts.level2Splits).toBe(delta('direct_map_level2_splits'));
    expect(counts.level3Splits).toBe(delta('direct_map_level3_splits'));
    expect(counts.byCause[FLUSH_CAUSES.indexOf('split')]).toBe(recorded.flushAll);
    expect(counts.fullFlushes + counts.rangedFlushes).toBe(recorded.flushAll + recorded.flushRange);
    expect(withoutTables(map.runs())).toEqual(withoutTables(after.directMap));
  });
});

interface Recorded {
  calls: number;
  flushAll: number;
  flushRange: number;
}

/** Makes the recorded calls between the two snapshots; ranges of the direct map are flushed as recorded. */
function replayCalls(map: DirectMap, snapshot: Snapshot, file: string): Recorded {
  const recorded = { calls: 0, flushAll: 0, flushRange: 0 };
  const low48 = (digits: string) => Number.parseInt(digits.slice(-12), 16);
  const pageOf = (line: string) => pfnOfPage(low48(/page=0x(\w+)/.exec(line)![1]), snapshot);
  let inside = false;
  for (const line of gunzipSync(readFileSync(file)).toString('latin1').split('\n')) {
    // Snapshots 3 and on lie between these two.
    if (line.includes('mm-sim: snapshot 1')) inside = true;
    if (line.includes('mm-sim: snapshot 2')) inside = false;
    if (!inside) continue;
    if (line.includes(' set_direct_map_invalid: ')) {
      map.setDirectMapInvalid(pageOf(line));
      recorded.calls++;
    } else if (line.includes(' set_direct_map_default: ')) {
      map.setDirectMapDefault(pageOf(line));
      recorded.calls++;
    } else if (line.includes(' set_direct_map_valid: ')) {
      const [, pages, valid] = / nr=(\d+) valid=(\d)/.exec(line)!;
      map.setDirectMapValid(pageOf(line), Number(pages), valid === '1');
      recorded.calls++;
    } else if (line.includes(' flush_tlb_kernel_range: ')) {
      const [, start, end] = / start=0x(\w+) end=0x(\w+)/.exec(line)!;
      const pfn = (low48(start) - snapshot.pageOffset) / 4096;
      map.flushKernelRange(pfn, (low48(end) - low48(start)) / 4096, 'other');
      recorded.flushRange++;
    } else if (line.includes(' flush_tlb_all: ')) {
      recorded.flushAll++;
    }
  }
  return recorded;
}

function withoutTables(runs: Iterable<DirectMapRun>): DirectMapRun[] {
  return [...runs].map((run) => ({ ...run, pageTable: 0 }));
}
