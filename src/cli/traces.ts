/** Traces by the names that users give: files, captures' folders, bundled ones, standard input. */

import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT, UserError } from '../kernel/errors.js';
import { diskProblem, removeOnExit } from './guard.js';

export interface NamedTrace {
  readonly path: string;
  /** Name in results. */
  readonly name: string;
}

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

/** A path as it is; a name without such a path is looked up among the bundled traces. */
export async function resolveTrace(given: string): Promise<NamedTrace> {
  if (given === '-') return { path: await spillStdin(), name: '<stdin>' };
  if (!existsSync(given)) {
    const bundled = bundledTraces().find(({ name }) => name === given || name === `${given}.csv`);
    if (bundled !== undefined) return bundled;
  }
  return { path: given, name: given };
}

/**
 * A replay reads its trace twice (DESIGN §4): standard input goes to a temporary file first, which is
 * removed at the end, whatever the end is.
 */
async function spillStdin(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'mm-sim-'));
  removeOnExit(folder);
  const path = join(folder, 'stdin');
  try {
    const fd = openSync(path, 'w');
    for await (const chunk of process.stdin) {
      for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk as Buffer, at);
    }
    closeSync(fd);
  } catch (error) {
    throw new UserError(
      EXIT.badInput,
      `the temporary copy of standard input ${diskProblem(error as NodeJS.ErrnoException)}`,
      {
        advice: 'name the trace as a file, or set TMPDIR to a folder with room',
      },
    );
  }
  return path;
}
