/** What the replay counts of requests, and what it samples; filled by replay/, read by registry.ts. */

import { NR_CLASSES } from '../kernel/classes.js';
import { NR_PAGE_ORDERS } from '../kernel/orders.js';

export class Accounting {
  /** Allocation requests of the trace that reached the core; nested ones are not in it. */
  requests = 0;
  served = 0;
  failed = 0;
  /** By index of FAILURE_NAMES. */
  readonly failedByReason = new Float64Array(16);
  readonly failedByOrder = new Float64Array(NR_PAGE_ORDERS);
  /** Requests that had failed in the recording. */
  failedInRecording = 0;
  freedPages = 0;
  livePages = 0;
  peakPages = 0;
  pagesServed = 0;
  readonly classRequests = new Float64Array(NR_CLASSES);
  readonly classServed = new Float64Array(NR_CLASSES);
  readonly classFailed = new Float64Array(NR_CLASSES);
  readonly classLivePages = new Float64Array(NR_CLASSES);
  readonly classPeakPages = new Float64Array(NR_CLASSES);
  /** Pages served by class. */
  readonly classPages = new Float64Array(NR_CLASSES);
  /** Page-table pages that the core under test asked for itself. */
  nestedPageTables = 0;
  nestedDepthMax = 0;
  nestedFailed = 0;
  /** Fewest wholly free 2M blocks at the start and after any request; -1 before the start. */
  free2MMin = -1;
  /** Most free pages that the asker of a failed request could not use because of their class. */
  strandedAtFailures = 0;
  /** Not requests, each under its name (DESIGN §4), with how many events. */
  readonly skipped: Record<string, number> = {
    batchRepeats: 0,
    freesOfUnseenPages: 0,
    freesAfterCompactionFree: 0,
    recordedPageTables: 0,
    freesOfFailedRequests: 0,
    allocationsOverLivePages: 0,
  };
}
