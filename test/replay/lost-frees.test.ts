/** What a replay does with traces that lost events, and what it credits a core with. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { chooseCore } from '../../src/cores/choose-core.js';
import { DEFAULT_COST_PRESET } from '../../src/metrics/cost.js';
import type { Run } from '../../src/metrics/result.js';
import { runSession } from '../../src/replay/session.js';

const folder = mkdtempSync(join(tmpdir(), 'mm-sim-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function replay(
  rows: readonly string[],
  core: string,
  placement: 'simulated' | 'recorded',
): Promise<Run> {
  const path = join(folder, 'trace.csv');
  writeFileSync(path, `op,pfn,order,migratetype,gfp,class\n${rows.join('\n')}\n`);
  const { result } = await runSession({
    version: 'test',
    traces: [{ path, name: 'trace.csv' }],
    cores: [chooseCore(core)],
    machine: {},
    placement,
    marks: [],
    untilLine: Number.POSITIVE_INFINITY,
    untilNs: Number.POSITIVE_INFINITY,
    tlbCpus: [1],
    costPreset: DEFAULT_COST_PRESET,
    writeEvent: null,
  });
  return result.runs[0];
}

// The page once went to its list twice, and no walk came out of that list again.
test.each(['simulated', 'recorded'] as const)(
  'a page allocated twice without a free, %s',
  async (placement) => {
    const twice = ['alloc,20000,0,0,,', 'alloc,20000,0,0,,', 'free,20000,0,,,'];
    const { allocation } = await replay(twice, 'baseline', placement);
    expect(allocation).toMatchObject({ requests: 2, served: 2, freedPages: 2, livePages: 0 });
  },
);

test('what the recorded task never got is no service of the core', async () => {
  const failed = ['alloc,20000,0,0,,', 'fail,,4,0,,'];
  const { allocation } = await replay(failed, 'baseline', 'simulated');
  expect(allocation).toMatchObject({ requests: 2, served: 2, failedInRecording: 1, bytesServed: 4096 });
});

test('stranded pages count the whole pool, pcp lists too, at any time', async () => {
  const rows = ['alloc,20000,0,0,GFP_USER,unmapped', 'alloc,20001,0,0,GFP_USER,unmapped', 'free,20000,0,,,'];
  const { fragmentation } = await replay(rows, 'freetype', 'simulated');
  // One block of 512 was flipped; the most were free right after the first request took its page.
  expect(fragmentation.stranded).toEqual({ pages: 511, peakPages: 511, atFailures: 0 });
});

test('pages whose flush is owed: until a full flush, or until they are mapped again', async () => {
  const unmapped = (pfn: number) => `alloc,${pfn},0,0,GFP_USER,unmapped`;
  const rows = [unmapped(20000), 'free,20000,0,,,', unmapped(20001)];
  const never = await replay(rows, 'baseline:flush=never', 'simulated');
  expect(never.shootdowns.window.pages).toBe(2);
  // The split of the first page flushes all, before the page itself is owed.
  expect(never.shootdowns).toMatchObject({ full: 1, ranged: 0 });
});
