import { expect, test } from 'vitest';
import { wantsColor } from '../../src/output/color.js';

test.each([
  ['auto', true, {}, true],
  ['auto', false, {}, false],
  ['auto', true, { NO_COLOR: '1' }, false],
  // no-color.org: an empty value counts as not set.
  ['auto', true, { NO_COLOR: '' }, true],
  ['auto', true, { TERM: 'dumb' }, false],
  ['always', false, { NO_COLOR: '1' }, true],
  ['never', true, {}, false],
] as const)('%s, terminal %s, %o: %s', (choice, isTerminal, environment, wanted) => {
  expect(wantsColor(choice, { isTerminal, environment })).toBe(wanted);
});
