/** What the bundled captures prove: the model counts what the kernels counted, and freetype does what it promises. */

import { describe, expect, test } from 'vitest';
import { CORES } from '../../src/cores/registry.js';
import { PLAIN } from '../../src/kernel/classes.js';
import { DEFAULT_COST_PRESET } from '../../src/metrics/cost.js';
import type { Result } from '../../src/metrics/result.js';
import type { Core, CoreParts } from '../../src/pagealloc/core.js';
import { runSession } from '../../src/replay/session.js';
import { BUILD, bundledText, FILL, ROOT, SECRETMEM, Workspace } from './program.js';

const at = new Workspace();

async function resultOf(command: string): Promise<Result> {
  return JSON.parse((await at.run(`${command} --format json`)).stdout);
}

describe(`${SECRETMEM}: memfd_secret as Linux has it`, () => {
  const compared = resultOf('compare baseline freetype');

  test('the baseline splits and flushes as the recorded kernel did; freetype hardly ever', async () => {
    const { recorded, runs } = await compared;
    const [baseline, freetype] = runs;
    expect(recorded).toMatchObject({ splits: { level2: 11 }, shootdowns: { ranged: 15_424, full: 11 } });
    expect(baseline).toMatchObject({
      splits: { level2: 11 },
      shootdowns: { ranged: 15_424, full: 11, flushes: 15_435 },
    });
    expect(freetype.shootdowns.flushes * 100).toBeLessThanOrEqual(baseline.shootdowns.flushes);
    expect(freetype.splits.level2).toBe(0);
  });

  test('every marked request is served, by both', async () => {
    const { runs } = await compared;
    for (const { allocation } of runs) {
      expect(allocation.byClass.unmapped).toMatchObject({ requests: 15_424, served: 15_424, failed: 0 });
      expect(allocation.failed.total).toBe(0);
    }
  });

  test('with the pages where the kernel placed them, the same leaves split', async () => {
    const { runs } = await resultOf(`replay ${SECRETMEM} --placement recorded`);
    expect(runs[0]).toMatchObject({ splits: { level2: 11 }, shootdowns: { ranged: 15_424, full: 11 } });
  });
});

test(`${FILL}: freetype flips the pageblocks that the patched kernel flipped, there and back`, async () => {
  await at.run(`replay ${FILL} --core freetype --events flips.ndjson`);
  const ours = at
    .read('flips.ndjson')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ event }) => event === 'flip')
    .map(({ pfn, pages, direction }) => `${direction} 0x${pfn.toString(16)} ${pages / 512}`);
  const kernels = [
    ...bundledText(FILL).matchAll(/: flip: .* pfn=(0x[0-9a-f]+) blocks=(\d+) mapped=([01])/g),
  ].map(([, pfn, blocks, mapped]) => `${mapped === '1' ? 'toMapped' : 'toUnmapped'} ${pfn} ${blocks}`);
  expect(kernels).toHaveLength(12);
  expect(kernels.filter((flip) => flip.startsWith('toMapped'))).toHaveLength(6);
  expect(ours).toEqual(kernels);
});

// freetype-series, invariant 22: where nobody asks for unmapped pages, the patched kernel is the old one.
describe('without a marked request, freetype is the baseline', () => {
  test.each([SECRETMEM, FILL, BUILD, 'short.csv'])('%s', async (trace) => {
    const baseline = await choicesOf('baseline', trace);
    const freetype = await choicesOf('freetype', trace);
    expect(baseline.length).toBeGreaterThan(8);
    expect(freetype).toEqual(baseline);
  });
});

/** The pfns that a core gives to a trace's requests, with the classes of all of them taken off. */
async function choicesOf(name: string, trace: string): Promise<Float64Array> {
  const pfns: number[] = [];
  const entry = CORES.find(({ info }) => info.name === name)!;
  const parameters = Object.fromEntries(
    Object.entries(entry.info.parameters).map(([key, info]) => [key, info.default]),
  );
  await runSession({
    version: 'test',
    traces: [{ path: `${ROOT}traces/${trace}`, name: trace }],
    cores: [
      {
        entry: {
          ...entry,
          create: (parts: CoreParts, values) => plainOnly(entry.create(parts, values), pfns),
        },
        parameters,
        spec: name,
      },
    ],
    machine: {},
    placement: 'simulated',
    marks: [],
    untilLine: Number.POSITIVE_INFINITY,
    untilNs: Number.POSITIVE_INFINITY,
    tlbCpus: [1],
    costPreset: DEFAULT_COST_PRESET,
    writeEvent: null,
  });
  return Float64Array.from(pfns);
}

function plainOnly(core: Core, pfns: number[]): Core {
  const alloc = core.alloc.bind(core);
  const free = core.free.bind(core);
  core.alloc = (request) => {
    const pfn = alloc({ ...request, pageClass: PLAIN, isMarked: false });
    pfns.push(pfn);
    return pfn;
  };
  core.free = (pfn, order, context) => free(pfn, order, { ...context, pageClass: PLAIN });
  return core;
}
