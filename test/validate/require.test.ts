import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/kernel/errors.js';
import { crossing, parseRequirement } from '../../src/validate/require.js';
import { EXACT, VALIDATION } from './validation-fixture.js';

function judged(text: string, validation = VALIDATION): string | null {
  return crossing(parseRequirement(text), validation);
}

describe('numbers', () => {
  test.each([
    ['recorded.exact >= 9999', true],
    ['recorded.exact >= 9999.0', true],
    ['recorded.exact > 9999', false],
    ['recorded.exact > 9998.999', true],
    ['recorded.exact<10000', true],
    ['recorded.exact <= 9998.5', false],
    ['  recorded.exact  ==  9999  ', true],
    ['recorded.exact == 9999.5', false],
    ['recorded.middle.3.listEntriesEqual == 299', true],
    ['flips.toMapped.model == 4', true],
  ])('%s: %s', (text, holds) => {
    expect(judged(text) === null).toBe(holds);
  });
});

describe('percentages of the whole that the registry names', () => {
  test.each([
    ['recorded.exact >= 99.99%', true],
    ['recorded.exact > 99.99%', false],
    ['recorded.exact >= 99.990000000001%', false],
    ['recorded.exact == 100%', false],
    ['recorded.exact < 100 %', true],
    ['simulated.missed <= 0.1%', true],
    ['simulated.missed < 0.1%', false],
    ['recorded.middle.5.listEntriesEqual == 100%', true],
    ['recorded.middle.3.listEntriesEqual == 100%', false],
    ['directMap.fullFlushes.model <= 105.6%', true],
    // 10 of the 6 and 5 flips that were made.
    ['flips.equal > 90.9%', true],
    ['flips.equal >= 90.91%', false],
  ])('%s: %s', (text, holds) => {
    expect(judged(text) === null).toBe(holds);
  });

  test('one block less than all is less than 100 %, however many there are', () => {
    const recorded = { ...VALIDATION.recorded, allocations: 2 ** 50, exact: 2 ** 50 - 1 };
    expect(judged('recorded.exact >= 100%', { ...VALIDATION, recorded })).not.toBeNull();
    expect(judged('recorded.exact > 99.999999999%', { ...VALIDATION, recorded })).toBeNull();
  });

  test('nothing of nothing is all of it', () => {
    const recorded = { ...VALIDATION.recorded, extfrag: { recorded: 0, equal: 0 } };
    expect(judged('recorded.extfrag.equal == 100%', { ...VALIDATION, recorded })).toBeNull();
    expect(judged('recorded.extfrag.equal >= 99.9%', { ...VALIDATION, recorded })).toBeNull();
  });
});

test('what is crossed is told with both numbers', () => {
  expect(judged('recorded.exact == 100%')).toBe(
    "--require 'recorded.exact == 100%' is not met: 9,999 of 10,000",
  );
  expect(judged('recorded.freeLists > 30')).toBe("--require 'recorded.freeLists > 30' is not met: 30");
});

test('a number that the capture does not have cannot be judged', () => {
  expect(() => judged('flips.equal >= 1', EXACT)).toThrow(UserError);
  expect(() => judged('recorded.middle.4.listEntries >= 1')).toThrow('a-capture has no such number');
});

test.each([
  '',
  'recorded.exact',
  'recorded.exact >=',
  '>= 99%',
  'recorded.exact => 99%',
  'recorded.exact = 99%',
  'recorded.exact != 99%',
  'recorded.exact >= -1',
  'recorded.exact >= 99,9%',
  'recorded.exact >= 1e3',
  'recorded.exact >= 99% or so',
])("'%s' is no condition", (text) => {
  expect(() => parseRequirement(text)).toThrow('is no condition');
});

test.each(['recorded', 'firstMiss.line', 'recorded.middle.N.listEntries', 'recorded.middle.3', '__proto__'])(
  "'%s' is no number of a validation",
  (key) => {
    expect(() => parseRequirement(`${key} >= 1`)).toThrow(`there is no number '${key}'`);
  },
);
