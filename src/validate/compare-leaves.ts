/** Two direct maps as rows of a state file, compared page by page (captures README §3, `directmap`). */

import { isHole } from '../directmap/runs.js';
import type { DirectMapRun } from '../machine/snapshot.js';

export interface LeafComparison {
  /** Pages that the recorded rows map, present or not; holes are none. */
  leaves: number;
  /** Those under a leaf of the same size with the same bits. */
  leavesEqual: number;
}

/** Both in ascending order. A leaf that the model has in a hole of the recording counts as no page. */
export function compareLeaves(
  recorded: readonly DirectMapRun[],
  model: Iterable<DirectMapRun>,
): LeafComparison {
  const result: LeafComparison = { leaves: 0, leavesEqual: 0 };
  const runs = model[Symbol.iterator]();
  let run = runs.next();
  for (const row of recorded) {
    if (isHole(row)) continue;
    result.leaves += row.pages;
    const end = row.startPfn + row.pages;
    while (!run.done && run.value.startPfn < end) {
      const { startPfn, pages } = run.value;
      const common = Math.min(startPfn + pages, end) - Math.max(startPfn, row.startPfn);
      if (common > 0 && isSameLeaf(run.value, row)) result.leavesEqual += common;
      // It may reach into the next row.
      if (startPfn + pages > end) break;
      run = runs.next();
    }
  }
  return result;
}

/** Not the page of the table: which page a split took, no direct-map operation tells. */
function isSameLeaf(a: DirectMapRun, b: DirectMapRun): boolean {
  return a.level === b.level && a.bits === b.bits && a.nx === b.nx && !isHole(a);
}
