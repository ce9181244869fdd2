/**
 * Where results go. A file is opened before the work begins, so that a bad path fails in the first second;
 * it is written under another name and renamed at the end, so that nobody ever sees a part of it.
 */

import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { EXIT, UserError } from '../kernel/errors.js';
import { diskProblem, keep, removeOnExit } from './guard.js';

const BUFFER_BYTES = 1 << 16;

export class OutputFile {
  private readonly path: string;
  private readonly temporary: string;
  private readonly fd: number;
  private pending: string[] = [];
  private pendingLength = 0;

  constructor(path: string) {
    this.path = path;
    // Devices and pipes are written as they are: renaming would replace them.
    this.temporary = isPlain(path) ? `${path}.part-${process.pid}` : path;
    this.fd = this.attempt(() => openSync(this.temporary, 'w'));
    if (this.temporary !== path) removeOnExit(this.temporary);
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
      if (this.temporary !== this.path) renameSync(this.temporary, this.path);
    });
    keep(this.temporary);
  }

  private flush(): void {
    const bytes = Buffer.from(this.pending.join(''));
    this.pending = [];
    this.pendingLength = 0;
    this.attempt(() => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
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

function isPlain(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status === undefined || status.isFile();
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
