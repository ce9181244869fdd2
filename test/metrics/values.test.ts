import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/kernel/errors.js';
import { compareValues, flattenRun, readKey } from '../../src/metrics/values.js';
import { baselineRun, freetypeRun } from '../output/fixture.js';

describe('a run as a flat list', () => {
  test('no key twice', () => {
    const keys = flattenRun(freetypeRun({ probe: true })).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('records have keys by name, never by position', () => {
    const keys = flattenRun(baselineRun()).map(({ key }) => key);
    expect(keys).toContain('fragmentation.zones.Normal.freeBlocks.9');
    expect(keys).toContain('fragmentation.fallbacks.byTypes.movable.unmovable.3.count');
  });

  test('each part has the unit of its field', () => {
    const units = new Map(flattenRun(baselineRun()).map(({ key, unit }) => [key, unit]));
    expect(units.get('fragmentation.zones.DMA.freeBlocks.0')).toBe('blocks');
    expect(units.get('fragmentation.zones.DMA.extfragIndex.0')).toBe('thousandths');
    expect(units.get('allocation.byClass.unmapped.requests')).toBe('requests');
    expect(units.get('allocation.byClass.unmapped.peakPages')).toBe('pages');
    expect(units.get('cost.derivedNs.initiator.64.mid')).toBe('ns');
  });

  test('what does not apply is one null under the key of the metric', () => {
    const values = flattenRun(baselineRun()).filter(({ key }) => /^probe|stranded/.test(key));
    expect(values.map(({ key, value }) => [key, value])).toEqual([
      ['fragmentation.stranded.pages', null],
      ['fragmentation.stranded.peakPages', null],
      ['fragmentation.stranded.atFailures', null],
      ['probe.tried', null],
      ['probe.served', null],
      ['probe.failed.byReason', null],
    ]);
  });
});

describe('one key', () => {
  const run = baselineRun({ failed: 3 });

  test.each([
    ['splits.level2', 1_204],
    ['shootdowns.ipis.64', 461_034],
    ['fragmentation.freePages.byOrder.10', 2_048],
    ['fragmentation.zones.DMA.extfragIndex.9', 990],
    ['allocation.failed.byReason.noBlock', 3],
    ['cost.preset', 'x86-64'],
    ['fragmentation.stranded.pages', null],
    ['probe.failed.byReason.noBlock', null],
    // Listed only where it occurs: what is not there has not occurred.
    ['fragmentation.fallbacks.byTypes.reclaimable.movable.4.count', 0],
    ['allocation.byClass.readonly.failed', 0],
  ])('%s is %s', (key, value) => {
    expect(readKey(run, key)).toBe(value);
  });

  test.each([
    ['shootdowns.ipis', `'shootdowns.ipis' has several values; name one, such as 'shootdowns.ipis.1'`],
    [
      'shootdowns.ipis.65',
      `'shootdowns.ipis.65' is not in the result; name one, such as 'shootdowns.ipis.64'`,
    ],
    [
      'allocation.failed.byReason.noblock',
      `'allocation.failed.byReason.noblock' is not in the result; name one, such as 'allocation.failed.byReason.noBlock'`,
    ],
  ])('%s is refused', (key, line) => {
    let said = '';
    try {
      readKey(run, key);
    } catch (error) {
      if (error instanceof UserError) said = `${error.message}; ${error.advice}`;
    }
    expect(said).toBe(line);
  });
});

describe('two runs', () => {
  const differences = compareValues(baselineRun(), freetypeRun());
  const of = (key: string) => differences.find((difference) => difference.key === key);

  test('equal runs differ nowhere', () => {
    for (const { change, before, after } of compareValues(baselineRun(), baselineRun())) {
      expect(after).toBe(before);
      expect(change === 0 || typeof before !== 'number').toBe(true);
    }
  });

  test('the change is after - before', () => {
    expect(of('splits.level2')).toEqual({
      key: 'splits.level2',
      unit: 'splits',
      better: 'lower',
      before: 1_204,
      after: 0,
      change: -1_204,
    });
  });

  test('a fallback that one run lacks counts as 0 there', () => {
    expect(of('fragmentation.fallbacks.byTypes.movable.unmovable.3.count')).toMatchObject({
      before: 5,
      after: 0,
      change: -5,
    });
  });

  test('no change where a number does not apply to one run', () => {
    expect(of('fragmentation.stranded.pages')).toMatchObject({ before: null, after: 2_168, change: null });
  });
});
