/** Every output format, once: a result in, text out. A format is an entry here and a file of its own. */

import { EXIT, UserError } from '../kernel/errors.js';
import { nearest } from '../kernel/nearest.js';
import type { Result } from '../metrics/result.js';
import { type CheckReport, checkDocument } from './check.js';
import { paintFor } from './color.js';
import { compareDocument } from './compare.js';
import { csvText, renderCsv } from './csv.js';
import { renderJson } from './json.js';
import { renderMarkdown } from './markdown.js';
import { renderNdjson } from './ndjson.js';
import { replayDocument } from './table.js';
import { renderText } from './text.js';
import { type ValidationView, validationCsv, validationDocument } from './validation.js';

export const FORMATS = ['table', 'markdown', 'csv', 'json', 'ndjson'] as const;
export type Format = (typeof FORMATS)[number];

export interface RenderOptions {
  /** Only `table` has colours. */
  readonly color: boolean;
}

export type Renderer<T> = (value: T, options: RenderOptions) => string;

/** Results: of one run as three tables, of several side by side. */
export const RENDERERS: { readonly [format in Format]: Renderer<Result> } = {
  table: (result, { color }) =>
    renderText(result.runs.length < 2 ? replayDocument(result) : compareDocument(result), paintFor(color)),
  markdown: (result) =>
    renderMarkdown(
      result.runs.length < 2 ? replayDocument(result) : compareDocument(result, Number.POSITIVE_INFINITY),
    ),
  csv: renderCsv,
  json: renderJson,
  ndjson: renderNdjson,
};

/** People get all that is known; scripts the result alone. */
export const CHECK_RENDERERS: { readonly [format in Format]: Renderer<CheckReport> } = {
  table: (check, { color }) => renderText(checkDocument(check), paintFor(color)),
  markdown: (check) => renderMarkdown(checkDocument(check)),
  csv: ({ result }) => csvText([['key', 'value'], ...leavesOf(result, '')]),
  json: ({ result }) => renderJson(result),
  ndjson: ({ result }) => `${JSON.stringify(result)}\n`,
};

/** As for checks: people get all that is known. */
export const VALIDATION_RENDERERS: { readonly [format in Format]: Renderer<ValidationView> } = {
  table: (view, { color }) => renderText(validationDocument(view), paintFor(color)),
  markdown: (view) => renderMarkdown(validationDocument(view)),
  csv: ({ result }) => validationCsv(result),
  json: ({ result }) => renderJson(result),
  ndjson: ({ result }) => `${JSON.stringify(result)}\n`,
};

/** A format by the name that the user gave. Throws UserError (exit code 2) with the nearest one. */
export function formatNamed(name: string): Format {
  const format = FORMATS.find((each) => each === name);
  if (format !== undefined) return format;
  const guess = nearest(name, FORMATS);
  const question = guess === null ? '' : `; did you mean '${guess}'?`;
  throw new UserError(EXIT.commandLine, `there is no format '${name}'${question}`, {
    advice: `formats are ${FORMATS.join(', ')}`,
  });
}

/** Every value of an object under its path. */
function leavesOf(value: unknown, path: string): [string, string | number | null][] {
  if (value === null || typeof value !== 'object') return [[path, value as string | number | null]];
  return Object.entries(value).flatMap(([name, entry]) =>
    leavesOf(entry, path === '' ? name : `${path}.${name}`),
  );
}
