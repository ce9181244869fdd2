/**
 * Results as CSV (RFC 4180, but with '\n'): `run,key,value,unit`, one value a row, keys as values.ts names
 * them. What does not apply is empty. The kernel's own counts stand first, as run 'recorded'.
 */

import { findMetric } from '../metrics/registry.js';
import type { Recorded, Result } from '../metrics/result.js';
import { flattenRun, type Value } from '../metrics/values.js';

export function renderCsv(result: Result): string {
  const rows: (readonly Value[])[] = [['run', 'key', 'value', 'unit']];
  for (const [key, value] of recordedValues(result.recorded))
    rows.push(['recorded', key, value, findMetric(key).unit]);
  for (const run of result.runs) {
    for (const { key, value, unit } of flattenRun(run)) rows.push([run.core.spec, key, value, unit]);
  }
  return csvText(rows);
}

/** Rows of cells as text. */
export function csvText(rows: readonly (readonly Value[])[]): string {
  return rows.map((row) => `${row.map(csvCell).join(',')}\n`).join('');
}

function csvCell(value: Value): string {
  const text = value === null ? '' : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function recordedValues(recorded: Recorded | null): [key: string, value: number][] {
  if (recorded === null) return [];
  const { splits, shootdowns, extfrag } = recorded;
  return [
    ...Object.entries(extfrag ?? {}).map(([name, value]): [string, number] => [
      `fragmentation.extfrag.${name}`,
      value,
    ]),
    ...Object.entries(splits ?? {}).map(([name, value]): [string, number] => [`splits.${name}`, value]),
    ...Object.entries(shootdowns ?? {}).map(([name, value]): [string, number] => [
      `shootdowns.${name}`,
      value,
    ]),
  ];
}
