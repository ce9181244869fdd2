/** API level: from snapshot 1 and the requests alone, one step at a time and free-running. */

import type { LoadedCapture } from './load-capture.js';
import type { Miss } from './recorded.js';
import type { SimulatedResult } from './validation.js';

export interface SimulatedLevel {
  readonly result: SimulatedResult;
  readonly firstMiss: Miss | null;
}

export async function simulatedLevel(_loaded: LoadedCapture): Promise<SimulatedLevel> {
  return {
    result: {
      allocations: 0,
      exact: 0,
      atHead: 0,
      reordered: 0,
      missed: 0,
      silent: 0,
      pcpLists: 0,
      pcpListsEqual: 0,
      freeRunning: {
        sameBuddyEvents: 0,
        buddyinfoError: 0,
        pagetypeinfoError: 0,
        extfrag: { recorded: 0, predicted: 0 },
      },
    },
    firstMiss: null,
  };
}
