/**
 * The replays from requests on event streams as no kernel would emit them: they end, whatever a line says,
 * and every request is counted once.
 */

import { expect, test } from 'vitest';
import { loadCapture } from '../../src/validate/load-capture.js';
import { SimulatedCapture } from '../../src/validate/simulated/simulated-capture.js';
import { CaptureEvents } from '../../src/validate/whole-trace.js';
import { damaged, seeded } from './damaged-events.js';

const loaded = await loadCapture({ path: 'traces/linux-7.3-freetype-fill-1cpu', withoutProbes: false });

test.each([
  [1, 0.001],
  [2, 0.01],
  [3, 0.05],
])('seed %i, %f of the lines damaged', async (seed, chance) => {
  const { markers } = loaded.events;
  const events = Object.assign(new CaptureEvents(1, markers), damaged(loaded.events, chance, seeded(seed)));
  const capture = new SimulatedCapture({ ...loaded, events });
  const { oneStep } = await capture.oneStep(events.length);
  expect(oneStep.atHead + oneStep.reordered + oneStep.missed).toBe(oneStep.allocations);
  expect(oneStep.missed).toBeGreaterThan(0);
  expect((await capture.freeRunning()).sameBuddyEvents).toBeLessThan(11_310);
});
