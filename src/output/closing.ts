/**
 * The last sentences of `compare`: who came out how far ahead, and at what price. No winner where the work
 * differs; none named for protection where nothing asked for it; and every price that got worse is counted,
 * so that a sentence quoted alone does not flatter.
 */

import { counted, group } from '../kernel/counted.js';
import { PAGEBLOCK_PAGES } from '../kernel/orders.js';
import type { Result, Run } from '../metrics/result.js';
import { failureWords } from './failures.js';
import { coreNames } from './head.js';
import { change, ratio, size } from './numbers.js';

/** Prices that a sentence names; the others are counted. */
const MOST_PRICES = 3;
const MARK_EXAMPLE = `--mark 'unmapped: comm == "vault" && migratetype == 0'`;

export function closingSentence(result: Result): string {
  const { runs } = result;
  const isMarked = hasMarkedRequests(runs);
  return [isMarked ? '' : unmarkedSentence(result), ...verdicts(runs, isMarked)]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

/** What makes the recorded kernel's counts other than a run's could be. */
export function recordedNotes({ recorded, runs }: Result): string[] {
  const full = recorded?.shootdowns?.full ?? 0;
  if (full === 0 || hasMarkedRequests(runs)) return [];
  return [
    'recorded: its full flushes are every flush_tlb_all and every full flush of a kernel range that the kernel made, also those that no request here causes.',
  ];
}

function verdicts(runs: readonly Run[], isMarked: boolean): string[] {
  const [first, ...others] = runs;
  const names = coreNames(runs);
  const different = runs.findIndex((run) => run.allocation.bytesServed !== first.allocation.bytesServed);
  if (different > 0) return [differentWork(names[0], first, names[different], runs[different])];
  if (others.length === 0) return [`${names[0]} alone: there is nothing to compare it with.`];
  const isIdle =
    !isMarked && runs.every(({ splits, shootdowns }) => splits.level2 + shootdowns.flushes === 0);
  if (others.length > 1) return isIdle ? [pricesOfMany(runs, names, () => true)] : bestOf(runs, names);
  const price = priceWords(pricesOf(first, others[0]), MOST_PRICES);
  if (isIdle) return price === '' ? [] : [`Even so, against ${names[0]}, ${names[1]} has a price: ${price}.`];
  const splits = splitClause(first.splits.level2, others[0].splits.level2);
  const flushes = flushClause(first.shootdowns.flushes, others[0].shootdowns.flushes);
  // The other core's window is the first of its prices.
  const against = `${names[0]}${isInForce(first) ? '' : ' (not in force)'}`;
  return [
    `Against ${against}, ${names[1]} ${splits} and ${flushes}${price === '' ? '' : `; the price: ${price}`}.`,
  ];
}

function hasMarkedRequests(runs: readonly Run[]): boolean {
  return runs.some(({ allocation }) =>
    Object.values(allocation.byClass).some(({ requests }) => requests > 0),
  );
}

function unmarkedSentence({ marks }: Result): string {
  const why = marks.length === 0 ? 'No request is marked' : 'No request matches the marks';
  const how = marks.length === 0 ? 'say with --mark' : 'say with another --mark';
  return `${why}, so a core such as freetype had nothing to do; ${how} which requests want protection (${MARK_EXAMPLE}).`;
}

function differentWork(name: string, first: Run, otherName: string, other: Run): string {
  const difference = other.allocation.bytesServed - first.allocation.bytesServed;
  const amount = `${size(Math.abs(difference) / 4096)} ${difference < 0 ? 'less' : 'more'}`;
  const hasSameFailures = other.allocation.failed.total === first.allocation.failed.total;
  const failures = hasSameFailures
    ? ''
    : `; ${otherName}: ${failureWords(other)}, ${name}: ${failureWords(first)}`;
  return `No winner: ${otherName} served ${amount} than ${name}, so the counts are of different work${failures}.`;
}

/** Promises that were kept from the start: without them a core saves flushes that its design needs. */
function isInForce({ shootdowns }: Run): boolean {
  return shootdowns.window.pages === 0;
}

/** Of many cores only the best are named, and the first for comparison. */
function bestOf(runs: readonly Run[], names: readonly string[]): string[] {
  const isRanked = runs.some(isInForce) ? isInForce : () => true;
  const flagged = runs.map((run, number) => `${names[number]}${isInForce(run) ? '' : ' (not in force)'}`);
  const splits = fewest('2M leaves split', runs, flagged, isRanked, (run) => run.splits.level2);
  const flushes = fewest('flushes', runs, flagged, isRanked, (run) => run.shootdowns.flushes);
  const leftOut = runs.flatMap((run, number) =>
    isRanked(run) ? [] : [`${names[number]} (${windowWords(run.shootdowns.window.pages)})`],
  );
  return [
    `Best: ${splits}; ${flushes}.`,
    runs.some(isInForce) ? '' : 'No core is in force: each promised protection before its flush.',
    leftOut.length === 0 ? '' : `Left out, because not in force: ${leftOut.join(', ')}.`,
    pricesOfMany(runs, names, isRanked),
  ];
}

function fewest(
  what: string,
  runs: readonly Run[],
  names: readonly string[],
  isRanked: (run: Run) => boolean,
  count: (run: Run) => number,
): string {
  const ranked = runs.filter(isRanked).map(count);
  const least = Math.min(...ranked);
  const first = count(runs[0]);
  if (ranked.every((each) => each === least) && (first === least || isRanked(runs[0])))
    return `${what}: ${group(least)} by every core${ranked.length === runs.length ? '' : ' in force'}`;
  const best = names
    .filter((_, number) => isRanked(runs[number]) && count(runs[number]) === least)
    .join(', ');
  const against = first === least ? `most ${group(Math.max(...ranked))}` : `${names[0]} ${group(first)}`;
  return `fewest ${what}: ${best} (${group(least)}; ${against})`;
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

interface Price {
  readonly words: string;
  /** Pages that it touches: the one scale on which all of them can be put. */
  readonly pages: number;
}

/** Everything that is worse than in the first run; requests and promises not kept first, then the largest. */
function pricesOf(first: Run, other: Run): Price[] {
  const worse = (count: (run: Run) => number, pagesEach: number, one: string, many: string): Price[] => {
    const before = count(first);
    const more = count(other) - before;
    if (more <= 0) return [];
    return [
      {
        words: `${group(more)} ${before > 0 ? 'more ' : ''}${more === 1 ? one : many}`,
        pages: more * pagesEach,
      },
    ];
  };
  const fewer = first.fragmentation.free2M.now - other.fragmentation.free2M.now;
  const block = PAGEBLOCK_PAGES;
  const stranded = worse(
    ({ fragmentation }) => fragmentation.stranded?.peakPages ?? 0,
    1,
    'free page stranded',
    'free pages stranded',
  );
  return [
    ...worse(({ allocation }) => allocation.failed.total, 1, 'request failed', 'requests failed'),
    ...windowPrice(first, other),
    ...[
      ...worse(
        ({ fragmentation }) => fragmentation.extfrag.fragmenting,
        block,
        'fragmenting extfrag event',
        'fragmenting extfrag events',
      ),
      ...worse(
        ({ fragmentation }) => fragmentation.pageblocks.mixed,
        block,
        'mixed pageblock',
        'mixed pageblocks',
      ),
      ...(fewer > 0
        ? [
            {
              words: `${group(fewer)} fewer 2M ${fewer === 1 ? 'block' : 'blocks'} free`,
              pages: fewer * block,
            },
          ]
        : []),
      ...worse(({ splits }) => splits.nonGlobal2M, block, '2M leaf not global', '2M leaves not global'),
      ...worse(({ allocation }) => allocation.zeroedPages, 1, 'page zeroed', 'pages zeroed'),
      ...stranded.map(({ words, pages }) => ({ words: `up to ${words}`, pages })),
    ].sort((a, b) => b.pages - a.pages),
  ];
}

function windowPrice(first: Run, other: Run): Price[] {
  const { pages } = other.shootdowns.window;
  return pages > first.shootdowns.window.pages ? [{ words: windowWords(pages), pages }] : [];
}

function windowWords(pages: number): string {
  return `${counted(pages, 'page')} promised protection before ${pages === 1 ? 'its' : 'their'} flush`;
}

function priceWords(prices: readonly Price[], most: number): string {
  const named = prices.slice(0, most).map(({ words }) => words);
  const rest = prices.length - named.length;
  return rest === 0 ? named.join(', ') : `${named.join(', ')} and ${counted(rest, 'more row')}`;
}

/** Cores that pay the same are named together: they are often one design with other parameters. */
function pricesOfMany(
  runs: readonly Run[],
  names: readonly string[],
  isRanked: (run: Run) => boolean,
): string {
  const payers = new Map<string, string[]>();
  runs.forEach((run, number) => {
    if (number === 0 || !isRanked(run)) return;
    const words = priceWords(pricesOf(runs[0], run), 1);
    if (words !== '') payers.set(words, [...(payers.get(words) ?? []), names[number]]);
  });
  if (payers.size === 0) return '';
  const parts = [...payers].map(([words, cores]) => `${cores.join(', ')}: ${words}`);
  return `The price against ${names[0]}: ${parts.join('; ')}.`;
}
