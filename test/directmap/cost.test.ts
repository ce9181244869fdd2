/** IPIs and derived time: direct-map-and-rivals §3.2 and §5, worked by hand. */

import { expect, test } from 'vitest';
import { COST_PARAMETERS, COST_PRESETS, derivedCost } from '../../src/directmap/cost.js';
import { DirectMapCounts } from '../../src/directmap/counts.js';
import { ipisFor } from '../../src/directmap/ipis.js';

function counts(): DirectMapCounts {
  const counts = new DirectMapCounts();
  counts.fullFlushes = 3;
  counts.rangedFlushes = 10;
  counts.pagesFlushed = 40;
  counts.cpaRangedFlushes = 2;
  counts.cpaPagesFlushed = 5;
  counts.level2Splits = 2;
  counts.level3Splits = 1;
  counts.entriesChanged = 50;
  return counts;
}

test('IPIs: every flush goes to all CPUs but one; INVLPGB leaves cpa_flush by page', () => {
  expect([1, 8, 64, 256].map((cpus) => ipisFor(counts(), cpus, false))).toEqual([0, 91, 819, 3315]);
  expect([1, 8, 64, 256].map((cpus) => ipisFor(counts(), cpus, true))).toEqual([0, 14, 126, 510]);
});

test('§5, preset mid, 4 CPUs', () => {
  expect(derivedCost(counts(), 4, false, COST_PRESETS.mid)).toEqual({
    label: 'derived',
    // 13 flushes x (1000 + 3 x 200), 3 x 500, 40 x 100, 3 splits x 1000, 50 entries x 20.
    initiatorNs: 20800 + 1500 + 4000 + 3000 + 1000,
    // 3 CPUs x (13 x 1000 + 3 x 500 + 40 x 100).
    stolenNs: 3 * 18500,
  });
});

test('§5, preset low, 4 CPUs with INVLPGB: only two flushes interrupt', () => {
  expect(derivedCost(counts(), 4, true, COST_PRESETS.low)).toEqual({
    label: 'derived',
    initiatorNs: 2 * 800 + 300 + 2000 + 1500 + 500,
    stolenNs: 3 * (2 * 300 + 5 * 50),
  });
});

test('one CPU: no IPI, nothing stolen', () => {
  expect(derivedCost(counts(), 1, false, COST_PRESETS.high)).toEqual({
    label: 'derived',
    initiatorNs: 3000 + 8000 + 6000 + 2500,
    stolenNs: 0,
  });
});

test('presets are the columns of the one table', () => {
  for (const { key, ns } of COST_PARAMETERS) {
    expect([COST_PRESETS.low[key], COST_PRESETS.mid[key], COST_PRESETS.high[key]]).toEqual(ns);
    expect(ns[0]).toBeLessThan(ns[1]);
    expect(ns[1]).toBeLessThan(ns[2]);
  }
});
