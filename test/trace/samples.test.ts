import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { EXIT, UserError } from '../../src/kernel/errors.js';
import { openTrace } from '../../src/trace/open.js';
import { allRows, countsOf, type ReadTrace } from './read-trace.js';

interface Expected {
  served: number;
  failed: number;
  frees: number;
  batched: number;
  /** A form without contents; the README of all samples does not tell these from empty ones. */
  refused?: boolean;
}

const FIXTURES = new URL('../../fixtures/trace-samples/', import.meta.url);
const SHARED = new URL('../../../shared/trace-samples/', import.meta.url);

async function readFile(folder: URL, name: string, chunkSize?: number, batchEvents?: number) {
  return allRows(await openTrace(fileURLToPath(new URL(name, folder)), { chunkSize, batchEvents }));
}

const NOTHING: Expected = { served: 0, failed: 0, frees: 0, batched: 0 };

async function countsOrRefusal(folder: URL, name: string): Promise<Expected> {
  try {
    return countsOf(await readFile(folder, name));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.exitCode).toBe(EXIT.badInput);
    expect(error.place?.file).toContain(name);
    expect(error.advice).toBeDefined();
    return { ...NOTHING, refused: true };
  }
}

async function readOrMessage(
  folder: URL,
  name: string,
  chunkSize?: number,
  batch?: number,
): Promise<ReadTrace | string> {
  try {
    return await readFile(folder, name, chunkSize, batch);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message;
  }
}

/** The table of a folder's README: name and `served/failed/frees/batched`. */
function readmeTable(folder: URL): [string, Expected][] {
  const table: [string, Expected][] = [];
  for (const line of readFileSync(new URL('README.md', folder), 'utf8').split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    const counts = cells
      .map((cell) => /^(\d+)\/(\d+)\/(\d+)\/(\d+)$/.exec(cell))
      .find((match) => match !== null);
    if (counts === undefined || counts === null) continue;
    const [served, failed, frees, batched] = counts.slice(1).map(Number);
    table.push([cells[1], { served, failed, frees, batched }]);
  }
  return table;
}

const fixtures = Object.entries(
  JSON.parse(readFileSync(new URL('expected.json', FIXTURES), 'utf8')) as Record<string, Expected>,
);

describe('bundled samples', () => {
  test.each(fixtures)('%s has its counts', async (name, { refused, ...counts }) => {
    expect(await countsOrRefusal(FIXTURES, name)).toEqual(refused ? { ...NOTHING, refused } : counts);
  });

  // Chunks may end anywhere: in a name, a number, between CR and LF.
  test.each(fixtures.map(([name]) => name))(
    '%s is the same in chunks of 1, 7 and 100 bytes',
    async (name) => {
      const whole = await readOrMessage(FIXTURES, name);
      for (const chunkSize of [1, 7, 100])
        expect(await readOrMessage(FIXTURES, name, chunkSize)).toEqual(whole);
    },
  );

  test.each(fixtures.map(([name]) => name))('%s is the same in batches of a few events', async (name) => {
    expect(await readOrMessage(FIXTURES, name, 100, 5)).toEqual(await readOrMessage(FIXTURES, name));
  });
});

const hasShared = existsSync(SHARED);
const shared = hasShared ? readmeTable(SHARED) : [];

describe.skipIf(!hasShared)(`all samples${hasShared ? '' : ' (not beside this project)'}`, () => {
  test('the table was found', () => expect(shared.length).toBeGreaterThan(90));

  test.each(shared)('%s has its counts', async (name, counts) => {
    const { refused, ...found } = await countsOrRefusal(SHARED, name);
    expect(found).toEqual(counts);
  });

  test.each(shared.map(([name]) => name))('%s is the same in chunks of 1, 7 and 100 bytes', async (name) => {
    const whole = await readOrMessage(SHARED, name);
    for (const chunkSize of [1, 7, 100]) expect(await readOrMessage(SHARED, name, chunkSize)).toEqual(whole);
  });
});
