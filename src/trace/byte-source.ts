/**
 * The bytes of an input, unpacked: a file or standard input, as chunks that may end anywhere.
 *
 * gzip and zstd are recognised by their first bytes and unpacked on the way; everything else passes
 * unchanged, and detect.ts judges it. Whatever is wrong with the input (missing, a directory, cut in the
 * middle) comes out as UserError with exit code 3 and the name of the file.
 */
import { createHash, type Hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { pipeline, Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { EXIT, UserError } from '../kernel/errors.js';

export const STDIN = '-';
/** How standard input is named in messages. */
export const STDIN_NAME = '<stdin>';

export interface ByteSourceOptions {
  /** Largest chunk that is handed out; tests use 1, 7 and 100. */
  readonly chunkSize?: number;
  /** Compute the SHA-256 of the bytes as they are stored (packed). */
  readonly sha256?: boolean;
  /** What '-' reads; process.stdin unless a test says otherwise. */
  readonly stdin?: Readable;
}

export type Compression = 'none' | 'gzip' | 'zstd';

export interface ByteSource {
  /** Name for messages. */
  readonly file: string;
  readonly compression: Compression;
  /** Unpacked bytes; can be walked once. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Stored size in bytes; null for standard input. */
  readonly size: number | null;
  /** Stored bytes read so far, for progress. */
  readonly position: number;
  /** Hexadecimal digest of the stored bytes, once the chunks were walked to the end; else null. */
  readonly sha256: string | null;
  /** Closes the file; safe to call twice and in the middle. */
  close(): Promise<void>;
}

const READ_BYTES = 256 * 1024;
/** Large chunks for the scanner: what a chunk boundary costs is then not measurable. */
const UNPACKED_BYTES = 512 * 1024;
const MAGIC_BYTES = 4;

export async function openBytes(path: string, options: ByteSourceOptions = {}): Promise<ByteSource> {
  const file = path === STDIN ? STDIN_NAME : path;
  const { stream, size } = path === STDIN ? fromStdin(options) : await fromFile(path);
  const source = new StreamSource(file, stream, size, options);
  try {
    await source.start();
  } catch (error) {
    await source.close();
    throw error;
  }
  return source;
}

function fromStdin(options: ByteSourceOptions): { stream: Readable; size: null } {
  return { stream: options.stdin ?? process.stdin, size: null };
}

async function fromFile(path: string): Promise<{ stream: Readable; size: number | null }> {
  try {
    const handle = await open(path, 'r');
    const status = await handle.stat();
    if (status.isDirectory()) {
      await handle.close();
      throw new UserError(EXIT.badInput, 'is a directory', {
        place: { file: path },
        advice: 'name the trace file inside it',
      });
    }
    // Pipes and devices have no size of their own.
    const size = status.isFile() ? status.size : null;
    return { stream: handle.createReadStream({ highWaterMark: READ_BYTES }), size };
  } catch (error) {
    throw readError(path, error);
  }
}

class StreamSource implements ByteSource {
  readonly file: string;
  readonly size: number | null;
  readonly chunks: AsyncIterable<Uint8Array>;
  compression: Compression = 'none';
  position = 0;
  sha256: string | null = null;
  private readonly stream: Readable;
  private readonly stored: AsyncIterator<Uint8Array>;
  private readonly hash: Hash | null;
  private readonly chunkSize: number;
  /** What start() read to know the compression. */
  private readonly head: Uint8Array[] = [];
  private unpacker: Transform | null = null;

  constructor(file: string, stream: Readable, size: number | null, options: ByteSourceOptions) {
    this.file = file;
    this.stream = stream;
    this.size = size;
    this.hash = options.sha256 === true ? createHash('sha256') : null;
    this.chunkSize = options.chunkSize ?? Number.MAX_SAFE_INTEGER;
    this.stored = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    this.chunks = { [Symbol.asyncIterator]: () => this.cut(this.unpacked()) };
  }

  /** Reads as much as tells the compression. */
  async start(): Promise<void> {
    let length = 0;
    while (length < MAGIC_BYTES) {
      const chunk = await this.read();
      if (chunk === null) break;
      this.head.push(chunk);
      length += chunk.length;
    }
    const magic = Buffer.concat(this.head).subarray(0, MAGIC_BYTES).toString('hex');
    if (magic.startsWith('1f8b')) this.compression = 'gzip';
    else if (magic === '28b52ffd') this.compression = 'zstd';
  }

  async close(): Promise<void> {
    this.unpacker?.destroy();
    this.stream.destroy();
  }

  private async read(): Promise<Uint8Array | null> {
    try {
      const step = await this.stored.next();
      if (step.done === true) {
        if (this.hash !== null && this.sha256 === null) this.sha256 = this.hash.digest('hex');
        return null;
      }
      const chunk = step.value;
      this.position += chunk.length;
      this.hash?.update(chunk);
      return chunk;
    } catch (error) {
      throw readError(this.file, error);
    }
  }

  private async *packed(): AsyncGenerator<Uint8Array> {
    yield* this.head;
    for (let chunk = await this.read(); chunk !== null; chunk = await this.read()) yield chunk;
  }

  private async *unpacked(): AsyncGenerator<Uint8Array> {
    if (this.compression === 'none') return yield* this.packed();
    try {
      if (this.compression === 'gzip') yield* this.through(zlib.createGunzip({ chunkSize: UNPACKED_BYTES }));
      else yield* this.unzstd();
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(EXIT.badInput, `the ${this.compression} data is damaged or ends too early`, {
        place: { file: this.file },
        advice: `check it with '${this.compression} -t' and copy or record it again`,
      });
    }
  }

  private async *through(unpacker: Transform): AsyncGenerator<Uint8Array> {
    this.unpacker = unpacker;
    // Errors of either side come out of the loop below; the callback only keeps them from being thrown twice.
    const end = pipeline(Readable.from(this.packed()), unpacker, () => {});
    for await (const chunk of end) yield chunk as Uint8Array;
  }

  private unzstd(): AsyncGenerator<Uint8Array> {
    // Node has zstd from 22.15 on; fzstd does the same at half the speed.
    const native = (zlib as unknown as { createZstdDecompress?: () => Transform }).createZstdDecompress;
    return native === undefined ? this.unzstdPortable() : this.through(native());
  }

  private async *unzstdPortable(): AsyncGenerator<Uint8Array> {
    const { Decompress } = await import('fzstd');
    const ready: Uint8Array[] = [];
    const unpacker = new Decompress((chunk) => {
      if (chunk.length > 0) ready.push(chunk);
    });
    for await (const chunk of this.packed()) {
      unpacker.push(chunk);
      yield* ready.splice(0);
    }
    unpacker.push(new Uint8Array(0), true);
    yield* ready.splice(0);
  }

  /** Plain Uint8Arrays of at most chunkSize: the scanner's loops must see one kind of array only. */
  private async *cut(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += this.chunkSize) {
        const length = Math.min(this.chunkSize, chunk.length - at);
        yield new Uint8Array(chunk.buffer, chunk.byteOffset + at, length);
      }
    }
  }
}

function readError(file: string, error: unknown): unknown {
  if (error instanceof UserError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) return error;
  if (code === 'ENOENT') {
    return new UserError(EXIT.badInput, 'no such file', { place: { file }, advice: 'check the path' });
  }
  const problem =
    code === 'EACCES' || code === 'EPERM'
      ? 'may not be read (permission denied)'
      : code === 'EISDIR'
        ? 'is a directory'
        : `cannot be read (${code})`;
  return new UserError(EXIT.badInput, problem, { place: { file } });
}
