/**
 * What `check` says of a trace: what it is, what became of its pages, what it lost and cannot tell, what to
 * record differently, and its grade. Scripts read the result alone (DESIGN §5); people read the rest, too.
 */

import { counted, group } from '../kernel/counted.js';
import type { Document, Facts, Grid, Row } from './document.js';
import { duration, percent, size } from './numbers.js';
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

interface Counted {
  readonly count: number;
}

/** What people want to know beside it; the names are those of the trace room. */
export interface CheckReport {
  readonly result: CheckView;
  readonly details: {
    readonly era: { readonly evidence: readonly string[] };
    readonly exactFrees: number;
    readonly partialFrees: Counted;
    readonly unevenFrees: Counted;
    readonly unknownFrees: Counted;
    readonly doubleFrees: Counted;
    readonly repeatedFrees: Counted;
    readonly impossible: Counted;
    readonly allocsOverLive: Counted;
    readonly inInterrupt: number;
    readonly highestPfn: number;
    readonly remarks: readonly string[];
    readonly cannotTell: readonly string[];
    readonly advice: readonly string[];
  };
  readonly report: {
    readonly layouts: readonly string[];
    readonly malformed: { readonly count: number; readonly first: readonly { readonly line: number }[] };
    readonly unparsed: number;
    readonly nulLines: number;
    readonly timeBackwards: { readonly count: number; readonly largestNs: number };
    readonly notes: readonly string[];
  };
}

const CLOCK_WORDS: { readonly [clock: string]: string } = {
  ticks: 'ticks, without a unit',
  relative: 'time since the trace began',
  none: 'none: only the order of events is known',
};

export function checkDocument(check: CheckReport): Document {
  const { grade, reasons } = check.result;
  const words = wordsOf(check);
  return [
    whatItIs(check),
    eventCounts(check.result),
    pageCounts(check),
    ...(words.rows.length === 0 ? [] : [words]),
    {
      kind: 'sentence',
      text: `Grade ${grade}${reasons.length === 0 ? '' : `: ${reasons.map(printable).join('; ')}`}.`,
    },
  ];
}

function whatItIs({ result, details, report }: CheckReport): Facts {
  const { kernel, clock, spanNs, cpus } = result;
  const span = spanNs === null ? 'not known, the clock has no unit' : duration(spanNs);
  const on = cpus === 0 ? 'the trace names no CPU' : `on ${counted(cpus, 'CPU')}`;
  return {
    kind: 'facts',
    rows: [
      ['format', [result.format, ...report.layouts].map(printable).join(', ')],
      ['kernel', kernel === '' ? 'the trace does not say' : printable(kernel)],
      ...listed('since', details.era.evidence),
      ['clock', CLOCK_WORDS[clock] ?? printable(clock)],
      ['span', spanNs === null || cpus === 0 ? `${span}; ${on}` : `${span} ${on}`],
      ...(details.highestPfn < 0 ? [] : [pagesFact(details.highestPfn)]),
    ],
  };
}

/** How much memory a machine needs to hold the trace's pages where they are. */
function pagesFact(highestPfn: number): [string, string] {
  return [
    'pages',
    `up to pfn 0x${highestPfn.toString(16)}, ${size(highestPfn + 1)} from the start of memory`,
  ];
}

function eventCounts({ events }: CheckView): Grid {
  const kinds = Object.entries(events.byKind);
  return {
    kind: 'grid',
    head: ['events', 'count'],
    rows: [
      ...kinds.map(([name, count]): Row => [printable(name), group(count)]),
      ['all', group(kinds.reduce((sum, [, count]) => sum + count, 0))],
    ],
  };
}

function pageCounts({ result, details, report }: CheckReport): Grid {
  const { allocations, frees, lost } = result;
  const requests = allocations.served + allocations.failed;
  const ofAllocations = (label: string, count: number): Row => [label, group(count), share(count, requests)];
  const ofFrees = (label: string, count: number): Row => [label, group(count), share(count, frees.reported)];
  const plain = (label: string, count: number): Row => [label, group(count), ''];
  /** Rows that most traces have no use for. */
  const rare = (count: number, row: Row): Row[] => (count > 0 ? [row] : []);
  const { malformed, unparsed, nulLines, timeBackwards } = report;
  return {
    kind: 'grid',
    head: ['requests', 'count', 'share'],
    rows: [
      plain('allocations', requests),
      ofAllocations('  served', allocations.served),
      ofAllocations('  failed', allocations.failed),
      ofAllocations('  of pages that are still live', details.allocsOverLive.count),
      ...rare(details.inInterrupt, ofAllocations('  made in an interrupt', details.inInterrupt)),
      plain('frees', frees.reported),
      ofFrees('  of one whole allocation', details.exactFrees),
      ofFrees('  of a part of a larger one', details.partialFrees.count),
      ...rare(
        details.unevenFrees.count,
        ofFrees('  of several, or of pages partly live', details.unevenFrees.count),
      ),
      ofFrees('  of pages never seen before', details.unknownFrees.count),
      ofFrees('  of pages seen freed before', details.doubleFrees.count),
      ...rare(details.repeatedFrees.count, ofFrees('  reported twice in a row', details.repeatedFrees.count)),
      ...rare(
        details.impossible.count,
        plain('events of pages that no machine has', details.impossible.count),
      ),
      plain('repeated by mm_page_free_batched', frees.batchRepeats),
      plain('pages live at the end', result.livePagesAtEnd),
      'gap',
      plain('events lost', lost.events),
      plain('gaps of unknown length', lost.unknownGaps),
      ...rare(malformed.count, plain('event lines without a field they need', malformed.count)),
      ...rare(unparsed, plain('lines that could not be read', unparsed)),
      ...rare(nulLines, plain('lines with NUL bytes', nulLines)),
      ...rare(timeBackwards.count, plain('times earlier than the line before', timeBackwards.count)),
    ],
  };
}

function wordsOf({ details, report }: CheckReport): Facts {
  const notes = [...report.notes, ...details.remarks];
  if (report.malformed.first.length > 0) {
    const { count, first } = report.malformed;
    const lines = first.map(({ line }) => line).join(', ');
    notes.push(`event lines without a field they need: ${lines}${count > first.length ? ' and more' : ''}`);
  }
  if (report.timeBackwards.count > 0)
    notes.push(`times run backwards by at most ${duration(report.timeBackwards.largestNs)}`);
  return {
    kind: 'facts',
    rows: [
      ...listed('seen', notes),
      ...listed('cannot tell', details.cannotTell),
      ...listed('next time', details.advice),
    ],
  };
}

/** The label once, and the sentences below each other. */
function listed(label: string, sentences: readonly string[]): [string, string][] {
  return sentences.map((sentence, index) => [index === 0 ? label : '', printable(sentence)]);
}

function share(part: number, whole: number): string {
  return whole === 0 ? '' : percent(Math.round((part * 1000) / whole));
}
