/** `mm-sim validate`: exit codes, thresholds, and captures that are broken in each of the ways they can be. */

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { bundled, bundledText, COMPACTION, FILL, ROOT, SECRETMEM, SMALL, Workspace } from './program.js';

const at = new Workspace();
const trace = bundledText(FILL);
const captureJson = bundled(`${FILL}/capture.json`).toString();

/** A copy of the bundled capture with some of its files replaced; null takes one away. */
function broken(name: string, files: Readonly<Record<string, string | Uint8Array | null>>): void {
  cpSync(join(ROOT, 'traces', FILL), at.path(name), {
    recursive: true,
    filter: (path) => !Object.keys(files).some((file) => path.endsWith(join(FILL, file))),
  });
  for (const [file, content] of Object.entries(files))
    if (content !== null) at.write(join(name, file), content);
}

/** Text of a state file of the bundled capture. */
function state(end: 'before' | 'after'): string {
  return gunzipSync(bundled(`${FILL}/${end}/state.txt.gz`)).toString();
}

function json(change: (info: { [key: string]: unknown } & Record<string, never>) => void): string {
  const info = JSON.parse(captureJson);
  change(info);
  return JSON.stringify(info);
}

const TRACE = 'trace.txt.gz';
const MARKER = /^.*marker: mm-sim: snapshot 2\n/m;

describe('captures that are refused', () => {
  at.write('plain.csv', SMALL);
  at.write('folder/file', '');
  broken('no-json', { 'capture.json': null });
  broken('no-trace', { [TRACE]: null });
  broken('no-before', { 'before/state.txt.gz': null });
  broken('no-after', { 'after/state.txt.gz': null });
  broken('no-end', { 'capture.json': json((info) => delete (info.state as Record<string, unknown>).after) });
  broken('no-marker-1', { [TRACE]: trace.replace('mm-sim: snapshot 1', 'mm-sim: note gone') });
  broken('no-marker-2', { [TRACE]: trace.replace(MARKER, '') });
  broken('no-marker-3', { [TRACE]: trace.replace('mm-sim: snapshot 3', 'mm-sim: note gone') });
  broken('overwritten', { [TRACE]: trace.replace('38132/38132', '38132/40132') });
  broken('lost-mark', {
    [TRACE]: trace.replace('\n          ftload', '\nCPU:0 [LOST 17 EVENTS]\n          ftload'),
  });
  broken('lost-json', { 'capture.json': captureJson.replace('"lost": 0', '"lost": 12') });
  broken('overrun', {
    'per_cpu_stats.txt': bundled(`${FILL}/per_cpu_stats.txt`).toString().replace('overrun: 0', 'overrun: 5'),
  });
  broken('fewer-lines', { [TRACE]: trace.replace(/^.*mm_page_pcpu_drain.*\n/m, '') });
  broken('cut-gzip', { [TRACE]: bundled(`${FILL}/${TRACE}`).subarray(0, 100_000) });
  broken('cut-state', { 'after/state.txt.gz': state('after').replace('end cut=0\n', '') });
  broken('cut-dump', { 'after/state.txt.gz': state('after').replace('end cut=0', 'end cut=1') });
  broken('swapped', { 'after/state.txt.gz': state('before') });
  broken('other-kernel', { 'before/state.txt.gz': state('before').replace(/^kernel .*/m, 'kernel 7.2.1') });
  broken('old', {
    'capture.json': captureJson.replaceAll('7.3.0-rc7-rc7-freetype-port+', '5.10.0-8-amd64'),
    'before/state.txt.gz': state('before').replace(/^kernel .*/m, 'kernel 5.10.0-8-amd64'),
    'after/state.txt.gz': state('after').replace(/^kernel .*/m, 'kernel 5.10.0-8-amd64'),
  });
  const again = 'copy the capture again, or record it again';
  const larger = 'record it again with a larger buffer or a shorter workload';

  test.concurrent.each([
    [
      'plain.csv',
      3,
      "plain.csv: no capture.json lies there: without the recorded states there is nothing to compare; name a folder with a capture, or see what a plain trace tells with 'mm-sim check'",
    ],
    [
      'folder',
      3,
      "folder: no capture.json lies there: without the recorded states there is nothing to compare; name a folder with a capture, or see what a plain trace tells with 'mm-sim check'",
    ],
    [
      'no-json/trace.txt.gz',
      3,
      "no-json/trace.txt.gz: no capture.json lies there: without the recorded states there is nothing to compare; name a folder with a capture, or see what a plain trace tells with 'mm-sim check'",
    ],
    ['missing', 3, "missing: no such file; check the path, or see 'mm-sim list traces'"],
    ['no-trace', 3, `no-trace/trace.txt.gz: no such file; ${again}`],
    ['no-before', 3, `no-before/before/state.txt.gz: cannot be read (there is no such file); ${again}`],
    ['no-after', 3, `no-after/after/state.txt.gz: cannot be read (there is no such file); ${again}`],
    [
      'no-end',
      3,
      "no-end/capture.json: state.after is missing: there is no state to compare the end with; record it again, or look at the trace with 'mm-sim replay'",
    ],
    ['no-marker-1', 3, `no-marker-1/trace.txt.gz: the line 'mm-sim: snapshot 1' is missing; ${again}`],
    ['no-marker-3', 3, `no-marker-3/trace.txt.gz: the line 'mm-sim: snapshot 3' is missing; ${again}`],
    ['no-marker-2', 3, `no-marker-2/trace.txt.gz: the line 'mm-sim: snapshot 2' is missing; ${again}`],
    [
      'overwritten',
      3,
      `overwritten/trace.txt.gz: 2,000 events overwritten (entries-in-buffer/entries-written); ${larger}`,
    ],
    ['lost-mark', 3, `lost-mark/trace.txt.gz:14: 17 events lost here; ${larger}`],
    ['lost-json', 3, `lost-json/capture.json: 12 events lost (trace.lost); ${larger}`],
    ['overrun', 3, `overrun/per_cpu_stats.txt:3: cpu0: overrun is 5: events were lost; ${larger}`],
    [
      'fewer-lines',
      3,
      `fewer-lines/trace.txt.gz: 38,129 lines between snapshots 1 and 2, but capture.json counts 38,130; trace.txt.gz and capture.json must be of one recording; ${again}`,
    ],
    [
      'cut-gzip',
      3,
      "cut-gzip/trace.txt.gz: the gzip data is damaged or ends too early; check it with 'gzip -t' and copy or record it again",
    ],
    ['cut-dump', 3, 'cut-dump/after/state.txt.gz:845: the dump was cut when it was made; record it again'],
    ['swapped', 4, `swapped/after/state.txt.gz: is snapshot 1 where snapshot 2 should be; ${again}`],
    [
      'other-kernel',
      4,
      `other-kernel/before/state.txt.gz: is of kernel 7.2.1, but capture.json is of 7.3.0-rc7-rc7-freetype-port+; ${again}`,
    ],
    [
      'old',
      4,
      'old/capture.json: kernel 5.10.0-8-amd64: rules are known from 6.12 on; use --kernel 6.12 to see how far those of 6.12 fit, or record a newer kernel',
    ],
    ['-', 2, "'-' is no capture: standard input brings no recorded states; name the folder of a capture"],
    ['old --kernel 5.10', 2, '--kernel 5.10: the rules of this kernel are not known; use 7.3, 7.2 or 6.12'],
  ])('%s', async (capture, code, line) => {
    expect(await at.run(`validate ${capture}`)).toEqual({ code, stdout: '', stderr: `mm-sim: ${line}\n` });
  });

  test('a state that is cut', async () => {
    const { code, stdout, stderr } = await at.run('validate cut-state');
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(
      /^mm-sim: cut-state\/after\/state.txt.gz:\d+: the file stops before its 'end' line; [^\n]+\n$/,
    );
  });
});

describe('--require', () => {
  test('what holds says nothing', async () => {
    const { code, stderr } = await at.run([
      ...['validate', COMPACTION, '--require', 'recorded.exact == 100%'],
      ...['--require', 'recorded.inferred.rotations < 100'],
    ]);
    expect([code, stderr]).toEqual([0, '']);
  });

  test('each that is crossed is a line, after the result; exit code 1', async () => {
    const outcome = await at.run([
      ...['validate', COMPACTION, '--format', 'csv'],
      ...['--require', 'recorded.exact > 100%', '--require', 'recorded.allocations >= 1'],
      ...['--require', 'recorded.freeLists == 5'],
    ]);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toMatch(/^key,value,unit\n/);
    expect(outcome.stderr).toBe(
      "mm-sim: --require 'recorded.exact > 100%' is not met: 3,417 of 3,417\n" +
        "mm-sim: --require 'recorded.freeLists == 5' is not met: 31\n",
    );
  });

  // Before anything is read: there is no such capture.
  test.concurrent.each([
    [
      'recorded.exat >= 99%',
      "there is no number 'recorded.exat'; did you mean 'recorded.exact'? See 'mm-sim list metrics'",
    ],
    [
      'recorded.inferred.rotations < 5%',
      'nothing is 100 % of recorded.inferred.rotations; write a number of rotations',
    ],
    [
      'recorded.exact',
      "is no condition; write 'KEY OPERATOR VALUE', such as 'recorded.exact >= 99.9%'; operators are >= > <= < ==, a value is a number or a percentage",
    ],
  ])('%s', async (condition, line) => {
    const outcome = await at.run(['validate', 'missing', '--require', condition]);
    expect(outcome).toEqual({ code: 2, stdout: '', stderr: `mm-sim: --require '${condition}': ${line}\n` });
  });

  test('a number that this capture does not have: exit code 4', async () => {
    for (const [key, advice] of [
      ['flips.equal', 'its kernel is without the freetype series'],
      ['recorded.middle.3.listEntriesEqual', 'its snapshots between the ends: none'],
    ]) {
      const { code, stderr } = await at.run(['validate', COMPACTION, '--require', `${key} >= 99%`]);
      expect([code, stderr]).toEqual([
        4,
        `mm-sim: --require '${key} >= 99%': ${COMPACTION} has no such number; ${advice}\n`,
      ]);
    }
  });
});

describe('kernels', () => {
  test('one without rules of its own gets the nearest, and a note', async () => {
    broken('newer', {
      'capture.json': captureJson.replaceAll('7.3.0-rc7-rc7-freetype-port+', '7.4.1'),
      'before/state.txt.gz': state('before').replace(/^kernel .*/m, 'kernel 7.4.1'),
      'after/state.txt.gz': state('after').replace(/^kernel .*/m, 'kernel 7.4.1'),
    });
    const { code, stderr, stdout } = await at.run('validate newer --format json');
    expect([code, stderr]).toEqual([
      0,
      'mm-sim: note: kernel 7.4 has no rules of its own here; those of 7.3 are used\n',
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ kernel: '7.4.1', rules: '7.3', recorded: { exact: 7_420 } });
  });

  test('--kernel takes other rules', async () => {
    const { code, stdout } = await at.run(`validate ${SECRETMEM} --kernel 6.12 --format json`);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ kernel: '7.3-cloud-amd64', rules: '6.12' });
  });
});

describe('--first-miss', () => {
  test('says so where there is none', async () => {
    const { stdout } = await at.run(`validate ${FILL} --first-miss`);
    expect(stdout).toContain(
      '\nfirst miss  none: every block, and every page of the run that is corrected,\n',
    );
  });

  // Two pages change places: the kernel takes 0x6258 where the lists have 0x6002 next.
  test('shows the line, those before it, and the lists of the model', async () => {
    const [first, second] = ['pfn=0x6002 order=0', 'pfn=0x6258 order=0'];
    const odd = trace.replace(first, '@').replace(second, first).replace('@', second);
    broken('odd', { [TRACE]: odd });
    const { code, stdout } = await at.run('validate odd --first-miss');
    expect(code).toBe(0);
    expect(stdout).toContain(
      'first miss  trace.txt.gz:26: buddy level: model: pfn 0x42a0 (own list);\n            kernel: pfn 0x6258 (own list)\n',
    );
    expect(stdout).toMatch(/^25 {2}ftload-71 \[000\] d\.\.3\. 4\.038939: mm_page_alloc_zone_locked:$/m);
    expect(stdout).toMatch(/^kernel's page {12}in the model DMA32 order 9 unmovable, entry 1 of 1$/m);
    expect(stdout).toMatch(/^DMA32 order 0 unmovable {2}9 entries, head first: 0x42a0 /m);
  });
});

test('--without-probes: the same capture as a plain trace', async () => {
  const { code, stdout } = await at.run(`validate ${SECRETMEM} --without-probes`);
  expect(code).toBe(0);
  expect(stdout).toContain("events   the kernel's own alone; probes of the capture are left out\n");
});

test('the trace file of a capture stands for its folder; both give the same bytes', async () => {
  const folder = join(ROOT, 'traces', FILL);
  const [byFolder, byFile] = await Promise.all([
    at.run(['validate', folder, '--format', 'json']),
    at.run(['validate', join(folder, TRACE), '--format', 'json']),
  ]);
  expect(byFolder).toEqual(byFile);
});

test('tables are of 75 columns', async () => {
  for (const capture of [FILL, COMPACTION]) {
    for (const line of (await at.run(`validate ${capture} --first-miss`)).stdout.split('\n')) {
      expect(line.length, line).toBeLessThanOrEqual(75);
      expect(line).toBe(line.trimEnd());
    }
  }
});
