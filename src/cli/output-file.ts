/**
 * Where results go. A file is opened before the work begins, so that a bad path fails in the first second;
 * it is written under another name and renamed at the end, so that nobody ever sees a part of it.
 */

import { closeSync, openSync, realpathSync, renameSync, writeSync } from 'node:fs';
import { EXIT, UserError } from '../kernel/errors.js';
import { statusOf } from './file-status.js';
import { diskProblem, keep, removeOnExit } from './guard.js';

const BUFFER_BYTES = 1 << 16;

export class OutputFile {
  /** As the user named it. */
  private readonly path: string;
  /** The file itself, where the path is a link to it. */
  private readonly target: string;
  private readonly temporary: string;
  private readonly fd: number;
  private pending: string[] = [];
  private pendingLength = 0;
  /** A pipe whose reader has seen enough: the rest is dropped in silence. */
  private isClosedPipe = false;

  constructor(path: string) {
    this.path = path;
    const status = statusOf(path);
    this.target = status?.isFile() ? realpathSync(path) : path;
    // Devices and pipes are written as they are: renaming would replace them.
    const isPlain = status === undefined || status.isFile();
    this.temporary = isPlain ? `${this.target}.part-${process.pid}` : path;
    this.fd = this.attempt(() => openSync(this.temporary, 'w'));
    if (isPlain) removeOnExit(this.temporary);
  }

  write(text: string): void {
    this.pending.push(text);
    this.pendingLength += text.length;
    if (this.pendingLength >= BUFFER_BYTES) this.flush();
  }

  finish(): void {
    this.flush();
    this.attempt(() => {
      closeSync(this.fd);
      if (this.temporary !== this.target) renameSync(this.temporary, this.target);
    });
    keep(this.temporary);
  }

  private flush(): void {
    const bytes = Buffer.from(this.pending.join(''));
    this.pending = [];
    this.pendingLength = 0;
    if (this.isClosedPipe) return;
    this.attempt(() => {
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
        this.isClosedPipe = true;
      }
    });
  }

  private attempt<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw new UserError(EXIT.badInput, diskProblem(error as NodeJS.ErrnoException), {
        place: { file: this.path },
      });
    }
  }
}

/**
 * The file for --output; null for standard output, which `-` names as well. `inputs` are paths that must
 * not be overwritten with what is computed from them.
 */
export function openOutput(path: string | undefined, inputs: readonly string[] = []): OutputFile | null {
  if (path === undefined || path === '-') return null;
  refuseInput('--output', path, inputs);
  return new OutputFile(path);
}

/** The file for --events; null when nobody asked for it. Standard output carries the result alone. */
export function openEvents(
  path: string | undefined,
  output: string | undefined,
  inputs: readonly string[],
): OutputFile | null {
  if (path === undefined) return null;
  if (path === '-') {
    throw new UserError(EXIT.commandLine, '--events -: standard output carries the result alone', {
      advice: 'name a file, or /dev/stderr',
    });
  }
  if (path === output) {
    throw new UserError(EXIT.commandLine, `--events and --output both name ${path}`, {
      advice: 'name two files',
    });
  }
  refuseInput('--events', path, inputs);
  return new OutputFile(path);
}

function refuseInput(option: string, path: string, inputs: readonly string[]): void {
  const status = statusOf(path);
  if (status === undefined || !status.isFile()) return;
  for (const input of inputs) {
    const other = statusOf(input);
    if (other === undefined || other.ino !== status.ino || other.dev !== status.dev) continue;
    throw new UserError(EXIT.commandLine, `${option} ${path} would overwrite the trace`, {
      advice: 'name another file',
    });
  }
}

/** Writes a result to the file or, without one, to standard output; resolves when the pipe has taken it. */
export async function writeResult(text: string, file: OutputFile | null): Promise<void> {
  if (file !== null) {
    file.write(text);
    file.finish();
    return;
  }
  await new Promise<void>((resolve) => {
    process.stdout.write(text, () => resolve());
  });
}
