/** Sets of pages as ascending ranges that do not touch, and the three operations on them. */

import type { PfnRange } from './machine.js';

/** Ascending, empty ranges dropped, touching and overlapping ones merged. */
export function normalizeRanges(ranges: readonly PfnRange[]): PfnRange[] {
  const merged: { start: number; end: number }[] = [];
  const sorted = ranges.filter((range) => range.start < range.end).sort((a, b) => a.start - b.start);
  for (const { start, end } of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

/** Pages of `from` that are not in `what`; both normalized. */
export function subtractRanges(from: readonly PfnRange[], what: readonly PfnRange[]): PfnRange[] {
  const rest: PfnRange[] = [];
  let next = 0;
  for (const range of from) {
    let start = range.start;
    while (next < what.length && what[next].end <= start) next++;
    // `next` stays on a range that reaches past this one: it may cut the following one too.
    for (let i = next; i < what.length && what[i].start < range.end; i++) {
      if (what[i].start > start) rest.push({ start, end: what[i].start });
      start = Math.max(start, what[i].end);
    }
    if (start < range.end) rest.push({ start, end: range.end });
  }
  return rest;
}

/** Pages in both; both normalized. */
export function intersectRanges(a: readonly PfnRange[], b: readonly PfnRange[]): PfnRange[] {
  const both: PfnRange[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const start = Math.max(a[i].start, b[j].start);
    const end = Math.min(a[i].end, b[j].end);
    if (start < end) both.push({ start, end });
    if (a[i].end < b[j].end) i++;
    else j++;
  }
  return both;
}

export function countPages(ranges: readonly PfnRange[]): number {
  return ranges.reduce((sum, range) => sum + range.end - range.start, 0);
}
