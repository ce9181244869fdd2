import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAGETABLE, PKEY_BASE, PLAIN, UNMAPPED } from '../../src/kernel/classes.js';
import { GFP_COMPOSITES, GFP_HARDWALL_BIT, GFP_ZERO_BIT } from '../../src/kernel/gfp.js';
import { globMatches, type MarkTuple } from '../../src/trace/mark-expression.js';
import { MarkTable } from '../../src/trace/mark-table.js';
import { parseMark, readMarksFile } from '../../src/trace/marks.js';
import { failureOf } from './error-line.js';

const REQUEST: MarkTuple = {
  comm: 'secretmem',
  pid: 133,
  order: 2,
  migratetype: 0,
  gfp: GFP_COMPOSITES.GFP_USER | GFP_ZERO_BIT,
};

describe('expressions (DESIGN §4)', () => {
  test.each([
    ['comm == "secretmem"', true],
    ['comm != "secretmem"', false],
    ['comm ~ "secret*"', true],
    ['comm ~ "*cret?em"', true],
    ['comm ~ "secret"', false],
    ['comm == "a \\"b\\""', false],
    ['order == 2', true],
    ['order < 2 || order > 2', false],
    ['order <= 0x2 && order >= 2', true],
    ['pid != 133', false],
    ['pid > -1', true],
    ['migratetype == unmovable', true],
    ['gfp_flags & __GFP_HARDWALL', true],
    ['gfp_flags & __GFP_HIGHMEM', false],
    // `&` is "any of the bits", as in ftrace
    ['gfp_flags & __GFP_HIGHMEM|__GFP_ZERO', true],
    ['gfp_flags == GFP_USER|__GFP_ZERO', true],
    ['gfp_flags == GFP_USER', false],
    ['gfp_flags & 0x100000', true],
    ['!(order == 2)', false],
    ['!order == 3', true],
    // && binds more tightly than ||
    ['order == 2 || order == 3 && pid == 0', true],
    ['(order == 2 || order == 3) && pid == 0', false],
    ['common_pid==133&&COMM=="secretmem"', true],
  ])('%s is %s', (expression, expected) => {
    expect(parseMark(`unmapped: ${expression}`).matches(REQUEST)).toBe(expected);
  });

  test.each([
    ['*', '', true],
    ['a*c*e', 'abcde', true],
    ['a*c*e', 'abcd', false],
    ['[k-m]worker', 'kworker', true],
    ['[!k]worker', 'kworker', false],
    ['kworker/[0-9]:*', 'kworker/3:1', true],
    ['[ab', '[ab', true],
    ['?', '', false],
  ])('glob %s on %j is %s', (pattern, text, expected) => {
    expect(globMatches(pattern, text)).toBe(expected);
  });

  test.each([
    ['unmapped: order == 0', UNMAPPED],
    ['pagetable : order == 0', PAGETABLE],
    ['pkey:3: order == 0', PKEY_BASE + 3],
    ['  pkey:15:order==0', PKEY_BASE + 15],
  ])('class of %j', (text, pageClass) => {
    const mark = parseMark(text);
    expect(mark.pageClass).toBe(pageClass);
    expect(mark.expression.replaceAll(' ', '')).toBe('order==0');
  });
});

describe('errors (exit code 2, with the text and the character)', () => {
  const fields = 'fields are comm, pid, order, migratetype and gfp_flags';
  const classes = 'classes are unmapped, readonly, pagetable and pkey:0 to pkey:15';
  const syntax = `a mark is CLASS: EXPRESSION, such as 'unmapped: comm == "secretmem" && order == 0'`;
  const number = 'write it decimal, or hexadecimal with 0x';
  test.each([
    ['order == 0', `: has no class; ${syntax}`],
    [': order == 0', `, character 1: has no class; ${syntax}`],
    ['unmaped: order == 0', `, character 1: 'unmaped' is no class; did you mean 'unmapped'?`],
    ['pkey:16: order == 0', `, character 1: 'pkey:16' is no class; ${classes}`],
    ['secret: order == 0', `, character 1: 'secret' is no class; ${classes}`],
    ['unmapped:', `, character 10: the rule ends where a field is expected; ${fields}`],
    ['unmapped: comn == "x"', `, character 11: 'comn' is no field; did you mean 'comm'?`],
    ['unmapped: gfp & 1', `, character 11: 'gfp' is no field; did you mean 'gfp_flags'?`],
    [
      'unmapped: order',
      ', character 16: the rule ends where an operator for order is expected; use one of == != <= >= < > &',
    ],
    ['unmapped: colour == 1', `, character 11: 'colour' is no field; ${fields}`],
    ['unmapped: comm = "make"', ", character 16: '=' means nothing here; did you mean '=='?"],
    ['unmapped: order = 1', ", character 17: '=' means nothing here; did you mean '=='?"],
    [
      'unmapped: comm < "x"',
      ", character 16: '<' stands where an operator for comm is expected; use one of == != ~",
    ],
    ['unmapped: comm == x', ', character 19: comm is compared with text; put the name in double quotes'],
    ['unmapped: comm == "x', ', character 19: the quote is never closed; end the text with "'],
    ['unmapped: order == "2"', `, character 20: "2" stands where a number is expected; ${number}`],
    ['unmapped: order == 2x', `, character 20: '2x' is not a number; ${number}`],
    ['unmapped: order == ', `, character 20: the rule ends where a number is expected; ${number}`],
    [
      'unmapped: gfp_flags & __GFP_ZER0',
      ", character 23: '__GFP_ZER0' is no gfp name; did you mean '__GFP_ZERO'?",
    ],
    [
      'unmapped: migratetype == movabel',
      ", character 26: 'movabel' is no migratetype; did you mean 'movable'?",
    ],
    ['unmapped: (order == 1', ", character 11: the parenthesis '(' is never closed; add ')'"],
    [
      'unmapped: order == 1)',
      ", character 21: ')' does not continue the rule; join conditions with && or ||",
    ],
    [
      'unmapped: order == 1 pid == 2',
      ", character 22: 'pid' does not continue the rule; join conditions with && or ||",
    ],
    [
      'unmapped: order == 1 && && pid == 2',
      `, character 25: '&&' stands where a field is expected; ${fields}`,
    ],
  ])('%s', async (text, rest) => {
    expect(await failureOf(() => parseMark(text))).toBe(`2 mm-sim: mark '${text}'${rest}`);
  });

  test('any text is a mark or one of our errors', () => {
    const pieces = [
      'unmapped:',
      'comm',
      'order',
      '==',
      '&',
      '&&',
      '(',
      ')',
      '!',
      '"x"',
      '1',
      '0x',
      '|',
      '~',
      ' ',
    ];
    fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), async (parts) => {
        const failure = await failureOf(() => parseMark(parts.join(' ')));
        expect(failure === '' || failure.startsWith('2 mm-sim: mark ')).toBe(true);
      }),
    );
  });
});

describe('table', () => {
  const comms = ['', 'sh', 'secretmem'];
  const gfps = [0, GFP_COMPOSITES.GFP_KERNEL, GFP_COMPOSITES.GFP_USER];
  const names = { comms, gfpBits: (gfp: number): number => gfps[gfp] };

  test('the first mark that matches takes the request and counts it', () => {
    const table = new MarkTable(
      [parseMark('unmapped: order == 1'), parseMark('pagetable: order >= 1')],
      names,
    );
    const classes = [0, 1, 2, 1].map((order) => table.take(1, 1, order, 0, 7));
    expect(classes).toEqual([PLAIN, UNMAPPED, PAGETABLE, UNMAPPED]);
    expect([...table.requests]).toEqual([2, 1]);
  });

  test('a rule is evaluated once per tuple of what the rules read', () => {
    const mark = parseMark('unmapped: comm == "secretmem" && gfp_flags & __GFP_HARDWALL');
    let evaluated = 0;
    const counted = { ...mark, matches: (tuple: MarkTuple) => ++evaluated > 0 && mark.matches(tuple) };
    const table = new MarkTable([counted], names);
    for (let pid = 0; pid < 100; pid++) {
      for (let order = 0; order < 11; order++) {
        expect(table.take(2, 2, order, pid % 3, pid)).toBe(UNMAPPED);
        expect(table.take(2, 1, order, pid % 3, pid)).toBe(PLAIN);
      }
    }
    expect(evaluated).toBe(2);
    expect(gfps[2] & GFP_HARDWALL_BIT).toBeGreaterThan(0);
  });

  test('the same answer as the rules, for more tuples than the table began with', () => {
    const marks = [
      parseMark('unmapped: pid & 0x55 && order > 3'),
      parseMark('readonly: comm ~ "s*" && migratetype == 2 || gfp_flags == GFP_USER && pid < 300'),
    ];
    const table = new MarkTable(marks, names);
    const tuple = fc.record({
      comm: fc.nat(2),
      gfp: fc.nat(2),
      order: fc.nat(10),
      migratetype: fc.integer({ min: -1, max: 5 }),
      pid: fc.integer({ min: -2, max: 4_194_304 }),
    });
    fc.assert(
      fc.property(fc.array(tuple, { minLength: 100, maxLength: 600 }), (tuples) => {
        for (const { comm, gfp, order, migratetype, pid } of tuples) {
          const plain = { comm: comms[comm], gfp: gfps[gfp], order, migratetype, pid };
          const expected = marks.find((mark) => mark.matches(plain))?.pageClass ?? PLAIN;
          expect(table.take(comm, gfp, order, migratetype, pid)).toBe(expected);
        }
      }),
    );
  });
});

describe('TRACE.marks.json', () => {
  const withFile = async (text: string, use: (path: string) => Promise<void>): Promise<void> => {
    const folder = await mkdtemp(join(tmpdir(), 'mm-sim-marks-'));
    try {
      const path = join(folder, 't.marks.json');
      await writeFile(path, text);
      await use(path);
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  test('strings and objects', () =>
    withFile('["unmapped: order == 0", {"class": "pkey:2", "expression": "pid == 7"}]', async (path) => {
      const marks = await readMarksFile(path);
      expect(marks?.map(({ pageClass, expression }) => [pageClass, expression])).toEqual([
        [UNMAPPED, 'order == 0'],
        [PKEY_BASE + 2, 'pid == 7'],
      ]);
    }));

  test('no such file is no marks', async () => {
    expect(await readMarksFile(join(tmpdir(), 'mm-sim-no-such.marks.json'))).toBeNull();
  });

  const advice = 'a marks file is a JSON array of "CLASS: EXPRESSION" or {"class", "expression"}';
  test.each([
    ['[', `is not JSON; ${advice}`],
    ['{}', `is not a JSON array; ${advice}`],
    ['["unmapped: order == 0", 7]', `entry 2 is no mark; ${advice}`],
    [
      '["unmapped: ordre == 0"]',
      "mark 'unmapped: ordre == 0', character 11: 'ordre' is no field; did you mean 'order'?",
    ],
  ])('%s', (text, rest) =>
    withFile(text, async (path) => {
      expect(await failureOf(() => readMarksFile(path))).toBe(`3 mm-sim: ${path}: ${rest}`);
    }),
  );
});
