// Damaged text: one clear error, or an answer; never an exception of another kind, and never an answer that
// depends on how the bytes were cut into chunks.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/kernel/errors.js';
import { readTrace } from './read-trace.js';

const SAMPLES = [
  'synthetic-adversarial.txt',
  'synthetic-lost-variants.txt',
  'synthetic-systrace.html',
  'funcgraph-5.x-failed-wrapped.txt',
  'ftrace-4.14-android-null-nrfree.txt',
  'perfscript-5.1-callchain.txt',
];

function sample(name: string): Uint8Array {
  // A plain array: slice() of a Buffer would not copy.
  return new Uint8Array(
    readFileSync(fileURLToPath(new URL(`../../fixtures/trace-samples/${name}`, import.meta.url))),
  );
}

async function answer(bytes: Uint8Array, chunkSize?: number): Promise<unknown> {
  try {
    return await readTrace(bytes, { chunkSize, batchEvents: 64 });
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

async function expectSameInChunks(bytes: Uint8Array): Promise<void> {
  const [inChunks, whole] = [await answer(bytes, 7), await answer(bytes)];
  // toEqual costs more than the reading; it is for the message.
  if (!isDeepStrictEqual(inChunks, whole)) expect(inChunks).toEqual(whole);
}

/** Numbers that look random and are the same each time. */
function* sequence(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state;
  }
}

describe.each(SAMPLES)('%s', (name) => {
  test('cut at every byte', async () => {
    const bytes = sample(name);
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      await expectSameInChunks(cut);
    }
  });

  test('one bit flipped, at every byte', async () => {
    const numbers = sequence(name.length);
    const bytes = sample(name);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at] ^= 1 << ((numbers.next().value as number) >>> 29);
      await expectSameInChunks(flipped);
    }
  });

  // A line feed in the middle of a field: whatever is compared ahead must not reach into the next line.
  test('a line feed at every byte', async () => {
    const bytes = sample(name);
    for (let at = 0; at < bytes.length; at++) {
      const broken = bytes.slice();
      broken[at] = 10;
      await expectSameInChunks(broken);
    }
  });

  test('lines shuffled', async () => {
    const numbers = sequence(1);
    const lines = Buffer.from(sample(name)).toString('latin1').split('\n');
    for (let round = 0; round < 20; round++) {
      const keys = lines.map((line) => [numbers.next().value as number, line] as const);
      const shuffled = keys.sort(([a], [b]) => a - b).map(([, line]) => line);
      const bytes = Buffer.from(shuffled.join('\n'), 'latin1');
      await expectSameInChunks(bytes);
    }
  });
});

const LINE =
  '              sh-149     [000] .....     3.823132: mm_page_free: page=000000002181391a pfn=0x329ec order=1\n';

test('a line without end is dropped, and reading goes on behind it', async () => {
  const { rows, report } = await readTrace(`${LINE}${'x'.repeat(300_000)}\n${LINE}`, { chunkSize: 1000 });
  expect(rows.map(({ line }) => line)).toEqual([1, 3]);
  expect(report.unparsed).toBe(1);
});

test('a file of random bytes is refused', async () => {
  const numbers = sequence(7);
  const bytes = Uint8Array.from({ length: 100_000 }, () => (numbers.next().value as number) >>> 24);
  await expect(readTrace(bytes)).rejects.toThrow('is binary data of an unknown kind');
});

test('random bytes that somebody calls ftrace are read to the end', async () => {
  const numbers = sequence(7);
  const bytes = Uint8Array.from({ length: 100_000 }, () => (numbers.next().value as number) >>> 24);
  const { rows } = await readTrace(bytes, { format: 'ftrace' });
  expect(rows).toEqual([]);
});

test('more names than the dictionary keeps share one', async () => {
  const lines = Array.from(
    { length: 5000 },
    (_, i) => `              sh-149     [000] .....     3.823132: event_${i}: x\n`,
  );
  const { report } = await readTrace(lines.join(''));
  expect(report.eventsByName.size).toBe(4095);
  expect(report.eventsByName.get('(other)')).toBe(5000 - 4094);
});
