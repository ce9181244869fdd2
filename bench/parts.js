/**
 * What is measured, one function a part. run.js gives each part a process of its own: what one part taught
 * the compiler must not slow down the next.
 */

import { spawn } from 'node:child_process';
import { openTrace } from '../dist/trace/open.js';
import { TextReader } from '../dist/trace/text-reader.js';
import { measure, timed } from './measure.js';
import { eventsInMemory, FOLDER, ROOT, TRACE_FILE, TRACE_NAME, traceText } from './trace.js';

const IN_PROCESS = { warmUps: 3, rounds: 15 };
/** A process starts cold each time, as it does for its user; the warm-up is for the disk's cache. */
const WHOLE_PROCESS = { warmUps: 1, rounds: 7 };
/** As large as the chunks that gunzip hands out. */
const CHUNK = 512 * 1024;
const MIB = 2 ** 20;
const REPORT_PEAK = new URL('report-peak.js', import.meta.url).href;

/** Floors must hold now on one core of an ordinary server, and goals some day: for ms and MiB, upper limits. */
export const PARTS = {
  'scan, text in memory': { unit: 'lines/s', floor: 1.5e6, goal: 4e6, run: scanText },
  'scan, gzip': { unit: 'lines/s', floor: null, goal: null, run: scanGzip },
  'core baseline': { unit: 'operations/s', floor: 4e6, goal: 20e6, run: () => core('baseline') },
  'core freetype': { unit: 'operations/s', floor: null, goal: 15e6, run: () => core('freetype') },
  'compare baseline freetype': { unit: 'ms', floor: null, goal: null, run: compare },
  'replay, most resident': { unit: 'MiB', floor: 400, goal: null, run: replayMemory },
};

async function scanText() {
  const text = traceText();
  async function* chunks() {
    for (let at = 0; at < text.length; at += CHUNK) yield text.subarray(at, at + CHUNK);
  }
  return scan(() => new TextReader(chunks(), 'ftrace'), `${TRACE_NAME}, ${mib(text.length)} MiB`);
}

async function scanGzip() {
  return scan(() => openTrace(TRACE_FILE), TRACE_NAME);
}

async function scan(open, name) {
  let lines = 0;
  const result = await measure(async () => {
    const time = await timed(async () => {
      const reader = await open();
      while ((await reader.next()) !== null);
      lines = reader.report.lines;
      await reader.close();
    });
    return (lines * 1000) / time;
  }, IN_PROCESS);
  return { input: `${name}, ${grouped(lines)} lines`, ...result };
}

async function core(name) {
  const { batches, operations, lane } = await eventsInMemory();
  const result = await measure(async () => {
    const { replay } = lane(name);
    const time = await timed(() => {
      for (const batch of batches) replay.feed(batch);
    });
    replay.finish();
    return (operations * 1000) / time;
  }, IN_PROCESS);
  return { input: `${TRACE_NAME}, ${grouped(operations)} operations`, ...result };
}

async function compare() {
  const result = await measure(
    () => timed(() => runTool(['compare', 'baseline', 'freetype'])),
    WHOLE_PROCESS,
  );
  return { input: 'the bundled trace', ...result };
}

async function replayMemory() {
  const result = await measure(async () => {
    const bytes = await runTool(['replay', FOLDER], ['--import', REPORT_PEAK]);
    return Number(bytes) / MIB;
  }, WHOLE_PROCESS);
  return { input: TRACE_NAME, ...result };
}

/** Runs mm-sim to its end; returns what was written to descriptor 3. */
function runTool(words, nodeOptions = []) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...nodeOptions, `${ROOT}bin/mm-sim.js`, ...words], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    const [, , errors, reported] = child.stdio.map(textOf);
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(reported());
      else reject(new Error(`mm-sim ${words.join(' ')} ended with ${code}: ${errors()}`));
    });
  });
}

function textOf(stream) {
  let text = '';
  stream?.setEncoding('utf8').on('data', (piece) => {
    text += piece;
  });
  return () => text;
}

function grouped(number) {
  return number.toLocaleString('en-US');
}

function mib(bytes) {
  return Math.round(bytes / MIB);
}
