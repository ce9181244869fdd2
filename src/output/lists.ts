/** What `list` prints: a name, one line on what it is, and where it comes from. */

import type { Metric } from '../metrics/metric.js';
import { METRICS } from '../metrics/registry.js';
import { MEASURE_KEYS, MEASURES } from '../validate/measures.js';
import { csvText } from './csv.js';
import { renderJson } from './json.js';
import { renderMarkdown } from './markdown.js';
import { printable } from './printable.js';

export interface ListRow {
  readonly name: string;
  readonly summary: string;
  readonly source: string;
}

/** One row a line, whatever its length: lists are for grep. */
export function renderList(rows: readonly ListRow[]): string {
  const names = Math.max(0, ...rows.map(({ name }) => name.length));
  return rows
    .map(
      ({ name, summary, source }) =>
        `${printable(name).padEnd(names)}  ${printable(summary)}  [${printable(source)}]\n`,
    )
    .join('');
}

/** The other formats, for scripts and documentation. */
export const LIST_RENDERERS: { readonly [format: string]: (rows: readonly ListRow[]) => string } = {
  table: renderList,
  markdown: (rows) =>
    renderMarkdown([
      {
        kind: 'grid',
        head: ['name', 'what it is', 'source'],
        rows: rows.map(({ name, summary, source }) => [name, summary, source]),
      },
    ]),
  csv: (rows) =>
    csvText([
      ['name', 'summary', 'source'],
      ...rows.map(({ name, summary, source }) => [name, summary, source]),
    ]),
  json: (rows) => renderJson(rows.map(listObject)),
  ndjson: (rows) => rows.map((row) => `${JSON.stringify(listObject(row))}\n`).join(''),
};

/** Rows of `list metrics` that are of a run. */
export function metricRows(metrics: readonly Metric[] = METRICS): ListRow[] {
  return metrics.map(({ key, label, unit, better, formula, source }) => ({
    name: key,
    summary: `${label} (${unit}${better === 'neither' ? '' : `, ${better} is better`}): ${formula}`,
    source,
  }));
}

/** Rows of `list metrics` that are of a validation. */
export function measureRows(): ListRow[] {
  return MEASURE_KEYS.map((key) => {
    const { label, unit, of, better, formula, source } = MEASURES[key];
    const words = [
      of === undefined ? unit : `${unit} of ${of.join(' + ')}`,
      ...(better === 'neither' ? [] : [`${better} is better`]),
    ];
    return { name: key, summary: `validate: ${label} (${words.join(', ')}): ${formula}`, source };
  });
}

function listObject({ name, summary, source }: ListRow): ListRow {
  return { name, summary, source };
}
