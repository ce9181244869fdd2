import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT, UserError } from '../../src/kernel/errors.js';
import { openBytes } from '../../src/trace/byte-source.js';
import { openTrace } from '../../src/trace/open.js';
import { allRows } from './read-trace.js';

const LINE =
  '              sh-149     [000] .....     3.823132: mm_page_free: page=000000002181391a pfn=0x329ec order=1\n';
const TEXT = LINE.repeat(3000);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mm-sim-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function refusal(path: string, options = {}): Promise<UserError> {
  try {
    await allRows(await openTrace(path, options));
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error(`${path} was read`);
}

/** zstd of this machine, or null: Node 20 can read such files but not write them. */
function zstd(content: string): Uint8Array | null {
  try {
    return execFileSync('zstd', ['-q', '-c'], { input: content, maxBuffer: 1 << 26 });
  } catch {
    return null;
  }
}

describe('what is read', () => {
  test.each([
    ['plain', TEXT],
    ['gzip', gzipSync(TEXT)],
    ['gzip in two members', Buffer.concat([gzipSync(TEXT.slice(0, 5000)), gzipSync(TEXT.slice(5000))])],
  ])('%s, without looking at the name', async (_name, content) => {
    const { rows } = await allRows(await openTrace(file('input', content), { chunkSize: 997 }));
    expect(rows).toHaveLength(3000);
  });

  test('zstd', async ({ skip }) => {
    const packed = zstd(TEXT);
    if (packed === null) skip('no zstd command here');
    else expect((await allRows(await openTrace(file('input', packed)))).rows).toHaveLength(3000);
  });

  test('standard input, in tiny pieces', async () => {
    const packed = gzipSync(TEXT);
    const stdin = Readable.from([packed.subarray(0, 1), packed.subarray(1, 3), packed.subarray(3)]);
    const reader = await openTrace('-', { stdin });
    expect(reader.source).toMatchObject({ file: '<stdin>', size: null, compression: 'gzip' });
    expect((await allRows(reader)).rows).toHaveLength(3000);
  });

  test('the checksum is that of the stored bytes, once they are read', async () => {
    const packed = gzipSync(TEXT);
    const source = await openBytes(file('input', packed), { sha256: true });
    expect(source.sha256).toBeNull();
    for await (const chunk of source.chunks) expect(chunk.length).toBeGreaterThan(0);
    expect(source.sha256).toBe(createHash('sha256').update(packed).digest('hex'));
    expect([source.position, source.size]).toEqual([packed.length, packed.length]);
    await source.close();
  });

  test('closing in the middle, twice', async () => {
    const reader = await openTrace(file('input', gzipSync(TEXT.repeat(20))), { batchEvents: 10 });
    expect(await reader.next()).not.toBeNull();
    await reader.close();
    await reader.close();
    expect(await reader.next()).toBeNull();
  });
});

describe('what is not', () => {
  test('a missing file', async () => {
    const error = await refusal(join(folder, 'nothing'));
    expect(error).toMatchObject({ exitCode: EXIT.badInput, message: 'no such file' });
    expect(error.place?.file).toContain('nothing');
  });

  test('a directory', async () => expect((await refusal(folder)).message).toBe('is a directory'));

  test.each([
    ['an empty file', new Uint8Array(0)],
    ['a packed empty file', gzipSync('')],
  ])('%s', async (_name, content) => {
    expect(await refusal(file('empty', content))).toMatchObject({
      exitCode: EXIT.badInput,
      message: 'is empty',
    });
  });

  test('gzip cut at any of its last bytes', async () => {
    const packed = gzipSync(TEXT);
    for (const missing of [1, 4, 8, 9, 20]) {
      const error = await refusal(file('cut.gz', packed.subarray(0, packed.length - missing)));
      expect(error.message).toBe('the gzip data is damaged or ends too early');
      expect(error).toMatchObject({ exitCode: EXIT.badInput, place: { file: join(folder, 'cut.gz') } });
    }
  });

  test('gzip with a flipped bit', async () => {
    const packed = gzipSync(TEXT);
    packed[packed.length >> 1] ^= 4;
    expect((await refusal(file('bad.gz', packed))).message).toBe(
      'the gzip data is damaged or ends too early',
    );
  });

  test('zstd that ends too early', async ({ skip }) => {
    const packed = zstd(TEXT);
    if (packed === null) skip('no zstd command here');
    else {
      const error = await refusal(file('cut.zst', packed.subarray(0, packed.length - 6)));
      expect(error.message).toBe('the zstd data is damaged or ends too early');
    }
  });

  test.each([
    ['xz', Buffer.from('fd377a585a0000', 'hex'), 'is packed with xz', 'xz -dc'],
    ['bzip2', Buffer.from('BZh91AY&SY'), 'is packed with bzip2', 'bzip2 -dc'],
    ['perf.data', Buffer.from('PERFILE2\0\0\0'), 'is binary data of perf', 'perf script -F'],
    [
      'trace.dat',
      Buffer.from('\x17\x08\x44tracing6\0'),
      'is binary data of trace-cmd',
      'trace-cmd report -t',
    ],
    [
      'trace.dat, packed',
      gzipSync('\x17\x08\x44tracing6\0'),
      'is binary data of trace-cmd',
      'trace-cmd report -t',
    ],
    ['Chrome JSON', '{"traceEvents":[]}', 'is JSON', 'traceconv systrace'],
    ['atrace -z', 'TRACE:\nx\x9c\x01', 'is packed by atrace', 'atrace'],
    ['prose', 'Dear list,\nplease find attached nothing.\n', 'is no trace of a known format', 'mm-sim reads'],
    ['HTML without data', '<!DOCTYPE html>\n<html></html>\n', 'is an HTML page without trace data', 'save'],
    [
      'page_owner',
      'Page allocated via order 0, mask 0x0(), pid 1, ts 2 ns\n',
      'is a page_owner snapshot, not a trace of events',
      'record',
    ],
  ])('%s is refused with a way out', async (_name, content, message, advice) => {
    const error = await refusal(file('input', content));
    expect(error).toMatchObject({ exitCode: EXIT.badInput, message });
    expect(error.advice).toContain(advice);
  });

  test('an input format that does not exist', async () => {
    const error = await refusal(file('input', TEXT), { inputFormat: 'etl' });
    expect(error).toMatchObject({ exitCode: EXIT.commandLine, message: "'etl' is no input format" });
  });

  test('binary data under a format that was named', async () => {
    const error = await refusal(file('input', 'PERFILE2\0'), { inputFormat: 'ftrace' });
    expect(error.message).toBe('is binary data of perf');
  });
});
