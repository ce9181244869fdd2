/**
 * What `validate` says: whether the model picks the pages that Linux picked, on one screen. First the lists
 * driven by the kernel's own events, then the requests alone, then the counts that both made. What was
 * inferred stands beside what is exact. Scripts get the result alone (DESIGN §5).
 */

import { counted, group } from '../kernel/counted.js';
import { thousandths } from '../metrics/metric.js';
import { measuredValue, measuredValues, registeredKey, wholeOf } from '../validate/measured.js';
import { MEASURES, type MeasureKey } from '../validate/measures.js';
import type { DirectMapResult, RecordedAndModel, Validation } from '../validate/validation.js';
import { csvText } from './csv.js';
import { ABSENT, type Document, type Facts, type Grid, type Row } from './document.js';
import { type MissContextView, missBlocks } from './first-miss.js';
import { percent } from './numbers.js';
import { printable } from './printable.js';

/** What people get beside the result; the names are those of the validate room. */
export interface ValidationView {
  readonly result: Validation;
  readonly details: {
    readonly cpus: number;
    readonly events: number;
    readonly withoutProbes: boolean;
    readonly hasFreetypes: boolean;
    readonly hasCompaction: boolean;
    readonly rotatedLists: readonly string[];
    readonly differingLists: readonly string[];
    readonly wantsFirstMiss: boolean;
    readonly metricLines: readonly MetricLineView[];
    readonly firstMissContext: MissContextView | null;
  };
}

/** A line that the model prints otherwise than the kernel did: since the copy is of another moment, or in error. */
interface MetricLineView {
  readonly end: 'before' | 'after';
  readonly file: string;
  readonly line: number;
  readonly cause: 'copyMoved' | 'model';
}

export function validationDocument(view: ValidationView): Document {
  const { result } = view;
  const words = differenceWords(view);
  return [
    head(view),
    buddyLevel(result),
    requestLevel(result),
    freeRunning(result),
    effects(result),
    counts(result),
    ...(words.rows.length === 0 ? [] : [words]),
    ...missBlocks(result.firstMiss, view.details),
    { kind: 'sentence', text: verdict(result) },
  ];
}

/** One value a row, in registry order; what does not apply is empty. */
export function validationCsv(result: Validation): string {
  const { capture, kernel, rules, firstMiss } = result;
  return csvText([
    ['key', 'value', 'unit'],
    ['capture', capture, ''],
    ['kernel', kernel, ''],
    ['rules', rules, ''],
    ...measuredValues(result).map(({ key, value, measure }) => [key, value, measure.unit]),
    ['firstMiss.file', firstMiss?.file ?? null, ''],
    ['firstMiss.line', firstMiss?.line ?? null, ''],
    ['firstMiss.reason', firstMiss?.reason ?? null, ''],
  ]);
}

function head({ result, details }: ValidationView): Facts {
  const { capture, kernel, rules } = result;
  const series = details.hasFreetypes ? ' with the freetype series' : '';
  return {
    kind: 'facts',
    rows: [
      [
        'capture',
        `${printable(capture)}: ${counted(details.events, 'event')}, ${counted(details.cpus, 'CPU')}`,
      ],
      ['kernel', `${printable(kernel)}, by the rules of ${rules}${series}`],
      ...(details.withoutProbes
        ? [['events', "the kernel's own alone; probes of the capture are left out"] as const]
        : []),
    ],
  };
}

function buddyLevel(result: Validation): Grid {
  const { recorded } = result;
  return {
    kind: 'grid',
    head: ["driven by the kernel's list events", 'equal', 'of', 'share'],
    rows: [
      shared(result, 'recorded.exact'),
      shared(result, 'recorded.extfrag.equal'),
      shared(result, 'recorded.freeListsEqual'),
      shared(result, 'recorded.listEntriesEqual'),
      ...recorded.middle.map(({ snapshot }) =>
        shared(result, `recorded.middle.${snapshot}.listEntriesEqual`, `  at snapshot ${snapshot}`),
      ),
      shared(result, 'recorded.pageblocksEqual'),
      single(result, 'recorded.inferred.bypasses'),
      single(result, 'recorded.inferred.rotations'),
      ...(recorded.inferred.corrections === 0 ? [] : [single(result, 'recorded.inferred.corrections')]),
    ],
  };
}

function requestLevel(result: Validation): Grid {
  return {
    kind: 'grid',
    head: ['from the requests alone, one step', 'equal', 'of', 'share'],
    rows: [
      shared(result, 'simulated.exact'),
      shared(result, 'simulated.reordered', '  of these told early or late'),
      single(result, 'simulated.putRight'),
      shared(result, 'simulated.pcpListsEqual'),
      single(result, 'simulated.silent'),
    ],
  };
}

function freeRunning(result: Validation): Grid {
  return {
    kind: 'grid',
    head: ['from the requests alone, never corrected', 'equal', 'of', 'share'],
    rows: [
      shared(result, 'simulated.freeRunning.sameBuddyEvents', 'list events up to the first difference'),
      shared(
        result,
        'simulated.freeRunning.inLineOrder.sameBuddyEvents',
        '  with requests in the order of lines',
      ),
      single(result, 'simulated.freeRunning.buddyinfoError', 'largest error of buddyinfo, blocks'),
      single(result, 'simulated.freeRunning.pagetypeinfoError', 'largest error of pagetypeinfo, blocks'),
    ],
  };
}

/** What the lists and requests have brought about, as far as it is equal or not. */
function effects(result: Validation): Grid {
  return {
    kind: 'grid',
    head: ['direct map and metrics', 'equal', 'of', 'share'],
    rows: [
      ...(result.directMap === null
        ? []
        : [shared(result, 'directMap.leavesEqual', 'direct map, pages under the same leaf')]),
      ...(result.flips === null ? [] : [shared(result, 'flips.equal', 'flips, same block and moment')]),
      shared(result, 'metrics.equal', "lines of the kernel's own metrics"),
    ],
  };
}

/** Both made them, neither is told by the other. Rows that most captures have no use for come where they have. */
function counts({ simulated, directMap, flips }: Validation): Grid {
  const { extfrag } = simulated.freeRunning;
  const row = (label: string, { recorded, model }: RecordedAndModel): Row => [
    label,
    group(recorded),
    recorded === model ? group(model) : { text: group(model), tone: 'bad' },
  ];
  return {
    kind: 'grid',
    head: ['counts', 'recorded', 'model'],
    rows: [
      ...(simulated.failures.recorded === 0 ? [] : [row('requests not served', simulated.failures)]),
      row('fallbacks, never corrected', { recorded: extfrag.recorded, model: extfrag.predicted }),
      ...(directMap === null ? [] : directMapCounts(directMap, row)),
      ...(flips === null
        ? []
        : [
            row('flips to unmapped', flips.toUnmapped),
            row('flips to mapped', flips.toMapped),
            row('flips refused', flips.refused),
          ]),
    ],
  };
}

function directMapCounts(
  { level2Splits, level3Splits, fullFlushes, rangedFlushes, otherFlushes }: DirectMapResult,
  row: (label: string, counts: RecordedAndModel) => Row,
): Row[] {
  return [
    row('2M leaves split', level2Splits),
    ...(level3Splits.recorded + level3Splits.model === 0 ? [] : [row('1G leaves split', level3Splits)]),
    row('full flushes', fullFlushes),
    row('ranged flushes', rangedFlushes),
    ...(otherFlushes === 0 ? [] : [['other flushes', group(otherFlushes), ABSENT] satisfies Row]),
  ];
}

/** What is not the kernel's, by name: a sceptic will look for it. */
function differenceWords({ details, result }: ValidationView): Facts {
  const { rotatedLists, differingLists, hasCompaction, metricLines } = details;
  const rows: [string, string][] = [];
  const { firstDifference } = result.simulated.freeRunning;
  if (firstDifference !== null)
    rows.push([
      'uncorrected',
      `the run that is never corrected leaves the kernel's path at line ${firstDifference} of the trace`,
    ]);
  if (rotatedLists.length > 0) {
    const why = hasCompaction
      ? ', but compaction turns lists without an event, and nothing was taken from these afterwards (page-allocator §7.3)'
      : '';
    rows.push(['other order', `${rotatedLists.join('; ')}: the same blocks${why}`]);
  }
  const moved = metricLines.filter(({ cause }) => cause === 'copyMoved').length;
  if (moved > 0) {
    const copies = 'were copied seconds before snapshot 1 or milliseconds after snapshot 2';
    rows.push([
      'other lines',
      `${counted(moved, 'line')} where the kernel's files ${copies}, and memory had changed: of the snapshot itself the model prints what the kernel would`,
    ]);
  }
  const wrong = metricLines.filter(({ cause }) => cause === 'model');
  if (wrong.length > 0)
    rows.push(['wrong lines', wrong.map(({ end, file, line }) => `${end}/${file}:${line}`).join(', ')]);
  if (differingLists.length > 0) rows.push(['other blocks', differingLists.join('; ')]);
  return { kind: 'facts', rows };
}

function verdict(result: Validation): string {
  const { recorded, simulated } = result;
  const { sameBuddyEvents, buddyEvents } = simulated.freeRunning;
  const isPart = sameBuddyEvents < buddyEvents;
  const lists =
    recorded.freeListsEqual === recorded.freeLists
      ? 'ends with every free list in its order'
      : `ends with ${group(recorded.freeListsEqual)} of ${group(recorded.freeLists)} free lists in its order`;
  return (
    `Told when a block is taken, the model takes ${chosen(recorded.exact, recorded.allocations, 'block')} that the kernel took and ` +
    `${lists}; told the requests alone, it hands out ${chosen(simulated.exact, simulated.allocations, 'page')}; ` +
    `never corrected, it makes ${chosen(sameBuddyEvents, buddyEvents, 'list event')}${isPart ? ' before the first that differs' : ''}.`
  );
}

function chosen(exact: number, all: number, what: string): string {
  if (all === 0) return `none, for there is no ${what}`;
  return exact === all
    ? `all ${counted(all, what)}`
    : `${group(exact)} of ${counted(all, what)} (${percent(thousandths(exact, all))})`;
}

/** A number of how many, and its share: truncated, so that '100.0 %' is said of all alone. */
function shared(result: Validation, key: string, label?: string): Row {
  const measure = MEASURES[registeredKey(key)!];
  const value = measuredValue(result, key) ?? 0;
  const whole = wholeOf(result, key) ?? 0;
  const share = whole === 0 ? '' : percent(thousandths(value, whole));
  const isShort = measure.better === 'higher' && value < whole;
  return [label ?? measure.label, group(value), group(whole), isShort ? { text: share, tone: 'bad' } : share];
}

function single(result: Validation, key: MeasureKey, label?: string): Row {
  return [label ?? MEASURES[key].label, group(measuredValue(result, key) ?? 0), '', ''];
}
