/** Traces by the names that users give: files, captures' folders, bundled ones, standard input, pipes. */

import { closeSync, createReadStream, mkdtempSync, openSync, readdirSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT, UserError } from '../kernel/errors.js';
import { nearest } from '../kernel/nearest.js';
import { statusOf } from './file-status.js';
import { diskProblem, removeOnExit } from './guard.js';

export interface NamedTrace {
  readonly path: string;
  /** Name in results and messages. */
  readonly name: string;
}

export const STDIN = '-';
const STDIN_NAME = '<stdin>';
const BUNDLED = fileURLToPath(new URL('../../traces/', import.meta.url));
/** What `compare` runs on when no trace is named. */
export const DEFAULT_TRACE = 'linux-7.3-secretmem-1cpu';

/** Bundled traces, by name. */
export function bundledTraces(): NamedTrace[] {
  return readdirSync(BUNDLED, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.name.endsWith('.csv'))
    .map((entry) => ({ name: entry.name, path: join(BUNDLED, entry.name) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * A path as it is; a name without such a path is looked up among the bundled traces. Throws UserError (exit
 * code 3) when there is neither, and 2 for `-` where standard input has been named before.
 */
export function findTrace(given: string): NamedTrace {
  if (given === STDIN) return { path: STDIN, name: STDIN_NAME };
  if (statusOf(given) !== undefined) return { path: given, name: given };
  const bundled = bundledTraces();
  const found = bundled.find(({ name }) => name === given || name === `${given}.csv`);
  if (found !== undefined) return found;
  const guess = nearest(
    given,
    bundled.map(({ name }) => name),
  );
  throw new UserError(EXIT.badInput, 'no such file', {
    place: { file: given },
    advice:
      guess === null
        ? "check the path, or see 'mm-sim list traces'"
        : `did you mean the bundled trace '${guess}'?`,
  });
}

/** Several traces for a replay, which reads each of them twice (DESIGN §4). */
export async function findTraces(given: readonly string[]): Promise<NamedTrace[]> {
  if (given.filter((each) => each === STDIN).length > 1) {
    throw new UserError(EXIT.commandLine, "'-' is named twice, but there is one standard input", {
      advice: 'give the other traces as files',
    });
  }
  const found = given.map(findTrace);
  const traces: NamedTrace[] = [];
  for (const trace of found) traces.push(await rereadable(trace));
  return traces;
}

/**
 * Standard input and pipes can be read once: they go to a temporary file first, which is removed at the
 * end, whatever the end is.
 */
async function rereadable({ path, name }: NamedTrace): Promise<NamedTrace> {
  if (path !== STDIN) {
    const status = statusOf(path);
    if (status === undefined || status.isFile() || status.isDirectory()) return { path, name };
  }
  const source = path === STDIN ? process.stdin : createReadStream(path);
  try {
    const folder = mkdtempSync(join(tmpdir(), 'mm-sim-'));
    removeOnExit(folder);
    const copy = join(folder, 'trace');
    const fd = openSync(copy, 'w');
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk as Buffer, at);
    }
    closeSync(fd);
    // The number of /dev/fd/63 is chance.
    return { path: copy, name: path === STDIN ? STDIN_NAME : '<pipe>' };
  } catch (error) {
    throw new UserError(
      EXIT.badInput,
      `the temporary copy of ${name} ${diskProblem(error as NodeJS.ErrnoException)}`,
      { advice: 'name the trace as a file, or set TMPDIR to a directory with room' },
    );
  }
}

/** An error in terms of what the user named: of standard input, not of its temporary copy. */
export function inUserWords(error: unknown, traces: readonly NamedTrace[]): unknown {
  if (!(error instanceof UserError)) return error;
  const renamed = (text: string): string =>
    traces.reduce(
      (words, { path, name }) => (path === name || path === STDIN ? words : words.replaceAll(path, name)),
      text,
    );
  const { exitCode, place, message, advice } = error;
  const changed = new UserError(exitCode, renamed(message), {
    place: place === undefined ? undefined : { ...place, file: renamed(place.file) },
    advice: advice === undefined ? undefined : renamed(advice),
  });
  changed.stack = error.stack;
  return changed;
}
