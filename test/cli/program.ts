/** Runs the built program as a user would: in a folder of its own, with pipes for standard input and output. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll } from 'vitest';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const PROGRAM = join(ROOT, 'bin/mm-sim.js');
/** Bundled traces, by the names that `list traces` prints. */
export const SECRETMEM = 'linux-7.3-secretmem-1cpu';
export const FILL = 'linux-7.3-freetype-fill-1cpu';
export const COMPACTION = 'linux-7.3-compaction-1cpu-probes';
export const BUILD = 'linux-6.12-build-1cpu-part';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

/** A folder for the files of one test file; gone at its end. */
export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), 'test-mm-sim-'));

  constructor() {
    // Its own place for temporary files, so that a test sees what was left behind.
    mkdirSync(this.path('tmp'));
    afterAll(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, content: string | Uint8Array): string {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
    return name;
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  start(args: readonly string[], { env }: RunOptions = {}): ChildProcess {
    return spawn(process.execPath, [PROGRAM, ...args], {
      cwd: this.folder,
      env: { PATH: process.env.PATH, TMPDIR: this.path('tmp'), ...env },
      stdio: 'pipe',
    });
  }

  /** Words are separated by blanks; give an array where one holds a blank. */
  async run(command: string | readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const child = this.start(typeof command === 'string' ? command.split(' ') : command, options);
    // A program that does not read its input to the end is no fault of the test.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.stdin ?? '');
    return outcomeOf(child);
  }

  /** A line of shell; `mm-sim` is the program. */
  async shell(line: string): Promise<Outcome> {
    const child = spawn(
      'bash',
      ['--norc', '-c', `mm-sim() { "${process.execPath}" "${PROGRAM}" "$@"; }; ${line}`],
      {
        cwd: this.folder,
        env: { PATH: process.env.PATH, TMPDIR: this.path('tmp') },
        stdio: 'pipe',
      },
    );
    child.stdin?.end();
    return outcomeOf(child);
  }
}

export async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  const code = await new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  return { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

/** A bundled file, as it is. */
export function bundled(name: string): Buffer {
  return readFileSync(join(ROOT, 'traces', name));
}

/** Text of a bundled capture. */
export function bundledText(name: string): string {
  return gunzipSync(bundled(`${name}/trace.txt.gz`)).toString('latin1');
}

/** Two tasks on two CPUs; the second page of the first one is freed in the middle. */
export const SMALL = `time_ns,cpu,pid,comm,op,pfn,order,migratetype,gfp,class
0,0,10,vault,alloc,1000,0,unmovable,GFP_USER,unmapped
1000,1,11,make,alloc,2048,0,movable,GFP_HIGHUSER_MOVABLE,
2000,0,10,vault,alloc,1001,0,unmovable,GFP_USER,unmapped
3000,1,11,make,alloc,4096,9,movable,GFP_TRANSHUGE_LIGHT,
4000,0,10,vault,free,1001,0,unmovable,,
5000,1,11,make,free,4096,9,movable,,
6000,0,10,vault,alloc,1001,0,unmovable,GFP_USER,unmapped
`;

/** The note on every trace without a machine of its own. */
export const SMALL_NOTE = 'mm-sim: note: no --machine: 1G and 2 CPUs hold all pages of the trace\n';
