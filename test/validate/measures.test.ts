import { expect, test } from 'vitest';
import { measuredValues, registeredKey } from '../../src/validate/measured.js';
import { MEASURE_KEYS, MEASURES, type MeasureKey } from '../../src/validate/measures.js';
import { EXACT, VALIDATION } from './validation-fixture.js';

/** Numbers of a result, in the order in which JSON prints them. */
function numberKeys(value: unknown, path: string): string[] {
  if (typeof value === 'number') return [path];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, entry]) =>
    numberKeys(entry, path === '' ? name : `${path}.${name}`),
  );
}

/** Numbers that say where, and count nothing. */
const PLACES = ['firstMiss.line', 'recorded.middle.N.snapshot', 'simulated.freeRunning.firstDifference'];

test('the registry has every number of a result, in the same order', () => {
  const keys = numberKeys(VALIDATION, '')
    .map((key) => key.replace(/^recorded\.middle\.\d+\./, 'recorded.middle.N.'))
    .filter((key) => !PLACES.includes(key));
  expect([...new Set(keys)]).toEqual(MEASURE_KEYS);
});

test('a whole is a number of the same unit, and no part of itself', () => {
  for (const key of MEASURE_KEYS) {
    for (const whole of MEASURES[key].of ?? []) {
      expect(MEASURE_KEYS).toContain(whole);
      expect(MEASURES[whole].of, key).toBeUndefined();
    }
  }
});

test('values by key: each entry of middle under the number of its snapshot', () => {
  const values = new Map(measuredValues(VALIDATION).map(({ key, value }) => [key, value]));
  expect(values.get('recorded.middle.3.listEntries')).toBe(300);
  expect(values.get('recorded.middle.5.listEntriesEqual')).toBe(500);
  expect(values.get('simulated.freeRunning.extfrag.predicted')).toBe(17);
  expect(registeredKey('recorded.middle.3.listEntries')).toBe(
    'recorded.middle.N.listEntries' satisfies MeasureKey,
  );
});

test('what does not apply is null, not 0', () => {
  const values = new Map(measuredValues(EXACT).map(({ key, value }) => [key, value]));
  expect(values.get('flips.toMapped.recorded')).toBeNull();
  expect([...values.keys()].filter((key) => key.includes('middle'))).toEqual([]);
});
