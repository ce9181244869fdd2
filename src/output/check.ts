/** What `check` says of a trace: what it is, what it lost, what it cannot tell, and its grade. */

import type { Document, Row } from './document.js';
import { counted, duration, group } from './numbers.js';
import { printable } from './printable.js';

/** "mm-sim/check@1" as far as it is shown (DESIGN §5). */
export interface CheckView {
  readonly format: string;
  readonly kernel: string;
  readonly clock: string;
  readonly cpus: number;
  readonly spanNs: number | null;
  readonly events: { readonly byKind: { readonly [name: string]: number } };
  readonly allocations: { readonly served: number; readonly failed: number };
  readonly frees: {
    readonly reported: number;
    readonly batchRepeats: number;
    readonly unmatched: number;
    readonly orderMismatches: number;
  };
  readonly lost: { readonly events: number; readonly unknownGaps: number };
  readonly livePagesAtEnd: number;
  readonly grade: string;
  readonly reasons: readonly string[];
}

export function checkDocument(check: CheckView): Document {
  const { allocations, frees, lost } = check;
  const kinds = Object.entries(check.events.byKind);
  return [
    {
      kind: 'facts',
      rows: [
        ['format', printable(check.format)],
        ['kernel', check.kernel === '' ? 'the trace does not say' : printable(check.kernel)],
        ['clock', printable(check.clock)],
        ['span', `${check.spanNs === null ? 'not known (the clock has no unit)' : duration(check.spanNs)} on ${counted(check.cpus, 'CPU')}`],
      ],
    },
    {
      kind: 'grid',
      head: ['events', 'count'],
      rows: [
        ...kinds.map(([name, count]): Row => [printable(name), group(count)]),
        ['all', group(kinds.reduce((sum, [, count]) => sum + count, 0))],
      ],
    },
    {
      kind: 'grid',
      head: ['pages', 'count'],
      rows: [
        ['allocations served', group(allocations.served)],
        ['allocations failed', group(allocations.failed)],
        ['frees', group(frees.reported)],
        ['  repeated by mm_page_free_batched', group(frees.batchRepeats)],
        [`  of pages never seen (${share(frees.unmatched, frees.reported)})`, group(frees.unmatched)],
        ['  of another order than allocated', group(frees.orderMismatches)],
        ['pages live at the end', group(check.livePagesAtEnd)],
        ['events lost', group(lost.events)],
        ['gaps of unknown length', group(lost.unknownGaps)],
      ],
    },
    {
      kind: 'sentence',
      text: `Grade ${check.grade}${check.reasons.length === 0 ? '' : `: ${check.reasons.map(printable).join('; ')}`}.`,
    },
  ];
}

function share(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((part * 100) / whole).toFixed(1)} %`;
}
