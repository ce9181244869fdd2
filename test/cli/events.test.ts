/** `--events`: every flip, split, flush, fallback and failure, with the line of the trace that caused it. */

import { describe, expect, test } from 'vitest';
import type { Result, Run } from '../../src/metrics/result.js';
import { bundledText, FILL, SECRETMEM, SMALL, Workspace } from './program.js';

interface Event {
  readonly event: string;
  readonly run: string;
  readonly line: number;
  readonly [field: string]: unknown;
}

const at = new Workspace();
at.write('small.csv', SMALL);

async function eventsOf(command: string): Promise<{ result: Result; events: Event[] }> {
  const file = `${command.replace(/\W+/g, '-')}.ndjson`;
  const { code, stdout, stderr } = await at.run(`${command} --events ${file} --format json`);
  expect(code, stderr).toBe(0);
  const lines = at.read(file).split('\n');
  expect(lines.pop()).toBe('');
  return { result: JSON.parse(stdout), events: lines.map((line) => JSON.parse(line)) };
}

/** What a run counts, as its events must count it. */
function countsOf({ shootdowns, splits, allocation, fragmentation }: Run) {
  return {
    flushes: shootdowns.flushes,
    full: shootdowns.full,
    splits: splits.level2 + splits.level3,
    toUnmapped: shootdowns.flips.toUnmapped.operations,
    toMapped: shootdowns.flips.toMapped.operations,
    failures: allocation.failed.total,
    fallbacks: fragmentation.fallbacks.claims + fragmentation.fallbacks.steals,
  };
}

function countEvents(events: readonly Event[], run: string): ReturnType<typeof countsOf> {
  const count = (fields: Readonly<Record<string, unknown>>): number =>
    events.filter(
      (event) => event.run === run && Object.entries(fields).every(([name, value]) => event[name] === value),
    ).length;
  return {
    flushes: count({ event: 'flush' }),
    full: count({ event: 'flush', full: true }),
    splits: count({ event: 'split' }),
    toUnmapped: count({ event: 'flip', direction: 'toUnmapped' }),
    toMapped: count({ event: 'flip', direction: 'toMapped' }),
    failures: count({ event: 'failure' }),
    fallbacks: count({ event: 'fallback' }),
  };
}

describe('events count what the result counts', () => {
  test.concurrent.each([
    `compare baseline freetype --trace ${SECRETMEM}`,
    `compare baseline freetype --trace ${FILL}`,
    'compare baseline:flush=batch:2 freetype --trace small.csv',
    // Three quarters of the requests fail there.
    'compare baseline freetype --trace small.csv --memory 8M --start empty',
  ])('%s', async (command) => {
    const { result, events } = await eventsOf(command);
    expect(events.length).toBeGreaterThan(0);
    for (const run of result.runs) expect(countEvents(events, run.core.spec)).toEqual(countsOf(run));
  });
});

test('what a small trace sets off, event by event', async () => {
  const { events } = await eventsOf('replay small.csv');
  const told = events.map(({ event, line, timeNs, cpu, cause, reason, full, level }) =>
    [event, line, timeNs, cpu, cause ?? reason ?? level, full].filter((part) => part !== undefined).join(' '),
  );
  expect(told).toMatchInlineSnapshot(`
    [
      "fallback 2 0 0 claim",
      "split 2 0 0 2",
      "flush 2 0 0 split true",
      "flush 2 0 0 perPage false",
      "flush 4 2000 0 perPage false",
      "flush 8 6000 0 perPage false",
    ]
  `);
});

test('keys stand in one order, and only those that apply', async () => {
  const { events } = await eventsOf('compare baseline freetype --trace small.csv');
  const keys = new Map(events.map((event) => [event.event, Object.keys(event).join(' ')]));
  expect(Object.fromEntries(keys)).toMatchInlineSnapshot(`
    {
      "fallback": "event run line timeNs cpu pfn order from to reason",
      "flip": "event run line timeNs cpu pfn pages cause direction",
      "flush": "event run line timeNs cpu pfn pages cause full",
      "split": "event run line timeNs cpu pfn level",
    }
  `);
});

test('each flip, split and full flush stands on a line of the trace that asks for pages or gives them', async () => {
  const { events } = await eventsOf(`compare baseline freetype --trace ${FILL}`);
  const lines = bundledText(FILL).split('\n');
  for (const { event, line } of events) {
    if (event === 'fallback' || event === 'failure') continue;
    expect(lines[line - 1], `line ${line}`).toMatch(/: mm_page_(alloc|free): | mm-sim: req /);
  }
});
