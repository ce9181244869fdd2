import { expect, test } from 'vitest';
import { EXIT, InvariantError, UserError } from '../../src/kernel/errors.js';
import { errorLine } from '../../src/output/error-line.js';
import { printable } from '../../src/output/printable.js';

test.each([
  [
    'file, line, what is wrong, what to do',
    new UserError(EXIT.badInput, 'order 11 is larger than the largest order, 10', {
      place: { file: 'trace.csv', line: 4711 },
      advice: "check the column names with 'mm-sim check trace.csv'",
    }),
    "mm-sim: trace.csv:4711: order 11 is larger than the largest order, 10; check the column names with 'mm-sim check trace.csv'",
  ],
  [
    'a whole file',
    new UserError(EXIT.badInput, 'the file is empty', { place: { file: 'trace.csv' } }),
    'mm-sim: trace.csv: the file is empty',
  ],
  ['no file at all', new UserError(EXIT.commandLine, "there is no core 'x'"), "mm-sim: there is no core 'x'"],
  [
    'a question, which ends its sentence',
    new UserError(EXIT.commandLine, "there is no core 'x'; did you mean 'y'?", { advice: 'see the list' }),
    "mm-sim: there is no core 'x'; did you mean 'y'? See the list",
  ],
  [
    'a broken invariant',
    new InvariantError('page-allocator §1.3: 3 pages too many'),
    "mm-sim: an invariant broke: page-allocator §1.3: 3 pages too many; this is a bug in mm-sim: please report it with the command and its '--log-level debug' output",
  ],
  [
    'something else',
    new TypeError('x is undefined'),
    "mm-sim: unexpected error: x is undefined; this is a bug in mm-sim: please report it with the command and its '--log-level debug' output",
  ],
  [
    'not even an error',
    'text',
    "mm-sim: unexpected error: text; this is a bug in mm-sim: please report it with the command and its '--log-level debug' output",
  ],
])('%s', (_, error, line) => {
  expect(errorLine(error)).toBe(line);
});

test('a file name cannot end the line, clear the screen or turn the text around', () => {
  const error = new UserError(EXIT.badInput, 'odd\u202e', {
    place: { file: 'a\nb\u001b[2J\u0000', line: 1 },
  });
  expect(errorLine(error)).toBe('mm-sim: a\\nb\\x1b[2J\\x00:1: odd\\u202e');
});

test('what people write stays as it is', () => {
  for (const text of ['größe.txt', 'トレース.csv', 'comm == "a\\b" && pid != 3', '🙂'])
    expect(printable(text)).toBe(text);
  expect(printable('\ud800')).toBe('\\ud800');
  expect(printable('\u{e0001}')).toBe('\\u{e0001}');
});
