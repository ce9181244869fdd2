/**
 * The table of `compare`: cores in columns, the kernel's own counts beside them, costs below gains, and one
 * sentence at the end. More cores than a mail has room for turn the table on its side: cores down, numbers
 * across, as many tables as it takes.
 */

import type { Result, Run } from '../metrics/result.js';
import { ABSENT, type Cell, type Document, type Grid, type Row } from './document.js';
import { coreNames, headFacts } from './head.js';
import { betterOf, changeText, labelOf, type Measure, measure, measureText, tlbCpusOf } from './measure.js';
import { change, counted, group, ratio } from './numbers.js';
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
    { kind: 'sentence', text: priceNote(result.runs) },
    { kind: 'sentence', text: closingSentence(result.runs) },
  ];
}

/** What is compared: served first, then splits, flushes, fragmentation, and last what a design costs. */
function sectionsFor(runs: readonly Run[]): Measure[][] {
  const cpus = tlbCpusOf(runs[0]);
  const priced = pricedCpus(runs);
  const reasons = Object.keys(runs[0].allocation.failed.byReason);
  return [
    [
      { key: 'allocation.failed.total' },
      ...reasons.map(
        (part): Measure => ({
          key: 'allocation.failed.byReason',
          part,
          label: `  ${part}`,
          onlyIfSeen: true,
        }),
      ),
      { key: 'allocation.bytesServed', label: 'served, KiB', per: 1024 },
      { key: 'shootdowns.perGiB.markedPages' },
    ],
    [
      { key: 'splits.level2', recorded: ({ splits }) => splits?.level2 ?? null },
      { key: 'splits.level3', recorded: ({ splits }) => splits?.level3 ?? null },
      { key: 'splits.share', part: '2M', label: 'memory under 2M leaves' },
      { key: 'splits.share', part: '1G', label: 'memory under 1G leaves' },
    ],
    [
      { key: 'shootdowns.full', recorded: ({ shootdowns }) => shootdowns?.full ?? null },
      { key: 'shootdowns.ranged', recorded: ({ shootdowns }) => shootdowns?.ranged ?? null },
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
      { key: 'fragmentation.extfrag.all', recorded: ({ extfrag }) => extfrag?.all ?? null },
      { key: 'fragmentation.extfrag.fragmenting', recorded: ({ extfrag }) => extfrag?.fragmenting ?? null },
      { key: 'fragmentation.extfrag.forUnmovable', recorded: ({ extfrag }) => extfrag?.forUnmovable ?? null },
      {
        key: 'fragmentation.extfrag.unmovableIntoMovable',
        recorded: ({ extfrag }) => extfrag?.unmovableIntoMovable ?? null,
      },
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
      },
      {
        key: 'cost.derivedNs.stolen',
        part: `${priced}.mid`,
        label: 'derived us, other CPUs *',
        per: 1000,
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
  return `* for ${cpus}, derived from the counts at the middle prices of preset ${runs[0].cost.preset}; nothing was timed.`;
}

function columnsOf({ recorded, runs }: Result): Column[] {
  const names = coreNames(runs);
  const cores = runs.map(
    (run, number): Column => ({ name: names[number], value: (each) => measure(each, run) }),
  );
  if (recorded === null) return cores;
  return [{ name: 'recorded', value: (each) => each.recorded?.(recorded) ?? null }, ...cores];
}

function uprightGrid({ runs }: Result, columns: readonly Column[], sections: readonly Measure[][]): Grid {
  const withChange = runs.length === 2;
  const rows: Row[] = [];
  for (const section of sections) {
    if (rows.length > 0) rows.push('gap');
    for (const each of section) {
      const values = columns.map((column) => column.value(each));
      if (!isWorthShowing(each, values)) continue;
      const cells: Cell[] = values.map((value) => measureText(each, value));
      if (withChange) cells.push(changeCell(each, values[values.length - 2], values[values.length - 1]));
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
  return {
    kind: 'grid',
    head: ['core', ...shown.map((each) => wrap(labelOf(each).trim(), HEADING).join('\n'))],
    rows: columns.map(
      (column): Row => [column.name, ...shown.map((each) => measureText(each, column.value(each)))],
    ),
  };
}

/** Who came out how far ahead, at equal work; no winner where the work differs. */
function closingSentence(runs: readonly Run[]): string {
  const [first, ...others] = runs;
  const names = coreNames(runs);
  const different = runs.findIndex((run) => run.allocation.bytesServed !== first.allocation.bytesServed);
  if (different > 0) return differentWork(names[0], first, names[different], runs[different]);
  if (others.length === 0) return `${names[0]} alone: there is nothing to compare it with.`;
  if (others.length > 1) {
    const splits = fewest('2M leaves split', runs, names, (run) => run.splits.level2);
    const flushes = fewest('flushes', runs, names, (run) => run.shootdowns.flushes);
    return `Best: ${splits}; ${flushes}.`;
  }
  const other = others[0];
  const splits = splitClause(first.splits.level2, other.splits.level2);
  const flushes = flushClause(first.shootdowns.flushes, other.shootdowns.flushes);
  const price = priceOf(other);
  return `Against ${names[0]}, ${names[1]} ${splits} and ${flushes}${price === '' ? '' : `; the price: ${price}`}.`;
}

/** Of many cores only the best are named, and the first for comparison. */
function fewest(
  what: string,
  runs: readonly Run[],
  names: readonly string[],
  count: (run: Run) => number,
): string {
  const counts = runs.map(count);
  const least = Math.min(...counts);
  if (counts.every((each) => each === least)) return `${what}: ${group(least)} by every core`;
  const best = names.filter((_, number) => counts[number] === least).join(', ');
  const against =
    counts[0] === least ? `most ${group(Math.max(...counts))}` : `${names[0]} ${group(counts[0])}`;
  return `fewest ${what}: ${best} (${group(least)}; ${against})`;
}

function differentWork(name: string, first: Run, otherName: string, other: Run): string {
  const difference = other.allocation.bytesServed - first.allocation.bytesServed;
  const amount = `${group(Math.abs(difference) / 1024)} KiB ${difference < 0 ? 'less' : 'more'}`;
  return `No winner: ${otherName} served ${amount} than ${name}, so the counts are of different work.`;
}

function splitClause(before: number, after: number): string {
  if (after === 0)
    return before === 0 ? 'splits no 2M leaf either' : `splits no 2M leaf (0 against ${group(before)})`;
  if (before === after) return `splits as many 2M leaves (${group(after)})`;
  return `splits ${howMuch(before, after, 'fewer', 'more', 'as many')} 2M leaves (${group(after)} against ${group(before)})`;
}

function flushClause(before: number, after: number): string {
  if (after === 0)
    return before === 0 ? 'never flushes either' : `never flushes (0 against ${group(before)})`;
  if (before === after) return `flushes as often (${group(after)})`;
  return `flushes ${howMuch(before, after, 'less often', 'more often', 'as often')} (${group(after)} against ${group(before)})`;
}

/** '33 times fewer', '12.3 % more': below twice, a percentage says it better than '1.1 times'. */
function howMuch(before: number, after: number, less: string, more: string, as: string): string {
  if (before === 0) return more;
  if (Math.max(before, after) < 2 * before && after * 2 > before) {
    return `${change(before, after).slice(1)} ${after < before ? less : more}`;
  }
  return after < before ? `${ratio(before, after)} times ${less}` : `${ratio(after, before)} times ${as}`;
}

/** What the table's last section says in words: only what was paid. */
function priceOf({ allocation, splits, fragmentation }: Run): string {
  const stranded = fragmentation.stranded?.peakPages ?? 0;
  return [
    allocation.zeroedPages > 0 ? `${group(allocation.zeroedPages)} pages zeroed` : '',
    splits.nonGlobal2M > 0 ? `${group(splits.nonGlobal2M)} 2M leaves not global` : '',
    stranded > 0 ? `up to ${group(stranded)} free pages stranded` : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}
