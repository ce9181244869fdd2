import { expect, test } from 'vitest';
import { METRICS } from '../../src/metrics/registry.js';
import { LIST_RENDERERS, measureRows, metricRows, renderList } from '../../src/output/lists.js';

const rows = [
  { name: 'baseline', summary: 'the buddy allocator of Linux', source: 'page-allocator' },
  { name: 'bump', summary: 'address order, no reuse: the yardstick', source: 'mm-sim' },
];

test('one line each, names in a column', () => {
  expect(renderList(rows)).toBe(
    'baseline  the buddy allocator of Linux  [page-allocator]\n' +
      'bump      address order, no reuse: the yardstick  [mm-sim]\n',
  );
  expect(renderList([])).toBe('');
});

test('the other formats', () => {
  expect(LIST_RENDERERS.csv(rows)).toBe(
    'name,summary,source\nbaseline,the buddy allocator of Linux,page-allocator\nbump,"address order, no reuse: the yardstick",mm-sim\n',
  );
  expect(JSON.parse(LIST_RENDERERS.json(rows))).toEqual(rows);
  expect(
    LIST_RENDERERS.ndjson(rows)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual(rows);
  expect(LIST_RENDERERS.markdown(rows)).toContain(
    '| bump | address order, no reuse: the yardstick | mm-sim |',
  );
});

test('list metrics: every metric with its unit, direction, formula and source', () => {
  const listed = metricRows();
  expect(listed).toHaveLength(METRICS.length);
  expect(listed.find(({ name }) => name === 'splits.level2')).toEqual({
    name: 'splits.level2',
    summary:
      '2M leaves split (splits, lower is better): direct_map_level2_splits: 2M leaves broken into 4K entries',
    source: 'direct-map-and-rivals §1.4, §2.3',
  });
});

test('and every number of a validation, with what 100 % of it are', () => {
  expect(measureRows().find(({ name }) => name === 'recorded.extfrag.equal')).toEqual({
    name: 'recorded.extfrag.equal',
    summary:
      'validate: fallbacks equal (fallbacks of recorded.extfrag.recorded, higher is better): same page, claim or steal, fallback order and type',
    source: 'page-allocator §3.4, §12.2',
  });
});
