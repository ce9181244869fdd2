/** The same bytes for the same input, whatever the place, the time and the window (DESIGN §6). */

import { expect, test } from 'vitest';
import { FILL, SMALL, Workspace } from './program.js';

const at = new Workspace();
at.write('small.csv', SMALL);

const HERE = { LC_ALL: 'C', TZ: 'UTC', COLUMNS: '80' };
const ELSEWHERE = {
  LC_ALL: 'tr_TR.UTF-8',
  LANG: 'tr_TR.UTF-8',
  TZ: 'Pacific/Kiritimati',
  COLUMNS: '40',
  TERM: 'xterm-256color',
};

test.concurrent.each([
  'compare baseline freetype --trace small.csv',
  'compare baseline freetype --trace small.csv --format json',
  'compare baseline freetype --trace small.csv --format csv',
  'compare baseline freetype --trace small.csv --format markdown',
  'compare baseline freetype --trace small.csv --events /dev/stderr --format ndjson',
  `replay ${FILL} --core freetype`,
  `check ${FILL}`,
  'list cores',
  'list machines',
  'list metrics --format json',
  'list traces --format csv',
  'replay I.csv',
])('%s', async (command) => {
  const first = await at.run(command, { env: HERE });
  expect(await at.run(command, { env: ELSEWHERE })).toEqual(first);
});
