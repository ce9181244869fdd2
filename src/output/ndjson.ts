/** One run a line, each line a whole result with the head of all: a cut file loses one run, not its meaning. */

import { makeResult, type Result, type Run } from '../metrics/result.js';

export function renderNdjson(result: Result): string {
  return result.runs.map((run) => ndjsonLine(result, run)).join('');
}

/** For those who write a run as soon as it is there. */
export function ndjsonLine(head: Omit<Result, 'runs'>, run: Run): string {
  return `${JSON.stringify(makeResult(head, [run]))}\n`;
}
