/**
 * How mm-sim ends: one place for exit codes, signals, closed pipes, and files that must not be left behind.
 */

import { rmSync } from 'node:fs';
import { EXIT, type ExitCode, UserError } from '../kernel/errors.js';

const unfinished = new Set<string>();

/** A file or folder to be removed if mm-sim ends before it is finished. */
export function removeOnExit(path: string): void {
  unfinished.add(path);
}

export function keep(path: string): void {
  unfinished.delete(path);
}

export function guard(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => end(EXIT.interrupted));
  // A reader that has seen enough closes the pipe: that is no error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') end(EXIT.done);
    process.stderr.write(`mm-sim: standard output: ${diskProblem(error)}\n`);
    end(EXIT.badInput);
  });
  process.stderr.on('error', () => {});
  // What is thrown outside of any call of ours, such as by a stream: still one line and our exit code.
  process.once('uncaughtException', (error) => void fail(error).then(() => end(codeOf(error))));
  process.on('exit', cleanUp);
}

/** Prints the one line and sets the exit code. Stack traces are for --log-level debug. */
export async function fail(error: unknown): Promise<void> {
  const { errorLine } = await import('../output/error-line.js');
  process.stderr.write(`${errorLine(error)}\n`);
  if (wantsStack(process.argv) && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  cleanUp();
  process.exitCode = codeOf(error);
}

/** Words for what a write can run into. */
export function diskProblem(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOSPC') return 'no space left on the device';
  if (error.code === 'EACCES' || error.code === 'EPERM') return 'may not be written (permission denied)';
  if (error.code === 'EROFS') return 'cannot be written (the file system is read-only)';
  if (error.code === 'ENOENT') return 'cannot be created (no such directory)';
  if (error.code === 'EISDIR') return 'is a directory';
  if (error.code === 'ENOTDIR') return 'cannot be created (a part of its path is no directory)';
  return `cannot be written (${error.code ?? error.message})`;
}

/** Looked up in the words themselves: an error may come before commander has read them. */
function wantsStack(argv: readonly string[]): boolean {
  return argv.includes('--log-level=debug') || argv[argv.indexOf('--log-level') + 1] === 'debug';
}

function codeOf(error: unknown): ExitCode {
  return error instanceof UserError ? error.exitCode : EXIT.invariantBroken;
}

function end(code: ExitCode): never {
  cleanUp();
  process.exit(code);
}

function cleanUp(): void {
  for (const path of unfinished) rmSync(path, { recursive: true, force: true });
  unfinished.clear();
}
