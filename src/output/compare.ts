/**
 * The table of `compare`: cores in columns, the kernel's own counts beside them, costs below gains, and one
 * sentence at the end. More cores than a mail has room for turn the table on its side: cores down, numbers
 * across, as many tables as it takes.
 */

import { counted, group } from '../kernel/counted.js';
import { REASONS } from '../metrics/allocation.js';
import type { Result, Run } from '../metrics/result.js';
import { closingSentence, recordedNotes } from './closing.js';
import { ABSENT, type Cell, type Document, type Grid, type Row, type Sentence } from './document.js';
import { failureNotes, reasonWords } from './failures.js';
import { coreNames, headFacts } from './head.js';
import {
  betterOf,
  changeText,
  hasRecorded,
  labelOf,
  type Measure,
  measure,
  measureText,
  recordedMeasure,
  tlbCpusOf,
} from './measure.js';
import { gridWidth, WIDTH, wrap } from './text.js';

/** Columns of numbers in one table; more are hard to read beside each other. */
const MOST_COLUMNS = 5;
/** Width of a heading when the table lies on its side. */
const HEADING = 13;
/** Number of CPUs whose derived times are shown, where they were computed. */
const USUAL_CPUS = 64;

/** One column of the upright table: a core, or the kernel that was recorded. */
interface Column {
  readonly name: string;
  value(measure: Measure): number | null;
}

/** `width`: columns of text that the table may take; more than that turns it on its side. */
export function compareDocument(result: Result, width: number = WIDTH): Document {
  const sections = sectionsFor(result.runs);
  const columns = columnsOf(result);
  const upright = uprightGrid(result, columns, sections);
  const fits = upright.head.length - 1 <= MOST_COLUMNS && gridWidth(upright) <= width;
  return [
    headFacts(result),
    ...(fits || width === Number.POSITIVE_INFINITY ? [upright] : sideways(columns, sections, width)),
    ...[priceNote(result.runs), ...recordedNotes(result), ...failureNotes(result.runs)].map(
      (text): Sentence => ({ kind: 'sentence', text }),
    ),
    { kind: 'sentence', text: closingSentence(result) },
  ];
}

/** What is compared: served first, then splits, flushes, fragmentation, and last what a design costs. */
function sectionsFor(runs: readonly Run[]): Measure[][] {
  const cpus = tlbCpusOf(runs[0]);
  const priced = pricedCpus(runs);
  return [
    [
      { key: 'allocation.served' },
      { key: 'allocation.failed.total' },
      ...REASONS.map(
        (part): Measure => ({
          key: 'allocation.failed.byReason',
          part,
          label: `  ${reasonWords(part)}`,
          onlyIfSeen: true,
        }),
      ),
      { key: 'allocation.bytesServed', label: 'served, KiB', per: 1024 },
      { key: 'shootdowns.perGiB.markedPages' },
    ],
    [
      { key: 'splits.level2' },
      { key: 'splits.level3' },
      { key: 'splits.share', part: '2M', label: 'memory under 2M leaves' },
      { key: 'splits.share', part: '1G', label: 'memory under 1G leaves' },
    ],
    [
      { key: 'shootdowns.full' },
      { key: 'shootdowns.ranged' },
      { key: 'shootdowns.perGiB.flushes' },
      ...cpus.map(
        (count): Measure => ({
          key: 'shootdowns.ipis',
          part: String(count),
          label: `IPIs, ${group(count)} ${count === 1 ? 'CPU' : 'CPUs'}`,
        }),
      ),
      { key: 'shootdowns.window.pages', onlyIfSeen: true },
    ],
    [
      { key: 'fragmentation.free2M.now' },
      { key: 'fragmentation.free2M.best' },
      { key: 'fragmentation.free2M.min' },
      { key: 'fragmentation.pageblocks.mixed' },
      { key: 'fragmentation.unmovableShare', part: '2M', label: '2M ranges with unmovable' },
      { key: 'fragmentation.unmovableShare', part: '32M', label: '32M ranges with unmovable' },
      { key: 'fragmentation.unmovableShare', part: '1G', label: '1G ranges with unmovable' },
      { key: 'fragmentation.extfrag.all' },
      { key: 'fragmentation.extfrag.fragmenting' },
      { key: 'fragmentation.extfrag.forUnmovable' },
      { key: 'fragmentation.extfrag.unmovableIntoMovable' },
    ],
    [
      { key: 'allocation.zeroedPages' },
      { key: 'splits.nonGlobal2M' },
      { key: 'fragmentation.stranded.pages' },
      { key: 'fragmentation.stranded.peakPages' },
      { key: 'fragmentation.stranded.atFailures' },
      { key: 'allocation.nested.pageTables' },
      { key: 'allocation.nested.failed', onlyIfSeen: true },
      { key: 'work.zoneLockTakes' },
      { key: 'work.listSteps' },
      { key: 'work.pagesMigrated', onlyIfSeen: true },
      {
        key: 'cost.derivedNs.initiator',
        part: `${priced}.mid`,
        label: 'derived us, initiators *',
        per: 1000,
        absentIfZero: true,
      },
      {
        key: 'cost.derivedNs.stolen',
        part: `${priced}.mid`,
        label: 'derived us, other CPUs *',
        per: 1000,
        absentIfZero: true,
      },
    ],
  ];
}

/** The number of CPUs whose derived times are shown. */
function pricedCpus(runs: readonly Run[]): number {
  const cpus = tlbCpusOf(runs[0]);
  return cpus.includes(USUAL_CPUS) ? USUAL_CPUS : cpus[cpus.length - 1];
}

function priceNote(runs: readonly Run[]): string {
  const cpus = counted(pricedCpus(runs), 'CPU');
  const { preset, prices } = runs[0].cost;
  const ns = (parameter: keyof typeof prices) => `${group(prices[parameter].mid)} ns`;
  return (
    `* for ${cpus}, derived from the counts at the middle prices of preset ${preset} (IPI ${ns('ipiBase')} + ` +
    `${ns('ipiPerCpu')} a CPU, interrupt ${ns('irq')}, full flush ${ns('full')}, INVLPG ${ns('invlpg')}, ` +
    `split ${ns('split')}, entry ${ns('entry')}); nothing was timed.`
  );
}

function columnsOf(result: Result): Column[] {
  const names = coreNames(result.runs);
  const cores = result.runs.map(
    (run, number): Column => ({ name: names[number], value: (each) => measure(each, run) }),
  );
  if (!hasRecorded(result)) return cores;
  return [{ name: 'recorded', value: (each) => recordedMeasure(each, result) }, ...cores];
}

function uprightGrid({ runs }: Result, columns: readonly Column[], sections: readonly Measure[][]): Grid {
  const withChange = runs.length === 2;
  const rows: Row[] = [];
  for (const section of sections) {
    if (rows.length > 0) rows.push('gap');
    for (const each of section) {
      const values = columns.map((column) => column.value(each));
      if (!isWorthShowing(each, values)) continue;
      const cells: Cell[] = values.map((value) => measureText(each, isNothing(each, values) ? null : value));
      if (withChange) {
        const [before, after] = values.slice(-2);
        cells.push(isNothing(each, values) ? ABSENT : changeCell(each, before, after));
      }
      rows.push([labelOf(each), ...cells]);
    }
  }
  return {
    kind: 'grid',
    head: ['', ...columns.map(({ name }) => name), ...(withChange ? ['change'] : [])],
    rows,
  };
}

function isWorthShowing({ onlyIfSeen }: Measure, values: readonly (number | null)[]): boolean {
  return values.some((value) => value !== null && (value !== 0 || !onlyIfSeen));
}

function isNothing({ absentIfZero }: Measure, values: readonly (number | null)[]): boolean {
  return absentIfZero === true && values.every((value) => value === null || value === 0);
}

function changeCell(each: Measure, before: number | null, after: number | null): Cell {
  if (before === null || after === null) return ABSENT;
  const text = changeText(each, before, after);
  const better = betterOf(each);
  if (better === 'neither' || before === after) return text;
  return { text, tone: after > before === (better === 'higher') ? 'good' : 'bad' };
}

/** Cores down, numbers across: each section as tables of at most five columns that fit the width. */
function sideways(columns: readonly Column[], sections: readonly Measure[][], width: number): Grid[] {
  return sections.flatMap((section) => {
    const grids: Grid[] = [];
    let shown: Measure[] = [];
    for (const each of section) {
      if (
        !isWorthShowing(
          each,
          columns.map((column) => column.value(each)),
        )
      )
        continue;
      const wider = sidewaysGrid(columns, [...shown, each]);
      if (shown.length > 0 && (shown.length === MOST_COLUMNS || gridWidth(wider) > width)) {
        grids.push(sidewaysGrid(columns, shown));
        shown = [each];
      } else shown.push(each);
    }
    return shown.length === 0 ? grids : [...grids, sidewaysGrid(columns, shown)];
  });
}

function sidewaysGrid(columns: readonly Column[], shown: readonly Measure[]): Grid {
  const nothing = shown.map((each) =>
    isNothing(
      each,
      columns.map((column) => column.value(each)),
    ),
  );
  return {
    kind: 'grid',
    head: ['core', ...shown.map((each) => wrap(labelOf(each).trim(), HEADING).join('\n'))],
    rows: columns.map(
      (column): Row => [
        column.name,
        ...shown.map((each, index) => measureText(each, nothing[index] ? null : column.value(each))),
      ],
    ),
  };
}
