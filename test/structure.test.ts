/** The house plan (DESIGN §6): who may import whom, and what the tree must not hold. */

import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', '.git']);

/** Rooms of src/, each with those that it may import. A room that is not here has no place yet. */
const BELOW_CORES = ['kernel', 'machine', 'directmap', 'pagealloc'];
const BELOW_COMMANDS = [...BELOW_CORES, 'trace', 'cores', 'metrics'];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  trace: ['kernel'],
  machine: ['kernel'],
  directmap: ['kernel', 'machine'],
  pagealloc: ['kernel', 'machine', 'directmap'],
  // Never the trace: a core must not know where its requests come from.
  cores: BELOW_CORES,
  metrics: BELOW_CORES,
  replay: BELOW_COMMANDS,
  generate: BELOW_COMMANDS,
  validate: BELOW_COMMANDS,
  // Results, never cores; of validate what ALSO names.
  output: ['kernel', 'metrics'],
  cli: [...BELOW_COMMANDS, 'replay', 'generate', 'validate', 'output'],
};

/** Single files that a room may import beside: types and tables that rest on kernel alone. */
const ALSO: Readonly<Record<string, readonly string[]>> = {
  output: ['src/validate/validation.ts', 'src/validate/measures.ts', 'src/validate/measured.ts'],
};

interface Import {
  readonly from: string;
  readonly to: string;
  /** Gone after the types are stripped. */
  readonly isType: boolean;
}

const sources = filesOf(join(ROOT, 'src')).filter((file) => file.endsWith('.ts'));
const imports = sources.flatMap(importsOf);

test('imports run downward only', () => {
  const upward = imports
    .filter(({ from, to }) => {
      const [room, other] = [roomOf(from), roomOf(to)];
      // src/index.ts, the library, stands above all.
      if (room === '' || room === other || ALSO[room]?.includes(to)) return false;
      return !(MAY_IMPORT[room] ?? []).includes(other);
    })
    .map(({ from, to }) => `${from} imports ${to}`);
  expect(upward).toEqual([]);
  expect(imports.length).toBeGreaterThan(200);
});

test('what a room may import beside rests on kernel, and on other such files', () => {
  const shared = Object.values(ALSO).flat();
  const others = imports.filter(({ from, to }) => shared.includes(from) && !shared.includes(to));
  expect(others.filter(({ to }) => roomOf(to) !== 'kernel')).toEqual([]);
});

test('every room has its place', () => {
  expect([...new Set(sources.map(roomOf))].filter((room) => room !== '' && !(room in MAY_IMPORT))).toEqual(
    [],
  );
});

// "Two modules that call each other are one module or three": types may look back, calls may not.
test('no import cycles between files', () => {
  const next = new Map<string, string[]>();
  for (const { from, to, isType } of imports) if (!isType) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' > '));
      return;
    }
    if (done.has(file)) return;
    for (const other of next.get(file) ?? []) visit(other, [...path, file]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
  expect(cycles).toEqual([]);
});

test('no path of a machine stands in the tree', () => {
  // Put together, so that this file does not hold what it looks for.
  const homes = ['home', 'root', 'Users', 'work'].map((folder) => `/${folder}/`);
  const paths = new RegExp(`(?<![\\w.…/-])(?:${homes.join('|')})[\\w.-]+|\\b[A-Z]:\\\\\\\\?Users`);
  const found = filesOf(ROOT)
    .filter((file) => !/\.(?:gz|zst|png)$/.test(file))
    .flatMap((file) => {
      const lines = readFileSync(join(ROOT, file), 'latin1').split('\n');
      return lines.flatMap((line, i) => (paths.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : []));
    });
  expect(found).toEqual([]);
});

test("no file is called 'utils', which says nothing", () => {
  const names = filesOf(ROOT).filter((file) => /^(?:utils?|helpers?|misc|common)\./.test(basename(file)));
  expect(names).toEqual([]);
});

/** Files below a folder, as paths from ROOT with forward slashes, sorted. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      if (NOT_OURS.has(entry.name)) return [];
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesOf(path) : [relative(ROOT, path).replaceAll('\\', '/')];
    })
    .sort();
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found = text.matchAll(
    /^(?:import|export)\s+(type\s+)?(?:([^'";]*?)\s+from\s+)?'(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm,
  );
  return [...found].map(([, typeWord, names, target, dynamic]) => ({
    from: file,
    to: posix.join(dirname(file), dynamic ?? target).replace(/\.js$/, '.ts'),
    isType: typeWord !== undefined || (names !== undefined && /^\{(?:\s*type\s[^,}]+,?)+\s*\}$/.test(names)),
  }));
}

function roomOf(file: string): string {
  const parts = file.split('/');
  return parts.length > 2 ? parts[1] : '';
}
