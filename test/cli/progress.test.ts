/** Progress: on a terminal, after a second, and never on standard output. */

import { expect, test } from 'vitest';
import { startProgress } from '../../src/cli/progress.js';
import { CORES } from '../../src/cores/registry.js';
import { DEFAULT_COST_PRESET } from '../../src/metrics/cost.js';
import { runSession } from '../../src/replay/session.js';
import { bundled, FILL, ROOT, SMALL, Workspace } from './program.js';

const at = new Workspace();
at.write('small.csv', SMALL);

class Terminal {
  written: string[] = [];
  readonly isTTY: boolean;
  ms = 0;

  constructor(isTTY = true) {
    this.isTTY = isTTY;
  }

  readonly now = (): number => this.ms;

  write(text: string): void {
    this.written.push(text);
  }
}

test('a line after a second, then five a second, and gone at the end', () => {
  const terminal = new Terminal();
  const progress = startProgress(true, terminal, terminal.now);
  for (; terminal.ms < 1500; terminal.ms += 50) progress.update(terminal.ms, 2000);
  progress.stop();
  progress.stop();
  expect(terminal.written).toEqual([
    '\r\u001b[Kmm-sim: 50 %, 1 s left',
    '\r\u001b[Kmm-sim: 60 %, 1 s left',
    '\r\u001b[Kmm-sim: 70 %, 1 s left',
    '\r\u001b[K',
  ]);
});

test('work of less than a second leaves no trace', () => {
  const terminal = new Terminal();
  const progress = startProgress(true, terminal, terminal.now);
  for (; terminal.ms < 1000; terminal.ms += 10) progress.update(terminal.ms, 1000);
  progress.stop();
  expect(terminal.written).toEqual([]);
});

test('without a size, what was read', () => {
  const terminal = new Terminal();
  const progress = startProgress(true, terminal, terminal.now);
  terminal.ms = 1200;
  progress.update(12.5 * 2 ** 20, null);
  expect(terminal.written).toEqual(['\r\u001b[Kmm-sim: 12 MiB read']);
});

test.each([
  ['not a terminal', true, false],
  ['--no-progress', false, true],
])('never: %s', (_, wanted, isTTY) => {
  const terminal = new Terminal(isTTY);
  const progress = startProgress(wanted, terminal, terminal.now);
  for (; terminal.ms < 5000; terminal.ms += 100) progress.update(terminal.ms, 5000);
  progress.stop();
  expect(terminal.written).toEqual([]);
});

test('a session tells the bytes of both passes over all files', async () => {
  const told: [number, number | null][] = [];
  const traces = [`${ROOT}traces/${FILL}/trace.txt.gz`, at.path('small.csv')];
  await runSession({
    version: 'test',
    traces: traces.map((path) => ({ path, name: path })),
    cores: [{ entry: CORES[0], parameters: { flush: 'page' }, spec: 'baseline' }],
    machine: {},
    placement: 'simulated',
    marks: [],
    untilLine: Number.POSITIVE_INFINITY,
    untilNs: Number.POSITIVE_INFINITY,
    tlbCpus: [1],
    costPreset: DEFAULT_COST_PRESET,
    writeEvent: null,
    onProgress: (bytes, total) => told.push([bytes, total]),
  });
  const total = 2 * (bundled(`${FILL}/trace.txt.gz`).length + SMALL.length);
  expect(told.every((each) => each[1] === total)).toBe(true);
  expect(told.every(([bytes], i) => i === 0 || bytes >= told[i - 1][0])).toBe(true);
  expect(told.at(-1)?.[0]).toBe(total);
});
