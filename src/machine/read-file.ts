/**
 * Reads a whole file of a capture, gzipped or not, and says in one line what is wrong with it.
 * For the small files beside a trace; traces themselves are streamed (src/trace).
 */

import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { EXIT, UserError } from '../kernel/errors.js';

const gunzipAsync = promisify(gunzip);

/** Contents of `path`, unpacked when they begin like gzip: the name is not trusted, people rename. */
export async function readBytes(path: string): Promise<Buffer> {
  const bytes = await readRaw(path);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await gunzipAsync(bytes);
  } catch (error) {
    const cut = errorCode(error) === 'Z_BUF_ERROR';
    throw new UserError(EXIT.badInput, cut ? 'the gzip data ends too early' : 'the gzip data is damaged', {
      place: { file: path },
      advice: 'copy the file again, or record it again',
    });
  }
}

/** The same as text; UTF-8 that is not valid reads as replacement characters. */
export async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path);
  return bytes.toString('utf8');
}

async function readRaw(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UserError(EXIT.badInput, `cannot be read (${readProblem(error)})`, { place: { file: path } });
  }
}

/** Words for the codes that users meet; the code itself for the rest. */
function readProblem(error: unknown): string {
  const code = errorCode(error);
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'it is a folder';
  return code;
}

export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : String(error);
}
