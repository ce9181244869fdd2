import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EXIT, type UserError } from '../../src/kernel/errors.js';
import { findCapture, findMarksFile } from '../../src/machine/capture.js';
import { captureFolders, captureName, haveCaptures } from './shared.js';
import { stateText } from './state-text.js';

const INFO = {
  schema: 'mm-sim/capture@1',
  name: 'small',
  kernel: { release: '7.3-cloud-amd64' },
  machine: { cpus: 1, memory: '8M' },
  trace: { file: 'trace.txt.gz', clock: 'mono', events: { mm_page_alloc: 7 }, somethingNew: [1] },
  state: { before: 'before/state.txt.gz', middle: ['middle/state10.txt.gz', 'middle/state3.txt.gz'] },
};

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mm-sim-capture-'));
  for (const part of ['before', 'middle']) await mkdir(join(folder, part));
  await writeFile(join(folder, 'capture.json'), JSON.stringify(INFO));
  await writeFile(join(folder, 'trace.txt.gz'), '');
  await writeFile(join(folder, 'before', 'state.txt.gz'), gzipSync(stateText()));
  await writeFile(join(folder, 'before', 'iomem'), '00001000-0009ffff : System RAM\n');
  for (const n of [3, 10]) {
    const text = stateText().replace('snapshot 1', `snapshot ${n}`);
    await writeFile(join(folder, 'middle', `state${n}.txt.gz`), gzipSync(text));
  }
});

afterEach(() => rm(folder, { recursive: true }));

describe('what lies beside a trace', () => {
  test.each(['', 'trace.txt.gz'])('from the path %j', async (path) => {
    const capture = (await findCapture(join(folder, path)))!;
    expect(capture.name).toBe('small');
    expect(capture.traceFile).toBe(join(folder, 'trace.txt.gz'));
    expect(capture.info.trace.events).toEqual({ mm_page_alloc: 7 });
    expect((await capture.before()).number).toBe(1);
    expect(await capture.after()).toBeNull();
    expect(await capture.iomem()).toContain('System RAM');
    expect(await capture.copy('before', 'zoneinfo')).toBeNull();
    // By number, not by name: state10 comes after state3.
    expect(capture.middle.map((state) => state.number)).toEqual([3, 10]);
    expect((await capture.middle[1].read()).number).toBe(10);
  });

  test('the trace may have been unpacked', async () => {
    await cp(join(folder, 'trace.txt.gz'), join(folder, 'trace.txt'));
    expect((await findCapture(join(folder, 'trace.txt')))?.traceFile).toBe(join(folder, 'trace.txt'));
  });

  test('nothing: no capture.json, another trace in the folder, no such path', async () => {
    await writeFile(join(folder, 'mine.csv'), '');
    expect(await findCapture(join(folder, 'mine.csv'))).toBeNull();
    expect(await findCapture(join(folder, 'before'))).toBeNull();
    expect(await findCapture(join(folder, 'none', 'trace.txt'))).toBeNull();
  });

  test('a state that is missing is an error only when it is read', async () => {
    await rm(join(folder, 'before', 'state.txt.gz'));
    const capture = (await findCapture(folder))!;
    await expect(capture.before()).rejects.toMatchObject({ exitCode: EXIT.badInput });
  });
});

test.each([
  ['{', 'this is not JSON'],
  ['7', 'the whole file: must be Object, but is 7'],
  ['[]', 'schema: is missing'],
  [
    JSON.stringify({ ...INFO, schema: 'mm-sim/capture@2' }),
    'schema: must be "mm-sim/capture@1", but is "mm-sim/capture@2"',
  ],
  [JSON.stringify({ ...INFO, machine: { cpus: '2' } }), 'machine.cpus: must be number, but is "2"'],
  [JSON.stringify({ ...INFO, kernel: undefined }), 'kernel: is missing'],
  [
    JSON.stringify({ ...INFO, state: { before: '../../elsewhere' } }),
    'state.before: must name a file inside the folder, but is "../../elsewhere"',
  ],
  [
    JSON.stringify({ ...INFO, state: { before: 'before/state.txt', middle: ['middle/x'] } }),
    'state.middle: middle/x has no number; state3.txt.gz would have',
  ],
])('capture.json %s', async (text, problem) => {
  const file = join(folder, 'capture.json');
  await writeFile(file, text);
  const error: UserError = await findCapture(folder).then(
    () => expect.fail('no error'),
    (reason) => reason,
  );
  expect(error).toMatchObject({ exitCode: EXIT.badInput, message: problem, place: { file } });
});

test('marks of a trace', async () => {
  expect(await findMarksFile(join(folder, 'trace.txt.gz'))).toBeNull();
  await writeFile(join(folder, 'trace.marks.json'), '{}');
  expect(await findMarksFile(join(folder, 'trace.txt.gz'))).toBe(join(folder, 'trace.marks.json'));
  await writeFile(join(folder, 'trace.txt.gz.marks.json'), '{}');
  expect(await findMarksFile(join(folder, 'trace.txt.gz'))).toBe(join(folder, 'trace.txt.gz.marks.json'));
});

test.skipIf(!haveCaptures)('all recorded captures are found, by folder and by trace', async () => {
  for (const path of captureFolders) {
    const byTrace = await findCapture(join(path, 'trace.txt.gz'));
    expect(byTrace?.name).toBe(captureName(path));
    expect((await findCapture(path))?.info).toEqual(byTrace?.info);
    expect(byTrace?.info.problems).toEqual([]);
  }
});
