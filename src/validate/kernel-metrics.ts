/**
 * The model's buddyinfo, pagetypeinfo, extfrag_index and unusable_index against the kernel's own (page-allocator §8).
 *
 *   const metrics = await kernelMetricsResult({ capture, before, after, allocator });
 *   metrics.lines, metrics.equal      for the result
 *   metrics.differing                 each line that differs, and whose doing it is
 *   metrics.modelErrors               lines where the model is wrong, whatever the copies say
 *
 * `allocator` is the model's at snapshot 2; at snapshot 1 the model is the snapshot, so there only the
 * arithmetic and the format are compared. Lines that hold numbers count (those that begin with `Node`).
 *
 * Only the snapshots are exact: the kernel's files were copied some seconds before the first and some
 * milliseconds after the second (captures README §1), so a page may have moved in between. A line that differs
 * is not dropped: it counts as not equal, and its cause says whether the model prints what the kernel's
 * exact state gives (`copyMoved`), or not (`model`).
 */

import type { Capture } from '../machine/capture.js';
import type { StateSnapshot } from '../machine/snapshot.js';
import type { PageAllocator } from '../pagealloc/page-allocator.js';
import {
  buddyinfoLines,
  extfragIndexLines,
  type KernelTypes,
  pagetypeinfoLines,
  unusableIndexLines,
} from './kernel-text.js';
import type { KernelMetricsResult } from './validation.js';
import { countsOfAllocator, countsOfSnapshot, type ZoneCounts } from './zone-counts.js';

/** Files by name, as captures keep them. Captures need not have all of them. */
const FILES: Readonly<
  Record<string, (zones: readonly ZoneCounts[], kernel: KernelTypes) => readonly string[]>
> = {
  buddyinfo: buddyinfoLines,
  pagetypeinfo: pagetypeinfoLines,
  extfrag_index: extfragIndexLines,
  unusable_index: unusableIndexLines,
};

export interface KernelMetricsInput {
  readonly capture: Capture;
  readonly before: StateSnapshot;
  readonly after: StateSnapshot;
  readonly allocator: PageAllocator;
}

export interface DifferingLine {
  readonly end: 'before' | 'after';
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly kernel: string;
  readonly model: string;
  readonly cause: 'copyMoved' | 'model';
}

export interface KernelMetrics extends KernelMetricsResult {
  readonly differing: readonly DifferingLine[];
  readonly modelErrors: number;
}

export async function kernelMetricsResult(input: KernelMetricsInput): Promise<KernelMetrics> {
  const { capture, before, after, allocator } = input;
  const sum = { lines: 0, equal: 0, differing: [] as DifferingLine[], modelErrors: 0 };
  await compareCopies(sum, capture, 'before', before, countsOfSnapshot(before));
  await compareCopies(sum, capture, 'after', after, countsOfAllocator(allocator, after));
  return sum;
}

async function compareCopies(
  sum: { lines: number; equal: number; differing: DifferingLine[]; modelErrors: number },
  capture: Capture,
  end: 'before' | 'after',
  snapshot: StateSnapshot,
  modelCounts: readonly ZoneCounts[],
): Promise<void> {
  const exactCounts = countsOfSnapshot(snapshot);
  for (const [file, print] of Object.entries(FILES)) {
    const copy = await capture.copy(end, file);
    if (copy === null) continue;
    const model = print(modelCounts, snapshot);
    const exact = print(exactCounts, snapshot);
    const kernel = copy.replace(/\n$/, '').split('\n');
    for (let i = 0; i < Math.max(kernel.length, model.length); i++) {
      const line = { kernel: kernel[i] ?? '', model: model[i] ?? '' };
      if (!hasNumbers(line.kernel) && !hasNumbers(line.model)) continue;
      sum.lines++;
      const isModelError = model[i] !== exact[i];
      if (isModelError) sum.modelErrors++;
      if (line.kernel === line.model) sum.equal++;
      else {
        const cause = isModelError || kernel.length !== exact.length ? 'model' : 'copyMoved';
        sum.differing.push({ end, file, line: i + 1, ...line, cause });
      }
    }
  }
}

function hasNumbers(line: string): boolean {
  return line.startsWith('Node');
}
