/**
 * Vitest's global setup: tests of the command line run the built program, so it must be that of the sources
 * at hand. Nothing is done where it is.
 */

import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export default function setup(): void {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  if (sources.filter((name) => name.endsWith('.ts')).every(isBuilt)) return;
  // A type error is no reason to stop: tsc writes the program all the same, and `npm run types` is there to tell.
  spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
}

function isBuilt(source: string): boolean {
  const built = statSync(join(ROOT, 'dist', source.replace(/\.ts$/, '.js')), { throwIfNoEntry: false });
  return built !== undefined && built.mtimeMs >= statSync(join(ROOT, 'src', source)).mtimeMs;
}
