/** Buddy level: the recorded replay from snapshot 1 to snapshot 2, and its lists against the kernel's. */

import { counted } from '../kernel/counted.js';
import type { PageAllocator } from '../pagealloc/page-allocator.js';
import { compareStates, type StateComparison } from './compare-states.js';
import type { LoadedCapture } from './load-capture.js';
import { runThroughSnapshots } from './middle-states.js';
import { type Miss, RecordedReplay } from './recorded.js';
import type { RecordedResult } from './validation.js';

export interface RecordedLevel {
  readonly result: RecordedResult;
  readonly states: StateComparison;
  readonly firstMiss: Miss | null;
  /** At the end; its lists are the model's. */
  readonly allocator: PageAllocator;
  /** Sentences for the user, without a full stop. */
  readonly notes: readonly string[];
}

export function newRecordedReplay({ machine, before, events, gfpBits }: LoadedCapture): RecordedReplay {
  return new RecordedReplay(machine, before, events, gfpBits);
}

export async function recordedLevel(loaded: LoadedCapture): Promise<RecordedLevel> {
  const replay = newRecordedReplay(loaded);
  const middle = await runThroughSnapshots(replay, loaded.events, loaded.capture.middle);
  const states = compareStates(replay.allocator, loaded.after);
  const { allocations, exact, bypasses, rotations, corrections } = replay;
  const { extfragRecorded, extfragEqual, firstMiss } = replay;
  return {
    result: {
      allocations,
      exact,
      inferred: { bypasses, rotations, corrections: corrections.vacated + corrections.retyped },
      freeLists: states.freeLists,
      freeListsEqual: states.freeListsEqual,
      listEntries: states.listEntries,
      listEntriesEqual: states.listEntriesEqual,
      pageblocks: states.pageblocks,
      pageblocksEqual: states.pageblocksEqual,
      extfrag: { recorded: extfragRecorded, equal: extfragEqual },
      middle: middle.map(({ snapshot, states: { listEntries, listEntriesEqual } }) => ({
        snapshot,
        listEntries,
        listEntriesEqual,
      })),
    },
    states,
    firstMiss,
    allocator: replay.allocator,
    notes: replay.damaged === 0 ? [] : [damageNote(replay.damaged)],
  };
}

function damageNote(lines: number): string {
  return `${counted(lines, 'line')} of the trace cannot be what happened on this machine: takings of pages in use, or frees of free ones`;
}
