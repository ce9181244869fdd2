/** API level: from snapshot 1 and the requests alone, one step at a time and free-running. */

import { counted } from '../kernel/counted.js';
import type { Snapshot } from '../machine/snapshot.js';
import type { PageAllocator } from '../pagealloc/page-allocator.js';
import type { LoadedCapture } from './load-capture.js';
import type { Miss } from './recorded.js';
import { SimulatedCapture } from './simulated/simulated-capture.js';
import type { FlipsResult, SimulatedResult } from './validation.js';

export interface SimulatedLevel {
  readonly result: SimulatedResult;
  /** Null for a kernel without the series. */
  readonly flips: FlipsResult | null;
  readonly firstMiss: Miss | null;
  /** Sentences for the user, without a full stop. */
  readonly notes: readonly string[];
}

export async function simulatedLevel(loaded: LoadedCapture): Promise<SimulatedLevel> {
  const capture = new SimulatedCapture(loaded);
  const { oneStep, flips } = await capture.oneStep(loaded.events.length);
  const { equal, lists } = oneStep.comparePcpLists(pcpListsOf(loaded.after));
  const freeRunning = await capture.freeRunning();
  return {
    result: {
      allocations: oneStep.allocations,
      exact: oneStep.atHead + oneStep.reordered,
      atHead: oneStep.atHead,
      reordered: oneStep.reordered,
      missed: oneStep.missed,
      putRight: oneStep.putRight,
      silent: oneStep.silent,
      pcpLists: lists,
      pcpListsEqual: equal,
      failures: {
        recorded: oneStep.failedInRecording,
        model: oneStep.failedInRecording - oneStep.servedInModel,
      },
      freeRunning,
    },
    flips: loaded.before.freetypes ? flips.result() : null,
    firstMiss: oneStep.firstMiss,
    notes: capture.contradictions === 0 ? [] : [contradictionNote(capture.contradictions)],
  };
}

function contradictionNote(events: number): string {
  return `${counted(events, 'event')} made the model's lists contradict themselves: a page was freed there that it had free`;
}

/** The model as it is one step at a time, before an event. */
export async function modelBefore(loaded: LoadedCapture, at: number): Promise<PageAllocator> {
  return (await new SimulatedCapture(loaded).oneStep(at)).core.allocator;
}

function pcpListsOf(snapshot: Snapshot): ReadonlyMap<string, ArrayLike<number>> {
  return new Map(
    snapshot.pcps.flatMap(({ zone, cpu, lists }) =>
      lists.map(({ index, pfns }) => [`${zone}/${cpu}/${index}`, pfns] as const),
    ),
  );
}
