/**
 * Whole outputs on bundled traces, as files that people read. `UPDATE_GOLDEN=1 npx vitest run test/cli/golden`
 * rewrites them: read the difference, and tell users of changed numbers in CHANGELOG.md.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BUILD, COMPACTION, FILL, ROOT, SECRETMEM, Workspace } from './program.js';

const at = new Workspace();
const isUpdate = process.env.UPDATE_GOLDEN === '1';

test.concurrent.each([
  ['compare.txt', 'compare baseline freetype'],
  ['compare.json', 'compare baseline freetype --format json'],
  ['compare.csv', 'compare baseline freetype --format csv'],
  ['compare.md', 'compare baseline freetype --format markdown'],
  ['replay-fill.txt', `replay ${FILL} --core freetype`],
  ['replay-short.txt', 'replay short --core freetype'],
  ['check-secretmem.txt', `check ${SECRETMEM}`],
  ['check-secretmem.json', `check ${SECRETMEM} --format json`],
  ['check-fill.txt', `check ${FILL}`],
  ['check-build.txt', `check ${BUILD}`],
  ['check-short.txt', 'check short'],
  ['validate-secretmem.txt', `validate ${SECRETMEM}`],
  ['validate-secretmem.json', `validate ${SECRETMEM} --format json`],
  ['validate-fill.txt', `validate ${FILL} --first-miss`],
  ['validate-fill.csv', `validate ${FILL} --format csv`],
  ['validate-compaction.txt', `validate ${COMPACTION} --first-miss`],
])('%s: %s', async (name, command) => {
  const { code, stdout, stderr } = await at.run(command);
  expect(code, stderr).toBe(0);
  const file = join(ROOT, 'test/cli/golden', name);
  if (isUpdate) writeFileSync(file, stdout);
  expect(stdout).toBe(readFileSync(file, 'utf8'));
});
