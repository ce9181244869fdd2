/** Where results go: files, pipes, full disks; and that nothing else ever goes to standard output. */

import { lstatSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { outcomeOf, SMALL, SMALL_NOTE, Workspace } from './program.js';

const at = new Workspace();
at.write('small.csv', SMALL);

describe('--format', () => {
  test.concurrent.each([
    ['table', /^trace {4}small\.csv: 7 events/],
    ['markdown', /^- trace: small\.csv: 7 events/],
    ['csv', /^run,key,value,unit\n/],
    ['json', /^\{\n {2}"schema": "mm-sim\/result@1",\n/],
    ['ndjson', /^\{"schema":"mm-sim\/result@1",[^\n]*\}\n$/],
  ])('%s', async (format, begins) => {
    const { code, stdout, stderr } = await at.run(`replay small.csv --format ${format}`);
    expect(code).toBe(0);
    expect(stdout).toMatch(begins);
    expect(stdout.endsWith('\n') && !stdout.endsWith('\n\n')).toBe(true);
    expect(stderr).toBe(SMALL_NOTE);
  });

  test('no line of a table is wider than 75 columns or ends in a blank', async () => {
    for (const command of [
      'replay small.csv',
      'compare baseline freetype --trace small.csv',
      'check small.csv',
    ])
      for (const line of (await at.run(command)).stdout.split('\n')) {
        expect(line.length, line).toBeLessThanOrEqual(75);
        expect(line).toBe(line.trimEnd());
      }
  });

  test('colours only where they are asked for', async () => {
    const begin = '\u001b[';
    const plain = await at.run('compare baseline freetype --trace small.csv');
    const always = await at.run('compare baseline freetype --trace small.csv --color always', {
      env: { NO_COLOR: '1' },
    });
    expect(plain.stdout).not.toContain(begin);
    expect(always.stdout).toContain(begin);
    const json = await at.run('compare baseline freetype --trace small.csv --color always --format json');
    expect(json.stdout).not.toContain(begin);
  });
});

describe('--output', () => {
  test('writes what standard output would show, and nothing there', async () => {
    const shown = await at.run('replay small.csv --format json');
    const written = await at.run('replay small.csv --format json --output result.json');
    expect(written).toEqual({ code: 0, stdout: '', stderr: SMALL_NOTE });
    expect(at.read('result.json')).toBe(shown.stdout);
    expect(await at.run('replay small.csv --format json --output -')).toEqual(shown);
  });

  test('keeps the old file until the new one is whole', async () => {
    at.write('kept.txt', 'old');
    at.write('broken.csv', SMALL.replace('4096,9', '4096,19'));
    expect((await at.run('replay broken.csv --output kept.txt')).code).toBe(3);
    expect(at.read('kept.txt')).toBe('old');
    expect(readdirSync(at.folder).filter((name) => name.includes('.part-'))).toEqual([]);
  });

  test('writes through a symbolic link', async () => {
    at.write('target.txt', 'old');
    symlinkSync('target.txt', at.path('link.txt'));
    expect((await at.run('check small.csv --output link.txt')).code).toBe(0);
    expect(lstatSync(at.path('link.txt')).isSymbolicLink()).toBe(true);
    expect(at.read('target.txt')).toMatch(/^format {2}csv/);
  });

  test.concurrent.each([
    ['replay small.csv --output none/x', 'none/x: cannot be created (no such directory)'],
    ['replay small.csv --events none/x', 'none/x: cannot be created (no such directory)'],
    ['replay small.csv --log-file none/x', 'none/x: cannot be created (no such directory)'],
    [
      'check small.csv --output small.csv/x',
      'small.csv/x: cannot be created (a part of its path is no directory)',
    ],
    ['list cores --output tmp', 'tmp: is a directory'],
    // Before the trace is looked at: there is none.
    ['replay missing.csv --output none/x', 'none/x: cannot be created (no such directory)'],
  ])('%s', async (command, line) => {
    expect(await at.run(command)).toEqual({ code: 3, stdout: '', stderr: `mm-sim: ${line}\n` });
  });
});

describe('a full disk', () => {
  test.concurrent.each([
    [
      'mm-sim replay small.csv > /dev/full',
      `${SMALL_NOTE}mm-sim: standard output: no space left on the device\n`,
    ],
    ['mm-sim check small.csv > /dev/full', 'mm-sim: standard output: no space left on the device\n'],
    ['mm-sim list metrics > /dev/full', 'mm-sim: standard output: no space left on the device\n'],
    [
      'mm-sim replay small.csv --output /dev/full',
      `${SMALL_NOTE}mm-sim: /dev/full: no space left on the device\n`,
    ],
    ['mm-sim replay small.csv --events /dev/full', 'mm-sim: /dev/full: no space left on the device\n'],
    ['mm-sim replay small.csv --log-file /dev/full', 'mm-sim: /dev/full: no space left on the device\n'],
  ])('%s', async (line, stderr) => {
    expect(await at.shell(line)).toEqual({ code: 3, stdout: '', stderr });
  });
});

describe('a closed pipe ends in silence', () => {
  test('… | head -1', async () => {
    const { code, stdout, stderr } = await at.shell(
      'mm-sim list metrics | head -1; exit $' + '{PIPESTATUS[0]}',
    );
    expect([code, stdout.split('\n').length, stderr]).toEqual([0, 2, '']);
  });

  test('nobody reads at all', async () => {
    const child = at.start(['list', 'metrics', '--format', 'json']);
    child.stdout?.destroy();
    expect(await outcomeOf(child)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('that of --events does not stop the run', async () => {
    const shown = await at.run('replay small.csv --format csv');
    const piped = await at.shell('mm-sim replay small.csv --format csv --events >(true)');
    expect(piped).toEqual(shown);
  });
});

describe('the log', () => {
  test('--log-level turns notes into JSON lines on standard error', async () => {
    const { stderr, stdout } = await at.run('replay small.csv --log-level info --format ndjson');
    expect(JSON.parse(stderr)).toMatchObject({
      level: 30,
      msg: 'no --machine: 1G and 2 CPUs hold all pages of the trace',
    });
    expect(JSON.parse(stdout).schema).toBe('mm-sim/result@1');
  });

  test('--log-file keeps standard error empty', async () => {
    const { code, stderr } = await at.run('replay small.csv --log-file log.ndjson --log-level debug');
    expect([code, stderr]).toEqual([0, '']);
    const messages = at
      .read('log.ndjson')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).msg);
    expect(messages).toEqual(['run', 'no --machine: 1G and 2 CPUs hold all pages of the trace']);
  });

  test('a level above leaves them out', async () => {
    expect(await at.run('replay small.csv --log-level error')).toMatchObject({ code: 0, stderr: '' });
  });
});

test('help, version and lists go to standard output', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(await at.run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  for (const command of ['--help', 'help replay', 'replay --help', 'list traces', 'list machines']) {
    const { code, stdout, stderr } = await at.run(command);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.length).toBeGreaterThan(200);
  }
});
