/** Long work cut into slices, so that Ctrl-C is heard in between (DESIGN §2: within a second). */

import { setImmediate } from 'node:timers/promises';

const SLICE_EVENTS = 1 << 16;

/** Calls `run` for all events from one index to another, piece by piece. */
export async function inSlices(
  from: number,
  to: number,
  run: (from: number, to: number) => void,
): Promise<void> {
  for (let at = from; at < to; at += SLICE_EVENTS) {
    run(at, Math.min(to, at + SLICE_EVENTS));
    await setImmediate();
  }
}
