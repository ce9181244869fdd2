import { expect, test } from 'vitest';
import type { Metric } from '../../src/metrics/metric.js';
import { METRICS } from '../../src/metrics/registry.js';
import { makeResult } from '../../src/metrics/result.js';
import { baselineRun, freetypeRun, HEAD, result } from '../output/fixture.js';

/** Paths of an object in the order in which JSON prints them. */
function paths(value: object, path = ''): string[] {
  return Object.entries(value).flatMap(([name, entry]) => {
    const here = path === '' ? name : `${path}.${name}`;
    return entry !== null && typeof entry === 'object' ? [here, ...paths(entry, here)] : [here];
  });
}

test('a run has the keys of the registry, in registry order', () => {
  const keys = new Set((METRICS as readonly Metric[]).map(({ key }) => key as string));
  const inRun = paths(freetypeRun({ probe: true })).filter((path) => keys.has(path));
  expect(inRun).toEqual([...keys]);
});

test('DESIGN §5: the groups of a run, the core first', () => {
  expect(Object.keys(baselineRun())).toEqual([
    'core',
    'allocation',
    'work',
    'fragmentation',
    'probe',
    'splits',
    'shootdowns',
    'cost',
  ]);
});

test('DESIGN §5: the head, in its order, whatever the order of what it is made from', () => {
  const shuffled = Object.fromEntries(Object.entries(HEAD).reverse()) as unknown as typeof HEAD;
  const made = makeResult(
    {
      ...shuffled,
      trace: Object.fromEntries(Object.entries(HEAD.trace).reverse()) as unknown as typeof HEAD.trace,
    },
    [baselineRun()],
  );
  expect(JSON.stringify(made)).toBe(JSON.stringify(result([baselineRun()])));
  expect(Object.keys(made)).toEqual(['schema', 'tool', 'trace', 'machine', 'marks', 'recorded', 'runs']);
  expect(Object.keys(made.trace)).toEqual([
    'name',
    'sha256',
    'format',
    'kernel',
    'events',
    'cpus',
    'spanNs',
    'grade',
    'reasons',
  ]);
});

test('what the head does not name stays out: a path given by mistake is not printed', () => {
  const head = { ...HEAD, trace: { ...HEAD.trace, path: '/somewhere/secretmem.txt.gz' } };
  expect(JSON.stringify(makeResult(head, []))).not.toContain('/somewhere');
});

test('equal inputs give equal bytes', () => {
  expect(JSON.stringify(result([freetypeRun()]))).toBe(JSON.stringify(result([freetypeRun()])));
});
