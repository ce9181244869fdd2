/**
 * Marks: rules `CLASS: EXPRESSION` that say which requests demand something of their page in the direct
 * map (DESIGN §3, §4). From the command line (`--mark`), or from TRACE.marks.json beside a trace.
 */
import { readFile } from 'node:fs/promises';
import { classFromName, PLAIN } from '../kernel/classes.js';
import { EXIT, UserError } from '../kernel/errors.js';
import { nearest } from '../kernel/nearest.js';
import { type Expression, ExpressionError, type MarkTuple, parseExpression } from './mark-expression.js';

export interface Mark {
  /** A class of kernel/classes.ts, never PLAIN. */
  readonly pageClass: number;
  /** As written, without the class. */
  readonly expression: string;
  readonly matches: (tuple: MarkTuple) => boolean;
  readonly fields: Expression['fields'];
}

export const CLASS_NAMES: readonly string[] = [
  'unmapped',
  'readonly',
  'pagetable',
  ...Array.from({ length: 16 }, (_, key) => `pkey:${key}`),
];
export const CLASS_LIST = 'classes are unmapped, readonly, pagetable and pkey:0 to pkey:15';
const SYNTAX = `a mark is CLASS: EXPRESSION, such as 'unmapped: comm == "secretmem" && order == 0'`;

/** Reads `CLASS: EXPRESSION`. Throws UserError (exit code 2) with the text and the character that is wrong. */
export function parseMark(text: string): Mark {
  // The class may itself hold a colon (pkey:3): the colon that ends it is the first one after a whole class.
  const match = /^\s*(pkey:[^:\s]*|[^:\s]*)\s*:/.exec(text);
  if (match === null) throw markError(text, undefined, 'has no class', SYNTAX);
  const pageClass = classFromName(match[1]);
  if (pageClass === PLAIN) throw markError(text, 0, 'has no class', SYNTAX);
  if (pageClass < 0) {
    // Another pkey is no better guess than the list.
    const guess = match[1].startsWith('pkey') ? null : nearest(match[1], CLASS_NAMES);
    const advice = guess === null ? CLASS_LIST : `did you mean '${guess}'?`;
    throw markError(text, text.indexOf(match[1]), `'${match[1]}' is no class`, advice);
  }
  const start = match[0].length;
  try {
    const { matches, fields } = parseExpression(text.slice(start));
    return { pageClass, expression: text.slice(start).trim(), matches, fields };
  } catch (error) {
    if (error instanceof ExpressionError)
      throw markError(text, start + error.at, error.message, error.advice);
    throw error;
  }
}

/**
 * Marks of a TRACE.marks.json: an array of `CLASS: EXPRESSION` or {class, expression}.
 * Null when there is no such file. Throws UserError (exit code 3) when it cannot be used.
 */
export async function readMarksFile(path: string): Promise<Mark[] | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return null;
    throw new UserError(EXIT.badInput, `cannot be read (${code})`, { place: { file: path } });
  }
  const advice = 'a marks file is a JSON array of "CLASS: EXPRESSION" or {"class", "expression"}';
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw new UserError(EXIT.badInput, 'is not JSON', { place: { file: path }, advice });
  }
  if (!Array.isArray(list))
    throw new UserError(EXIT.badInput, 'is not a JSON array', { place: { file: path }, advice });
  return list.map((entry: unknown, index) => {
    const rule = ruleOf(entry);
    if (rule === null) {
      throw new UserError(EXIT.badInput, `entry ${index + 1} is no mark`, { place: { file: path }, advice });
    }
    try {
      return parseMark(rule);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // The same words, but the fault is in an input and not on the command line.
      throw new UserError(EXIT.badInput, error.message, { place: { file: path }, advice: error.advice });
    }
  });
}

function ruleOf(entry: unknown): string | null {
  if (typeof entry === 'string') return entry;
  if (typeof entry !== 'object' || entry === null) return null;
  const { class: className, expression } = entry as Record<string, unknown>;
  return typeof className === 'string' && typeof expression === 'string'
    ? `${className}: ${expression}`
    : null;
}

function markError(text: string, at: number | undefined, problem: string, advice: string): UserError {
  const where = at === undefined ? '' : `, character ${at + 1}`;
  return new UserError(EXIT.commandLine, `mark '${text}'${where}: ${problem}`, { advice });
}
