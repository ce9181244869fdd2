/**
 * The documentation tells the truth: every command line `$ mm-sim …` or `$ npx mm-sim …` in a code block is
 * run against the built program, and what it prints (standard error first, as on a terminal) is what is shown.
 * A line of `…` alone stands for one or more lines that were cut; nothing else may differ.
 *
 * Commands run in an empty folder: what needs a file of the reader's own is shown without `$`.
 */

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = ['README.md', 'ARCHITECTURE.md', 'traces/README.md'];
const CUT = '…';

interface Example {
  readonly page: string;
  readonly command: string;
  /** Without the `$ ` line. */
  readonly shown: readonly string[];
}

function codeBlocks(page: string): string[][] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, block]) => block.split('\n').slice(0, -1));
}

function examplesOf(page: string): Example[] {
  return codeBlocks(page).flatMap((lines) => {
    const starts = lines.flatMap((line, i) => (/^\$ (npx )?mm-sim( |$)/.test(line) ? [i] : []));
    return starts.map((start, n) => ({
      page,
      command: lines[start].replace(/^\$ (npx )?/, ''),
      shown: lines.slice(start + 1, starts[n + 1] ?? lines.length),
    }));
  });
}

/** Null when `shown` is `printed` with lines cut where it says so, else the first lines that were not found. */
function firstDifference(shown: readonly string[], printed: readonly string[]): string | null {
  const parts: string[][] = [[]];
  for (const line of shown) {
    if (line === CUT) parts.push([]);
    else parts[parts.length - 1].push(line);
  }
  let at = 0;
  for (const [number, part] of parts.entries()) {
    // Nothing is cut before the first part or after the last one; a cut hides at least one line.
    const last = number === 0 ? 0 : printed.length - part.length;
    let start = number === parts.length - 1 ? printed.length - part.length : number === 0 ? 0 : at + 1;
    const fits = () => part.every((line, i) => printed[start + i] === line);
    while (start < last && !fits()) start++;
    if (start > last || start < (number === 0 ? 0 : at + 1) || !fits()) return part.join('\n');
    at = start + part.length;
  }
  return null;
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mm-sim-docs-'));
  const program = join(folder, 'mm-sim');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'bin/mm-sim.js')}' "$@"\n`);
  chmodSync(program, 0o755);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(command: string): string[] {
  const work = mkdtempSync(join(folder, 'work-'));
  const { stdout, error } = spawnSync('/bin/sh', ['-c', `exec 2>&1; ${command}`], {
    cwd: work,
    env: { PATH: `${folder}:${process.env.PATH}`, LC_ALL: 'C' },
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  return stdout === '' ? [] : stdout.replace(/\n$/, '').split('\n');
}

test.each(PAGES.flatMap(examplesOf))('$page: $command', ({ page, command, shown }) => {
  const printed = run(command);
  expect(
    firstDifference(shown, printed),
    `these lines of ${page} are not printed there. Is the page wrong, or the program? (If dist/ is old, run 'npm run prepare'.) Printed:\n${printed.join('\n')}`,
  ).toBeNull();
});

test('the README has examples of every command', () => {
  const commands = new Set(examplesOf('README.md').map(({ command }) => command.split(' ')[1]));
  expect([...commands].sort()).toEqual(['check', 'compare', 'list', 'replay', 'validate']);
});

// The rows of captures that are not bundled come from the same command.
test('the table of exactness has the rows that its script prints', () => {
  const script = join(ROOT, 'examples/exactness.sh');
  const captures = [
    'linux-7.3-secretmem-1cpu',
    'linux-7.3-freetype-fill-1cpu',
    'linux-7.3-compaction-1cpu-probes',
  ];
  const lines = readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n');
  for (const row of run(`'${script}' ${captures.join(' ')}`)) expect(lines).toContain(row);
});

test('the two set-up commands stand in blocks of their own', () => {
  const blocks = codeBlocks('README.md').map((lines) => lines.join('\n'));
  expect(blocks).toContain('npm ci && npx mm-sim compare baseline freetype');
  expect(blocks).toContain('npm ci && npm test');
});

describe('the comparison itself', () => {
  const printed = ['a', 'b', 'c', 'd'];

  test.each([
    [['a', 'b', 'c', 'd']],
    [[CUT, 'b', 'c', 'd']],
    [['a', CUT, 'd']],
    [['a', CUT]],
    [[CUT, 'b', CUT, 'd']],
  ])('%j is a b c d', (shown) => {
    expect(firstDifference(shown, printed)).toBeNull();
  });

  test.each([
    [['a', 'b', 'c'], 'a\nb\nc'],
    [['b', CUT], 'b'],
    [['a', CUT, 'b', 'c', 'd'], 'b\nc\nd'],
    [['a', CUT, 'x', CUT], 'x'],
    [['a', CUT, 'c', CUT, 'b', CUT], 'b'],
    [['a', 'b', 'c', 'd', CUT], ''],
    [['a', 'b', 'c', 'd', 'e'], 'a\nb\nc\nd\ne'],
    [[CUT, 'a', 'b', 'c', 'd'], 'a\nb\nc\nd'],
    [[], ''],
  ])('%j is not', (shown, missing) => {
    expect(firstDifference(shown, printed)).toBe(missing);
  });
});
