/**
 * The three tables of `replay`: fragmentation, splits, shootdowns; before them what ran on what, and what
 * was served; after them one sentence that says what the numbers mean.
 */

import { counted, group } from '../kernel/counted.js';
import { FREETYPE_NAMES } from '../kernel/migratetypes.js';
import { NR_PAGE_ORDERS, PAGEBLOCK_ORDER } from '../kernel/orders.js';
import type { Result, Run } from '../metrics/result.js';
import { recordedNotes } from './closing.js';
import { ABSENT, type Cell, type Document, type Grid, type Row, type Sentence } from './document.js';
import { failureNotes, failureWords, reasonWords, seenReasons } from './failures.js';
import { coreNames, headFacts } from './head.js';
import { labelOf, type Measure, measure, measureText, recordedMeasure, tlbCpusOf } from './measure.js';
import { duration, index, percent, ratio } from './numbers.js';

/** Freetypes that are shown even where they have no page. */
const USUAL_TYPES = 3;
/** Parts of memory that `unmovableShare` looks at. */
const RANGES = ['2M', '32M', '1G'] as const;

type FlushCause = keyof Run['shootdowns']['byCause'];

/** In the order of the table. */
const FLUSH_CAUSE_WORDS: { readonly [cause in FlushCause]: string } = {
  split: 'by a split',
  flipToUnmapped: 'by a flip to unmapped',
  flipToMapped: 'by a flip to mapped',
  perPage: 'by a change of single pages',
  batch: 'by a batch',
  other: 'by another cause',
};

export function replayDocument(result: Result): Document {
  const names = coreNames(result.runs);
  return [headFacts(result), ...result.runs.flatMap((run, number) => runBlocks(result, run, names[number]))];
}

function runBlocks(result: Result, run: Run, name: string): Document {
  return [
    requests(run, name),
    freeBlocks(run),
    freetypes(run),
    hugePages(result, run, name),
    splits(result, run, name),
    leaves(run),
    flushes(result, run, name),
    flips(run),
    ipis(run),
    ...[...recordedNotes(result), ...failureNotes([run]), sentence(run, name)].map(
      (text): Sentence => ({ kind: 'sentence', text }),
    ),
  ];
}

function requests(run: Run, name: string): Grid {
  return {
    kind: 'grid',
    title: 'Requests',
    head: ['', name],
    rows: [
      ...measures(run, [
        { key: 'allocation.requests' },
        { key: 'allocation.served' },
        { key: 'allocation.failed.total' },
        ...seenReasons(run.allocation.failed.byReason).map(
          (part): Measure => ({ key: 'allocation.failed.byReason', part, label: `  ${reasonWords(part)}` }),
        ),
        { key: 'allocation.failedInRecording', onlyIfSeen: true },
        { key: 'allocation.bytesServed', label: 'served, KiB', per: 1024 },
        { key: 'allocation.peakPages' },
      ]),
      ...Object.entries(run.allocation.byClass).map(
        ([pageClass, { requests, failed }]): Row => [
          `${pageClass}: requests${failed > 0 ? `, ${group(failed)} of them failed` : ''}`,
          group(requests),
        ],
      ),
    ],
  };
}

function freeBlocks({ fragmentation: { zones } }: Run): Grid {
  const orders = Array.from({ length: NR_PAGE_ORDERS }, (_, order) => order);
  return {
    kind: 'grid',
    title: 'Fragmentation, at the end',
    head: ['free blocks', ...zones.map(({ zone }) => zone)],
    rows: [
      ...orders.map(
        (order): Row => [`order ${order}`, ...zones.map((zone) => group(zone.freeBlocks[order]))],
      ),
      [
        `unusable index, order ${PAGEBLOCK_ORDER}`,
        ...zones.map((zone) => index(zone.unusableIndex[PAGEBLOCK_ORDER])),
      ],
      [
        `extfrag index, order ${PAGEBLOCK_ORDER}`,
        ...zones.map((zone) => index(zone.extfragIndex[PAGEBLOCK_ORDER])),
      ],
    ],
  };
}

function freetypes({ fragmentation: { freePages, pageblocks } }: Run): Grid {
  const rows = FREETYPE_NAMES.flatMap((freetype, number): Row[] => {
    const free = freePages.byFreetype[freetype];
    const count = pageblocks.byFreetype[freetype];
    return number < USUAL_TYPES || free > 0 || count > 0 ? [[freetype, group(free), group(count)]] : [];
  });
  const all = Object.values(pageblocks.byFreetype).reduce((sum, count) => sum + count, 0);
  return {
    kind: 'grid',
    head: ['type', 'free pages', 'pageblocks'],
    rows: [...rows, ['all', group(freePages.total), group(all)], ['mixed', ABSENT, group(pageblocks.mixed)]],
  };
}

function hugePages(result: Result, run: Run, name: string): Grid {
  return countsGrid(result, run, name, 'huge pages and fallbacks', [
    { key: 'fragmentation.free2M.now' },
    { key: 'fragmentation.free2M.best' },
    { key: 'fragmentation.free2M.min' },
    ...RANGES.map(
      (part): Measure => ({
        key: 'fragmentation.unmovableShare',
        part,
        label: `${part} ranges with unmovable`,
      }),
    ),
    { key: 'fragmentation.fallbacks.claims' },
    { key: 'fragmentation.fallbacks.steals' },
    { key: 'fragmentation.extfrag.all' },
    { key: 'fragmentation.extfrag.fragmenting' },
    { key: 'fragmentation.extfrag.forUnmovable' },
    { key: 'fragmentation.extfrag.unmovableIntoMovable' },
    { key: 'fragmentation.stranded.pages' },
    { key: 'fragmentation.stranded.peakPages' },
    { key: 'fragmentation.stranded.atFailures' },
    ...probes(run),
  ]);
}

/** Labels and numbers of a run, beside the kernel's own where the trace carries any of them. */
function countsGrid(
  result: Result,
  run: Run,
  name: string,
  corner: string,
  list: readonly (Measure | Row)[],
): Grid {
  const isMeasure = (each: Measure | Row): each is Measure => typeof each === 'object' && 'key' in each;
  const recorded = (each: Measure) => recordedMeasure(each, result);
  const hasRecorded = list.some((each) => isMeasure(each) && recorded(each) !== null);
  const rows = list.flatMap((each): Row[] => {
    if (isMeasure(each)) {
      return measures(run, [each]).map(([label, count]) =>
        hasRecorded ? [label, measureText(each, recorded(each)), count] : [label, count],
      );
    }
    return [hasRecorded && each !== 'gap' ? [each[0], ABSENT, ...each.slice(1)] : each];
  });
  return { kind: 'grid', head: hasRecorded ? [corner, 'recorded', name] : [corner, 'count'], rows };
}

function probes({ probe }: Run): Row[] {
  return probe === null ? [] : [[`probes served, of ${group(probe.tried)}`, group(probe.served)]];
}

function splits(result: Result, run: Run, name: string): Grid {
  const grid = countsGrid(result, run, name, '', [
    { key: 'splits.level2' },
    { key: 'splits.level3' },
    { key: 'splits.pageTablePages' },
    { key: 'allocation.nested.failed', onlyIfSeen: true },
    { key: 'splits.collapses' },
    { key: 'splits.nonGlobal2M' },
  ]);
  return { ...grid, title: 'Splits of the direct map' };
}

function leaves({
  splits: {
    leaves: { before, after },
    share,
  },
}: Run): Grid {
  // What is under neither 2M nor 1G leaves; both shares are rounded down, so this one may be 0.1 % too high.
  const rest = after['4K'] === 0 ? 0 : 1000 - share['2M'] - share['1G'];
  return {
    kind: 'grid',
    head: ['leaves', 'before', 'after', 'of memory'],
    rows: [
      ['4K', group(before['4K']), group(after['4K']), percent(rest)],
      ['2M', group(before['2M']), group(after['2M']), percent(share['2M'])],
      ['1G', group(before['1G']), group(after['1G']), percent(share['1G'])],
    ],
  };
}

function flushes(result: Result, run: Run, name: string): Grid {
  const { byCause } = run.shootdowns;
  const causes = Object.keys(FLUSH_CAUSE_WORDS) as FlushCause[];
  const grid = countsGrid(result, run, name, '', [
    { key: 'shootdowns.flushes' },
    ...causes
      .filter((cause) => byCause[cause] > 0)
      .map((cause): Row => [`  ${FLUSH_CAUSE_WORDS[cause]}`, group(byCause[cause])]),
    { key: 'shootdowns.full' },
    { key: 'shootdowns.ranged' },
    { key: 'shootdowns.pagesFlushed' },
    { key: 'shootdowns.perGiB.flushes' },
    { key: 'shootdowns.window.pages', onlyIfSeen: true },
    { key: 'shootdowns.window.pageSeconds', onlyIfSeen: true },
  ]);
  return { ...grid, title: 'TLB shootdowns' };
}

function flips({
  shootdowns: {
    flips: { toUnmapped, toMapped, refused },
  },
  allocation,
}: Run): Grid {
  return {
    kind: 'grid',
    head: ['pageblock flips', 'flips', 'pageblocks', 'pages zeroed'],
    rows: [
      ['to unmapped', group(toUnmapped.operations), group(toUnmapped.blocks), ABSENT],
      ['to mapped', group(toMapped.operations), group(toMapped.blocks), group(allocation.zeroedPages)],
      ...seenReasons(refused).map(
        (reason): Row => [`refused, ${reasonWords(reason)}`, group(refused[reason]), ABSENT, ABSENT],
      ),
    ],
  };
}

function ipis(run: Run): Grid {
  const { initiator, stolen } = run.cost.derivedNs;
  const cell = ({ low, high }: { low: number; high: number }): Cell =>
    high === 0 ? ABSENT : `${duration(low)} to ${duration(high)}`;
  return {
    kind: 'grid',
    // Two lines: the times are guesses, and the heading says so and by which prices.
    head: [
      'CPUs',
      'IPIs',
      `initiators,\nderived (${run.cost.preset})`,
      `all others,\nderived (${run.cost.preset})`,
    ],
    rows: tlbCpusOf(run).map(
      (cpus): Row => [
        group(cpus),
        group(run.shootdowns.ipis[cpus]),
        cell(initiator[cpus]),
        cell(stolen[cpus]),
      ],
    ),
  };
}

/** A label and a number each; without the rows that apply to nothing or have nothing to say. */
function measures(run: Run, list: readonly Measure[]): [label: string, text: string][] {
  return list.flatMap((each): [string, string][] => {
    const value = measure(each, run);
    if (value === null || (value === 0 && each.onlyIfSeen)) return [];
    return [[labelOf(each), measureText(each, value)]];
  });
}

function sentence(run: Run, name: string): string {
  const { now, best } = run.fragmentation.free2M;
  const { requests, served, failed } = run.allocation;
  const work =
    failed.total === 0
      ? `${name} served all ${counted(requests, 'request')}`
      : `${name} served ${group(served)} of ${counted(requests, 'request')}`;
  const huge = `${group(now)} of the ${counted(best, '2M block')} that its free pages could form ${now === 1 ? 'is' : 'are'} whole`;
  return `${work}, ${splitWords(run)} and ${flushWords(run)}; ${huge}${failed.total === 0 ? '' : `; ${failureWords(run)}`}.`;
}

function splitWords({ splits: { level2, level3, leaves } }: Run): string {
  const parts = [
    level3 > 0 ? `${group(level3)} of ${counted(leaves.before['1G'], '1G leaf', '1G leaves')}` : '',
    level2 > 0 ? counted(level2, '2M leaf', '2M leaves') : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'split no leaf' : `split ${parts.join(' and ')}`;
}

function flushWords({ shootdowns: { flushes, perGiB } }: Run): string {
  if (flushes === 0) return 'made no flush';
  const rate =
    perGiB.markedPages === 0 ? '' : ` (${ratio(flushes * 100, perGiB.markedPages)} for 100 marked pages)`;
  return `made ${counted(flushes, 'flush', 'flushes')} on all CPUs${rate}`;
}
