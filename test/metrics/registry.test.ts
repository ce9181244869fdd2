import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/kernel/errors.js';
import type { Metric } from '../../src/metrics/metric.js';
import { findMetric, METRICS } from '../../src/metrics/registry.js';
import { readRun } from '../../src/metrics/result.js';
import { flattenMetric } from '../../src/metrics/values.js';
import { baselineInputs, freetypeInputs, freetypeRun } from '../output/fixture.js';

const metrics = METRICS as readonly Metric[];

test('DESIGN §5: the keys, in their order', () => {
  expect(metrics.map(({ key }) => key).join('\n')).toMatchInlineSnapshot(`
    "allocation.requests
    allocation.served
    allocation.failed.total
    allocation.failed.byReason
    allocation.failed.byOrder
    allocation.failedInRecording
    allocation.freedPages
    allocation.livePages
    allocation.peakPages
    allocation.bytesServed
    allocation.byClass
    allocation.nested.pageTables
    allocation.nested.depthMax
    allocation.nested.failed
    allocation.zeroedPages
    work.pcpRefills
    work.pcpDrains
    work.zoneLockTakes
    work.listSteps
    work.pagesMigrated
    work.compactionRuns
    work.compactionWanted
    fragmentation.freePages.total
    fragmentation.freePages.byOrder
    fragmentation.freePages.byFreetype
    fragmentation.zones
    fragmentation.pageblocks.byFreetype
    fragmentation.pageblocks.mixed
    fragmentation.fallbacks.claims
    fragmentation.fallbacks.steals
    fragmentation.fallbacks.byTypes
    fragmentation.extfrag.all
    fragmentation.extfrag.fragmenting
    fragmentation.extfrag.forUnmovable
    fragmentation.extfrag.unmovableIntoMovable
    fragmentation.free2M.now
    fragmentation.free2M.best
    fragmentation.free2M.min
    fragmentation.unmovableShare
    fragmentation.stranded.pages
    fragmentation.stranded.peakPages
    fragmentation.stranded.atFailures
    probe.tried
    probe.served
    probe.failed.byReason
    splits.level2
    splits.level3
    splits.pageTablePages
    splits.collapses
    splits.leaves.before
    splits.leaves.after
    splits.share
    splits.nonGlobal2M
    shootdowns.flushes
    shootdowns.full
    shootdowns.ranged
    shootdowns.pagesFlushed
    shootdowns.byCause
    shootdowns.flips.toUnmapped.operations
    shootdowns.flips.toUnmapped.blocks
    shootdowns.flips.toMapped.operations
    shootdowns.flips.toMapped.blocks
    shootdowns.flips.refused
    shootdowns.ipis
    shootdowns.perGiB.flushes
    shootdowns.perGiB.markedPages
    shootdowns.window.pages
    shootdowns.window.pageSeconds
    cost.preset
    cost.prices
    cost.derivedNs.initiator
    cost.derivedNs.stolen"
  `);
});

describe('every metric', () => {
  test('has a key of its own', () => {
    expect(new Set(metrics.map(({ key }) => key)).size).toBe(metrics.length);
  });

  test.each(metrics.map((metric) => [metric.key, metric] as const))(
    '%s says what it is and where it comes from',
    (_, metric) => {
      expect(metric.label).not.toBe('');
      expect(metric.unit).not.toBe('');
      expect(metric.formula).not.toBe('');
      expect(metric.source).toMatch(/^(mm-sim|[a-z-]+ §\d[\d.]*(, ([a-z-]+ )?§\d[\d.]*)*)$/);
    },
  );

  // A table that trusts the shape would print '[object Object]' otherwise.
  test.each(metrics.map((metric) => [metric.key, metric] as const))(
    '%s has the shape that it claims',
    (_, metric) => {
      for (const value of [
        metric.read(freetypeInputs({ probe: true })),
        metric.read(baselineInputs({ failed: 3 })),
      ]) {
        if (value === null) continue;
        if (metric.shape === undefined) expect(Number.isSafeInteger(value)).toBe(true);
        else if (metric.shape === 'word') expect(typeof value).toBe('string');
        else if (metric.shape === 'byOrder') expect(value).toHaveLength(11);
        else if (metric.shape === 'records') expect(Array.isArray(value)).toBe(true);
        else expect(Object.keys(value).length).toBeGreaterThan(0);
      }
    },
  );

  test.each(metrics.map((metric) => [metric.key, metric] as const))(
    '%s flattens to integers, but for words',
    (_, metric) => {
      const values = flattenMetric(freetypeRun({ probe: true }), metric);
      for (const { value, unit } of values) {
        expect(unit).not.toBe('');
        if (metric.shape !== 'word' && value !== null) expect(Number.isSafeInteger(value)).toBe(true);
      }
    },
  );
});

describe('reads', () => {
  const run = freetypeRun({ probe: true, failed: 12 });
  const base = readRun(baselineInputs({ failed: 12 }), { name: 'baseline', params: {}, spec: 'baseline' });

  test('reasons and orders sum to the failures', () => {
    const { total, byReason, byOrder } = run.allocation.failed;
    expect(total).toBe(12);
    expect(Object.values(byReason).reduce((sum, count) => sum + count, 0)).toBe(12);
    expect(byOrder.reduce((sum, count) => sum + count, 0)).toBe(12);
    expect(byReason.contextForbidsFlip).toBe(12);
  });

  test('bytes are pages of 4096', () => {
    expect(run.allocation.bytesServed).toBe((1_206_016 - 12 * 512) * 4096);
  });

  test('free pages: total, by order and by freetype agree', () => {
    const { total, byOrder, byFreetype } = run.fragmentation.freePages;
    expect(byOrder.reduce((sum, pages) => sum + pages, 0)).toBe(total);
    expect(Object.values(byFreetype).reduce((sum, pages) => sum + pages, 0)).toBe(total);
    expect(byFreetype['unmovable+unmapped']).toBe(2_168);
  });

  // 3 claims and 5 steals for unmovable from movable, 2 steals for unmovable from reclaimable, 4 claims for
  // movable from unmovable at order 9, 1 claim for reclaimable from movable at order 8. Claims at order 9
  // and 10 do not fragment.
  test('field §3: extfrag counts are nested, each in the one before', () => {
    expect(base.fragmentation.extfrag).toEqual({
      all: 15,
      fragmenting: 8,
      forUnmovable: 7,
      unmovableIntoMovable: 5,
    });
    expect(base.fragmentation.fallbacks).toEqual({
      claims: 8,
      steals: 7,
      byTypes: [
        { from: 'unmovable', to: 'movable', order: 9, count: 4 },
        { from: 'movable', to: 'unmovable', order: 3, count: 5 },
        { from: 'movable', to: 'unmovable', order: 10, count: 3 },
        { from: 'movable', to: 'reclaimable', order: 8, count: 1 },
        { from: 'reclaimable', to: 'unmovable', order: 0, count: 2 },
      ],
    });
  });

  test("2M blocks: best is counted by zone, the fewest is the replay's own count", () => {
    expect(base.fragmentation.free2M).toEqual({ now: 7, best: 601, min: 3 });
    const inputs = baselineInputs();
    // A core whose memory nobody looked at: there is the end alone.
    inputs.accounting.free2MMin = -1;
    expect(readRun(inputs, base.core).fragmentation.free2M.min).toBe(7);
  });

  test('shares are thousandths, truncated', () => {
    expect(base.fragmentation.unmovableShare).toEqual({ '2M': 152, '32M': 627, '1G': 1000 });
    expect(base.splits.share).toEqual({ '2M': 202, '1G': 666 });
  });

  test('stranded pages: null for a core without a pool, else what the pool says', () => {
    expect(base.fragmentation.stranded).toBeNull();
    expect(run.fragmentation.stranded).toEqual({ pages: 2_168, peakPages: 5_120, atFailures: 1_200 });
  });

  test('probe: null unless asked for', () => {
    expect(base.probe).toBeNull();
    expect(run.probe).toMatchObject({
      tried: 412,
      served: 400,
      failed: { byReason: { watermark: 2, noBlock: 10 } },
    });
  });

  test('flushes: causes sum to flushes, and both to full + ranged', () => {
    for (const { shootdowns } of [run, base]) {
      expect(Object.values(shootdowns.byCause).reduce((sum, count) => sum + count, 0)).toBe(
        shootdowns.flushes,
      );
      expect(shootdowns.full + shootdowns.ranged).toBe(shootdowns.flushes);
    }
  });

  // direct-map-and-rivals §3.2
  test('IPIs: every other CPU, at every flush; none on a machine of one', () => {
    expect(base.shootdowns.ipis).toEqual({ 1: 0, 8: 7_318 * 7, 64: 7_318 * 63, 256: 7_318 * 255 });
  });

  test('flushes per GiB: null without marked pages, never a division by 0', () => {
    expect(base.shootdowns.perGiB).toEqual({ flushes: 313_869, markedPages: 6_112 });
    const inputs = baselineInputs();
    inputs.accounting.classPages.fill(0);
    expect(readRun(inputs, base.core).shootdowns.perGiB).toEqual({ flushes: null, markedPages: 0 });
  });

  test('classes: those that occur, under their names', () => {
    expect(base.allocation.byClass).toEqual({
      unmapped: { requests: 6_112, served: 6_112, failed: 0, peakPages: 5_000 },
    });
  });

  test('derived time has low, middle and high, and names its preset', () => {
    expect(base.cost.preset).toBe('x86-64');
    expect(base.cost.prices.ipiBase).toEqual({ low: 500, mid: 1_000, high: 3_000 });
    expect(Object.keys(base.cost.prices)).toEqual([
      'invlpg',
      'full',
      'ipiBase',
      'ipiPerCpu',
      'irq',
      'split',
      'entry',
    ]);
    expect(findMetric('cost.prices').formula).toContain('full 100/500/1000 (assumed)');
    const { low, mid, high } = base.cost.derivedNs.initiator[64];
    expect(low).toBeLessThan(mid);
    expect(mid).toBeLessThan(high);
    expect(base.cost.derivedNs.stolen[1]).toEqual({ low: 0, mid: 0, high: 0 });
  });
});

describe('a key that does not exist', () => {
  const refusal = (key: string) => {
    try {
      findMetric(key);
    } catch (error) {
      if (error instanceof UserError) return `${error.exitCode}: ${error.message}; ${error.advice}`;
    }
    return 'found';
  };

  test.each([
    [
      'splits.levl2',
      `2: there is no metric 'splits.levl2'; did you mean 'splits.level2'? 'mm-sim list metrics' names them all`,
    ],
    [
      'splits.level2.x',
      `2: there is no metric 'splits.level2.x'; did you mean 'splits.level2'? 'mm-sim list metrics' names them all`,
    ],
    ['nonsense', `2: there is no metric 'nonsense'; 'mm-sim list metrics' names them all`],
    ['', `2: there is no metric ''; 'mm-sim list metrics' names them all`],
  ])('%s', (key, line) => {
    expect(refusal(key)).toBe(line);
  });

  test.each(['splits.level2', 'shootdowns.ipis.64', 'allocation.failed.byReason.noBlock'])(
    '%s exists',
    (key) => {
      expect(refusal(key)).toBe('found');
    },
  );
});
