/** Reading a validation by the keys of its registry: what CSV prints and what `--require` compares. */

import { MEASURE_KEYS, MEASURES, type MeasureKey, type ValidationMeasure } from './measures.js';
import type { Validation } from './validation.js';

export interface MeasuredValue {
  /** With the number of the snapshot where the registry has `N`. */
  readonly key: string;
  readonly measure: ValidationMeasure;
  /** Null where it does not apply to the capture. */
  readonly value: number | null;
}

/** Every number of a validation, in registry order. */
export function measuredValues(validation: Validation): MeasuredValue[] {
  return MEASURE_KEYS.flatMap((registered) =>
    keysIn(registered, validation).map((key) => ({
      key,
      measure: MEASURES[registered],
      value: measuredValue(validation, key),
    })),
  );
}

/** What stands in a validation under a key; null where the capture has no such number. */
export function measuredValue(validation: Validation, key: string): number | null {
  let branch: unknown = validation;
  for (const name of key.split('.')) {
    if (Array.isArray(branch)) branch = branch.find(({ snapshot }) => String(snapshot) === name);
    else branch = (branch as { readonly [name: string]: unknown })[name];
    if (branch === null || branch === undefined) return null;
  }
  return branch as number;
}

/** The key of the registry for a key with a snapshot's number in it. */
export function registeredKey(key: string): MeasureKey | null {
  const registered = key.replace(/^recorded\.middle\.\d+\./, 'recorded.middle.N.');
  return Object.hasOwn(MEASURES, registered) && !key.includes('.N.') ? (registered as MeasureKey) : null;
}

/** What 100 % of a number are; null where the registry names no whole. */
export function wholeOf(validation: Validation, key: string): number | null {
  const registered = registeredKey(key);
  const { of } = registered === null ? { of: undefined } : MEASURES[registered];
  if (of === undefined) return null;
  const number = /^recorded\.middle\.(\d+)\./.exec(key)?.[1] ?? '';
  return of.reduce(
    (sum, part) => sum + (measuredValue(validation, part.replace('.N.', `.${number}.`)) ?? 0),
    0,
  );
}

function keysIn(registered: MeasureKey, { recorded }: Validation): string[] {
  if (!registered.includes('.N.')) return [registered];
  return recorded.middle.map(({ snapshot }) => registered.replace('.N.', `.${snapshot}.`));
}
