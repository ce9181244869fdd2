/** Why requests failed, in words: the one table of them. JSON and CSV have the keys (DESIGN §5). */

import { counted, group } from '../kernel/counted.js';
import type { REASONS } from '../metrics/allocation.js';
import type { Run } from '../metrics/result.js';

type Reason = (typeof REASONS)[number];

const FAILURE_WORDS: { readonly [reason in Reason]: string } = {
  watermark: 'below the watermark',
  noBlock: 'no free block',
  contextForbidsFlip: 'context forbids flip',
  zeroRefused: '__GFP_ZERO refused',
  classNotServed: 'class not served',
  reserve: 'kept for a reserve',
  pageTable: 'no page table',
  exhausted: 'all pages handed out',
};

/** A reason as tables and sentences print it. */
export function reasonWords(reason: Reason): string {
  return FAILURE_WORDS[reason];
}

/** Failed requests with their reasons, for a sentence: '12 requests failed (no free block 10, no page table 2)'. */
export function failureWords(run: Run): string {
  const { total, byReason } = run.allocation.failed;
  if (total === 0) return 'no request failed';
  const reasons = seenReasons(byReason)
    .sort((a, b) => byReason[b] - byReason[a])
    .map((reason) => `${reasonWords(reason)} ${group(byReason[reason])}`);
  return `${counted(total, 'request')} failed (${reasons.join(', ')})`;
}

/** Reasons that occur, in the order of the results. */
export function seenReasons(counts: { readonly [reason in Reason]: number }): Reason[] {
  return (Object.keys(counts) as Reason[]).filter((reason) => counts[reason] > 0);
}

/** What to know of the words above where they occur: one sentence each. */
export function failureNotes(runs: readonly Run[]): string[] {
  const refused = runs.some(
    ({ allocation, shootdowns }) =>
      allocation.failed.byReason.classNotServed > 0 || shootdowns.flips.refused.classNotServed > 0,
  );
  return refused
    ? [
        `${FAILURE_WORDS.classNotServed}: the core has no pool for this class and migratetype; ` +
          "a mark with '&& migratetype == 0' takes unmovable pages alone.",
      ]
    : [];
}
