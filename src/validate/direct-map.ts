/**
 * The model's direct map against a recorded one, driven by the recorded direct-map operations alone.
 *
 *   directMapResult({ events, machine, before, after, vmeventDelta }): DirectMapResult
 *
 * `before` and `after` are the snapshots at the two markers; `vmeventDelta` is capture.json's, and what it
 * lacks is the difference of the snapshots' vmevents.
 *
 * Recorded are the splits that the kernel counted, and the flushes that show that they are of the direct map
 * (recorded-flushes.ts); all others are `otherFlushes`. The model's are those of direct-map-replay.ts.
 * Leaves are compared page by page: size of the leaf, and all bits that a row has, but not which page
 * holds a table. set_memory_*() carry no address: the splits and leaves of these calls are the kernel's alone.
 */

import type { Machine } from '../machine/machine.js';
import type { Snapshot } from '../machine/snapshot.js';
import type { EventColumns } from '../trace/columns.js';
import { compareLeaves } from './compare-leaves.js';
import { DirectMapReplay } from './direct-map-replay.js';
import { RecordedFlushes } from './recorded-flushes.js';
import type { DirectMapResult } from './validation.js';

export interface DirectMapInput {
  readonly events: EventColumns;
  readonly machine: Machine;
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly vmeventDelta: Readonly<Record<string, number>>;
}

export function directMapResult(input: DirectMapInput): DirectMapResult {
  const { events, machine, before, after } = input;
  const recorded = new RecordedFlushes(events, before.pageOffset, machine.tlbFlushCeiling);
  const model = new DirectMapReplay(machine, before, events, recorded);
  model.run();
  return {
    level2Splits: { recorded: recordedSplits(input, 2), model: model.level2Splits },
    level3Splits: { recorded: recordedSplits(input, 3), model: model.level3Splits },
    fullFlushes: { recorded: recorded.full, model: model.fullFlushes },
    rangedFlushes: { recorded: recorded.ranged, model: model.rangedFlushes },
    otherFlushes: recorded.other,
    ...compareLeaves(after.directMap, model.directMap.runs()),
  };
}

function recordedSplits({ before, after, vmeventDelta }: DirectMapInput, level: 2 | 3): number {
  const event = `direct_map_level${level}_splits`;
  return vmeventDelta[event] ?? (after.vmevents.get(event) ?? 0) - (before.vmevents.get(event) ?? 0);
}
