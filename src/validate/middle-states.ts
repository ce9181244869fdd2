/**
 * Snapshots between the two ends (captures/FREETYPE.md, `middle/`): a replay stops at the trace line of each,
 * is compared, and goes on. One pass over the events, whatever the number of snapshots.
 *
 *   const middle = await runThroughSnapshots(replay, events, capture.middle);
 *
 * runs the replay from the first event to the last. `replay` is any that has an allocator and goes from one
 * event to another: RecordedReplay as it is, a simulated one as `{ allocator: core.allocator, run }`.
 */

import { EXIT, UserError } from '../kernel/errors.js';
import type { MiddleState } from '../machine/capture.js';
import type { PageAllocator } from '../pagealloc/page-allocator.js';
import { compareStates, type StateComparison } from './compare-states.js';
import { inSlices } from './slices.js';
import type { CaptureEvents } from './whole-trace.js';

export interface SteppedReplay {
  readonly allocator: PageAllocator;
  /** Applies the events from one index up to another, exclusive. */
  run(from: number, to: number): void;
}

export interface MiddleComparison {
  readonly snapshot: number;
  readonly states: StateComparison;
}

/** In the order of the trace. A snapshot whose marker the trace lacks cannot be placed: UserError. */
export async function runThroughSnapshots(
  replay: SteppedReplay,
  events: CaptureEvents,
  middle: readonly MiddleState[],
): Promise<MiddleComparison[]> {
  const stops = stopsOf(events, middle);
  const comparisons: MiddleComparison[] = [];
  let done = 0;
  for (const { at, state } of stops) {
    await inSlices(done, at, (from, to) => replay.run(from, to));
    done = at;
    comparisons.push({
      snapshot: state.number,
      states: compareStates(replay.allocator, await state.read()),
    });
  }
  await inSlices(done, events.length, (from, to) => replay.run(from, to));
  return comparisons;
}

function stopsOf(
  events: CaptureEvents,
  middle: readonly MiddleState[],
): { readonly at: number; readonly state: MiddleState }[] {
  const placed = middle.map((state) => {
    const marker = events.markers.find(({ number }) => number === state.number);
    if (marker !== undefined) return { at: marker.at, state };
    throw new UserError(
      EXIT.badInput,
      `the trace has no line 'mm-sim: snapshot ${state.number}', whose state capture.json lists`,
      { advice: 'copy the capture again, or take the state out of state.middle of its capture.json' },
    );
  });
  return placed.sort((a, b) => a.at - b.at);
}
