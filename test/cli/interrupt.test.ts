/** Ctrl-C: within a second, exit code 130, and nothing left behind (DESIGN §2). */

import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { outcomeOf, Workspace } from './program.js';

const at = new Workspace();

/** Long enough to be interrupted in the middle, on any machine. */
function longTrace(): string {
  const rows = ['time_ns,op,pfn'];
  for (let i = 0; i < 600_000; i++) rows.push(`${i},${i % 2 === 0 ? 'alloc' : 'free'},${1000 + (i >> 1)}`);
  return `${rows.join('\n')}\n`;
}

/** The names of unfinished files, once there are as many as expected. */
async function unfinished(count: number): Promise<string[]> {
  for (;;) {
    const names = leftovers();
    if (names.length >= count) return names;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function leftovers(): string[] {
  return [
    ...readdirSync(at.folder).filter((name) => name.includes('.part-')),
    ...readdirSync(at.path('tmp')),
  ];
}

async function interrupt(child: ChildProcess, signal: NodeJS.Signals) {
  const outcome = outcomeOf(child);
  const began = performance.now();
  child.kill(signal);
  return { ...(await outcome), ms: performance.now() - began };
}

test('in the middle of a run', async () => {
  at.write('long.csv', longTrace());
  at.write('result.txt', 'old');
  const child = at.start(['replay', 'long.csv', '--output', 'result.txt', '--events', 'events.ndjson']);
  expect(await unfinished(2)).toHaveLength(2);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { code, stdout, stderr, ms } = await interrupt(child, 'SIGINT');
  expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: '' });
  expect(ms).toBeLessThan(1000);
  expect(leftovers()).toEqual([]);
  expect(readdirSync(at.folder)).not.toContain('events.ndjson');
  expect(at.read('result.txt')).toBe('old');
});

test.each(['SIGINT', 'SIGTERM'] as const)('while it copies standard input: %s', async (signal) => {
  const child = at.start(['replay', '-', '--output', 'result.txt']);
  child.stdin?.on('error', () => {});
  child.stdin?.write('time_ns,op,pfn\n0,alloc,1\n');
  expect(await unfinished(2)).toHaveLength(2);
  const { code, stdout, stderr, ms } = await interrupt(child, signal);
  expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: '' });
  expect(ms).toBeLessThan(1000);
  expect(leftovers()).toEqual([]);
});
