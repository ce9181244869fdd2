/**
 * `npm run bench`: how fast mm-sim, as built last, is on this machine, and how much memory it takes.
 *
 *   --json FILE    writes the results as well
 *   --only TEXT    parts whose name contains the text
 *   --part NAME    one part, in this process, its result as JSON: for profilers
 *                  (node --cpu-prof bench/run.js --part 'core baseline')
 *
 * Results are never committed: they tell of the machine as much as of mm-sim. What cannot vary is guarded
 * by test/bench-counts.test.ts.
 */

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { PARTS } from './parts.js';

const SCHEMA = 'mm-sim/bench@1';

const { values: options } = parseArgs({
  options: { json: { type: 'string' }, only: { type: 'string', default: '' }, part: { type: 'string' } },
});
if (options.part === undefined) await runAll(options);
else process.stdout.write(`${JSON.stringify(await partNamed(options.part).run())}\n`);

async function runAll({ json, only }) {
  // Created before the first part: a bad path fails at once and not after a minute.
  if (json !== undefined) writeFileSync(json, '');
  const { node } = process.versions;
  const cpu = cpus()[0].model.trim();
  process.stdout.write(`node  ${node}\ncpu   ${cpu}, ${cpus().length} CPUs\n\n`);
  process.stdout.write(`${row('', 'median', 'spread', 'floor', 'goal')}\n`);
  const results = [];
  for (const name of Object.keys(PARTS)) {
    if (!name.includes(only)) continue;
    const { unit, floor, goal } = PARTS[name];
    const result = { name, unit, floor, goal, ...(await inOwnProcess(name)) };
    printResult(result);
    results.push(result);
  }
  if (json === undefined) return;
  writeFileSync(json, `${JSON.stringify({ schema: SCHEMA, node, cpu, results }, null, 2)}\n`);
}

function partNamed(name) {
  if (Object.hasOwn(PARTS, name)) return PARTS[name];
  throw new Error(`there is no part '${name}'; parts are '${Object.keys(PARTS).join("', '")}'`);
}

async function inOwnProcess(name) {
  const self = fileURLToPath(import.meta.url);
  const { stdout } = await promisify(execFile)(process.execPath, [self, '--part', name]);
  return JSON.parse(stdout);
}

function printResult({ name, unit, floor, goal, input, rounds, median, lowest, highest, spread }) {
  const isRate = unit.endsWith('/s');
  const isMissed = floor !== null && (isRate ? median < floor : median > floor);
  const share = `${(spread * 100).toFixed(1)} %`;
  process.stdout.write(`${row(`${name}, ${unit}`, grouped(median), share, grouped(floor), grouped(goal))}\n`);
  const best = grouped(isRate ? highest : lowest);
  process.stdout.write(`  ${input}; best of ${rounds}: ${best}${isMissed ? '; FLOOR MISSED' : ''}\n`);
}

function row(label, median, spread, floor, goal) {
  return `${label.padEnd(32)}${median.padStart(10)}${spread.padStart(9)}${floor.padStart(11)}${goal.padStart(12)}`;
}

function grouped(number) {
  return number === null ? '-' : Math.round(number).toLocaleString('en-US');
}
