/** What a session refuses before it runs, and what it says about what it assumed. */

import { group } from '../kernel/counted.js';
import { EXIT, UserError } from '../kernel/errors.js';
import type { SessionOptions } from './session-options.js';
import type { Survey } from './survey.js';

/** Files of one call are of one machine (DESIGN §4): two recordings, each with a state of its own, are not. */
export function refuseTwoCaptures({ filesWithSnapshots }: Survey, { traces }: SessionOptions): void {
  if (filesWithSnapshots.size < 2) return;
  const [first, second] = [...filesWithSnapshots].sort((a, b) => a - b);
  throw new UserError(
    EXIT.doesNotFit,
    `${traces[first].name} and ${traces[second].name} are recordings of two machines`,
    { advice: 'replay them one by one' },
  );
}

/** A table of zeros would look like an answer. */
export function refuseNoRequests({ check }: Survey, { traces }: SessionOptions): void {
  const { allocations, frees } = check.result;
  if (allocations.served + allocations.failed + frees.reported > 0) return;
  const name = traces.map((trace) => trace.name).join(' + ');
  throw new UserError(EXIT.badInput, 'holds no mm_page_alloc and no mm_page_free event', {
    place: { file: name },
    advice: `see what it holds with 'mm-sim check ${traces[0].name}'`,
  });
}

export function refuseAmbiguousLine({ traces, untilLine }: SessionOptions): void {
  if (traces.length < 2 || untilLine === Number.POSITIVE_INFINITY) return;
  throw new UserError(EXIT.commandLine, `--until ${untilLine}: several traces have such a line`, {
    advice: 'give a time, such as 1.5s',
  });
}

/** What becomes of the pcp lists when the CPUs are not those of the recorded state (DESIGN §4). */
export function cpuNotes(recorded: number, simulated: number): string[] {
  if (simulated > recorded) {
    const more = simulated - recorded;
    return [
      `${more} more ${more === 1 ? 'CPU' : 'CPUs'} than in the recording, with empty pcp lists and no requests`,
    ];
  }
  if (simulated === recorded) return [];
  return [
    `${recorded} CPUs in the recording, ${simulated} here: the pcp lists of the others are drained first, and their requests come from those that stay`,
  ];
}

const SKIPPED_WORDS: Readonly<Record<string, string>> = {
  batchRepeats: 'frees told again by mm_page_free_batched',
  freesOfUnseenPages: 'freed pages that were handed out silently',
  freesAfterCompactionFree: 'pages that compaction took back',
  recordedPageTables: "page tables for the recorded kernel's own splits",
  freesOfFailedRequests: 'freed pages of requests that failed here',
};

/** One sentence for all that was not a request, with its count (DESIGN §4), and one for what was made up. */
export function skippedNotes(skipped: Readonly<Record<string, number>>): string[] {
  const parts = Object.entries(SKIPPED_WORDS)
    .filter(([key]) => skipped[key] > 0)
    .map(([key, words]) => `${group(skipped[key])} ${words}`);
  const notes = parts.length === 0 ? [] : [`left out, being no requests: ${parts.join('; ')}`];
  const { allocationsOverLivePages: lost } = skipped;
  if (lost > 0) {
    notes.push(
      `${group(lost)} ${lost === 1 ? 'page was' : 'pages were'} handed out while still live: the frees are missing in the trace and were made up`,
    );
  }
  return notes;
}
