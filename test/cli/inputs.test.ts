/** Traces by every name that a user may give them, several at once, and parts of them. */

import { readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Result } from '../../src/metrics/result.js';
import { bundled, FILL, ROOT, SMALL, Workspace } from './program.js';

const at = new Workspace();
at.write('small.csv', SMALL);

async function resultOf(command: string, stdin: string | Uint8Array = ''): Promise<Result> {
  const { code, stdout, stderr } = await at.run(`${command} --format json`, { stdin });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

/** Runs, without the names of what was run. */
async function runsOf(command: string, stdin?: string | Uint8Array) {
  const { runs, trace } = await resultOf(command, stdin);
  return { runs, events: trace.events, grade: trace.grade };
}

const ofSmall = runsOf('replay small.csv');

describe('standard input', () => {
  test.concurrent.each(['plain', 'gzip'])('%s text', async (how) => {
    const stdin = how === 'gzip' ? gzipSync(SMALL) : SMALL;
    expect(await runsOf('replay -', stdin)).toEqual(await ofSmall);
    const { stdout } = await at.run('check -', { stdin });
    expect(stdout).toBe((await at.run('check small.csv')).stdout);
    expect((await resultOf('replay -', stdin)).trace.name).toBe('<stdin>');
  });

  test('a pipe by name is read twice as well', async () => {
    const { code, stdout } = await at.shell('mm-sim replay <(cat small.csv) --format json');
    expect(code).toBe(0);
    const { runs, trace } = JSON.parse(stdout) as Result;
    expect(runs).toEqual((await ofSmall).runs);
    expect(trace.name).toBe('<pipe>');
  });

  test('leaves no copy behind', async () => {
    await at.run('replay -', { stdin: SMALL });
    await at.run('replay -', { stdin: 'damaged' });
    expect(readdirSync(at.path('tmp'))).toEqual([]);
  });
});

describe('captures and bundled traces', () => {
  test('a bundled name, a folder and the trace file in it are one', async () => {
    for (const file of ['capture.json', 'trace.txt.gz', 'before/state.txt.gz'])
      at.write(`copy/${file}`, bundled(`${FILL}/${file}`));
    const byName = await resultOf(`replay ${FILL} --core freetype`);
    expect(byName.trace.grade).toBe('A');
    expect(byName.machine.start).toBe('capture');
    const byFolder = await resultOf('replay copy --core freetype');
    expect(byFolder).toEqual(await resultOf('replay copy/trace.txt.gz --core freetype'));
    // The memory map beside the state is not copied: it adds nothing to what is counted here.
    expect(byFolder.runs[0].allocation).toEqual(byName.runs[0].allocation);
  });

  test.concurrent.each([[3, '2 more CPUs than in the recording, with empty pcp lists and no requests']])(
    '--cpus %i where one was recorded is told',
    async (cpus, note) => {
      const { code, stderr } = await at.run(`replay ${FILL} --cpus ${cpus}`);
      expect([code, stderr]).toEqual([0, `mm-sim: note: ${note}\n`]);
    },
  );

  test('no result names a path', async () => {
    for (const command of [`check ${FILL} --format json`, `replay ${FILL} --format json`, 'list traces'])
      expect((await at.run(command)).stdout).not.toContain(ROOT);
  });
});

describe('several traces', () => {
  const [header, ...rows] = SMALL.trimEnd().split('\n');
  const ofCpu = (cpu: string) => [header, ...rows.filter((row) => row.split(',')[1] === cpu), ''].join('\n');
  at.write('cpu0.csv', ofCpu('0'));
  at.write('cpu1.csv', ofCpu('1'));

  test('the files of two CPUs are the trace that they came from', async () => {
    expect(await runsOf('replay cpu0.csv cpu1.csv')).toEqual(await ofSmall);
    expect(await runsOf('replay cpu1.csv -', at.read('cpu0.csv'))).toEqual(await ofSmall);
    const compared = await resultOf('compare baseline freetype --trace cpu0.csv cpu1.csv');
    expect(compared.trace.name).toBe('cpu0.csv + cpu1.csv');
    expect(compared.runs).toHaveLength(2);
  });

  test('an event names its trace, since lines count within one', async () => {
    await at.run('replay cpu1.csv cpu0.csv --events events.ndjson');
    const events = at
      .read('events.ndjson')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const flushes = events.filter(({ event, cause }) => event === 'flush' && cause === 'perPage');
    expect(flushes.map(({ trace, line }) => [trace, line])).toEqual([
      [2, 2],
      [2, 3],
      [2, 5],
    ]);
  });
});

describe('--until', () => {
  test.concurrent.each([
    ['before a line', '5', 3, 'stopped before line 5'],
    ['a line after the last', '1000', 5, 'stopped before line 1000'],
    ['after a time, which is still in', '2us', 3, 'stopped 2000 ns after the first event'],
    ['a fraction of a unit', '2.999us', 3, 'stopped 2999 ns after the first event'],
    ['a time before the second event', '999ns', 1, 'stopped 999 ns after the first event'],
  ])('%s', async (_, until, requests, reason) => {
    const { runs, trace } = await resultOf(`replay small.csv --until ${until}`);
    expect(runs[0].allocation.requests).toBe(requests);
    expect(trace.reasons).toEqual(['synthetic trace', reason]);
  });
});
