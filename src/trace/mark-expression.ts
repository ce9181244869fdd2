/**
 * Expressions of mark rules: the syntax of ftrace event filters over the fields of a request (DESIGN §4).
 *
 *   or    = and { '||' and }
 *   and   = unary { '&&' unary }
 *   unary = '!' unary | '(' or ')' | FIELD OPERATOR constant
 *
 * As in ftrace, `&` is true when any of the bits is set, `~` is a glob on text, and numbers are decimal or
 * hexadecimal. More than ftrace can: names of gfp bits and of migratetypes stand for their numbers, and
 * constants may be joined by `|`.
 */
import { GFP_BITS, GFP_COMPOSITES } from '../kernel/gfp.js';
import { FREETYPE_NAMES, MIGRATE_TYPES } from '../kernel/migratetypes.js';
import { nearest } from '../kernel/nearest.js';

/** What a rule can ask about a request. gfp is in the bits of kernel/gfp.ts. */
export interface MarkTuple {
  readonly comm: string;
  readonly pid: number;
  readonly order: number;
  readonly migratetype: number;
  readonly gfp: number;
}

export type MarkField = keyof MarkTuple;

export interface Expression {
  readonly matches: (tuple: MarkTuple) => boolean;
  /** Fields that the expression reads: the others need not be told apart. */
  readonly fields: ReadonlySet<MarkField>;
}

/** Says where in the text the syntax breaks; marks.ts makes the user's error of it. */
export class ExpressionError extends Error {
  /** 0-based character in the text. */
  readonly at: number;
  readonly advice: string;

  constructor(at: number, problem: string, advice: string) {
    super(problem);
    this.name = 'ExpressionError';
    this.at = at;
    this.advice = advice;
  }
}

const FIELDS: Readonly<Record<string, MarkField>> = {
  comm: 'comm',
  pid: 'pid',
  order: 'order',
  migratetype: 'migratetype',
  gfp_flags: 'gfp',
  // ftrace's own names for the fields of every event
  common_pid: 'pid',
  COMM: 'comm',
};

const FIELD_LIST = 'fields are comm, pid, order, migratetype and gfp_flags';
const TEXT_OPERATORS = ['==', '!=', '~'];
const NUMBER_OPERATORS = ['==', '!=', '<=', '>=', '<', '>', '&'];
/** Longest first, so that `<=` is not read as `<`. */
const SYMBOLS = ['&&', '||', '==', '!=', '<=', '>=', '<', '>', '&', '|', '~', '!', '(', ')', ':'];

type TokenKind = 'word' | 'number' | 'text' | 'symbol' | 'end';

interface Token {
  readonly kind: TokenKind;
  readonly at: number;
  readonly text: string;
}

export function parseExpression(text: string): Expression {
  const parser = new ExpressionParser(tokens(text));
  const matches = parser.or();
  parser.expectEnd();
  return { matches, fields: parser.fields };
}

/** The name that was meant by a wrong one; a name that begins alike wins over one with fewer changed letters. */
function meant(name: string, known: readonly string[]): string | null {
  const alike = known.find((candidate) => candidate.startsWith(name) || name.startsWith(candidate));
  return alike ?? nearest(name, known);
}

/** `*`, `?` and `[…]` as ftrace has them, over the whole text. */
export function globMatches(pattern: string, text: string): boolean {
  // Recursion is on `*` alone; a comm has at most 15 bytes.
  let p = 0;
  let t = 0;
  for (; p < pattern.length; p++) {
    const char = pattern[p];
    if (char === '*') {
      for (let rest = t; rest <= text.length; rest++) {
        if (globMatches(pattern.slice(p + 1), text.slice(rest))) return true;
      }
      return false;
    }
    if (t === text.length) return false;
    const close = char === '[' ? pattern.indexOf(']', p + 2) : -1;
    if (close > 0) {
      if (!inClass(pattern.slice(p + 1, close), text[t])) return false;
      p = close;
    } else if (char !== '?' && char !== text[t]) {
      return false;
    }
    t++;
  }
  return t === text.length;
}

function inClass(members: string, char: string): boolean {
  const negated = members[0] === '!' || members[0] === '^';
  for (let i = negated ? 1 : 0; i < members.length; i++) {
    const isRange = members[i + 1] === '-' && i + 2 < members.length;
    const last = isRange ? members[i + 2] : members[i];
    if (char >= members[i] && char <= last) return !negated;
    if (isRange) i += 2;
  }
  return negated;
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const blank = /^\s+/.exec(rest);
    if (blank !== null) {
      at += blank[0].length;
      continue;
    }
    const word = /^[A-Za-z_][A-Za-z0-9_]*/.exec(rest);
    // Everything that begins like a number, so that `12ab` is one bad number and not two tokens.
    const number = /^-?[0-9][A-Za-z0-9_.]*/.exec(rest);
    const quoted = /^"((?:[^"\\]|\\.)*)"/.exec(rest);
    const symbol = SYMBOLS.find((candidate) => rest.startsWith(candidate));
    if (word !== null) found.push({ kind: 'word', at, text: word[0] });
    else if (number !== null) found.push({ kind: 'number', at, text: number[0] });
    else if (quoted !== null) found.push({ kind: 'text', at, text: quoted[0] });
    else if (symbol !== undefined) found.push({ kind: 'symbol', at, text: symbol });
    else if (rest[0] === '"')
      throw new ExpressionError(at, 'the quote is never closed', 'end the text with "');
    else
      throw new ExpressionError(
        at,
        `'${rest[0]}' means nothing here`,
        rest[0] === '=' ? "did you mean '=='?" : 'see the syntax of ftrace event filters',
      );
    at += found[found.length - 1].text.length;
  }
  found.push({ kind: 'end', at: text.length, text: '' });
  return found;
}

type Test = (tuple: MarkTuple) => boolean;

class ExpressionParser {
  readonly fields = new Set<MarkField>();
  private readonly tokens: readonly Token[];
  private next = 0;

  constructor(list: readonly Token[]) {
    this.tokens = list;
  }

  or(): Test {
    let left = this.and();
    while (this.take('||')) {
      const first = left;
      const second = this.and();
      left = (tuple) => first(tuple) || second(tuple);
    }
    return left;
  }

  expectEnd(): void {
    const token = this.peek();
    if (token.kind !== 'end') {
      throw new ExpressionError(
        token.at,
        `'${token.text}' does not continue the rule`,
        'join conditions with && or ||',
      );
    }
  }

  private and(): Test {
    let left = this.unary();
    while (this.take('&&')) {
      const first = left;
      const second = this.unary();
      left = (tuple) => first(tuple) && second(tuple);
    }
    return left;
  }

  private unary(): Test {
    if (this.take('!')) {
      const negated = this.unary();
      return (tuple) => !negated(tuple);
    }
    const open = this.peek();
    if (this.take('(')) {
      const inner = this.or();
      if (!this.take(')')) {
        throw new ExpressionError(open.at, "the parenthesis '(' is never closed", "add ')'");
      }
      return inner;
    }
    return this.condition();
  }

  private condition(): Test {
    const name = this.advance();
    if (name.kind !== 'word') {
      const seen = name.kind === 'end' ? 'the rule ends' : `'${name.text}' stands`;
      throw new ExpressionError(name.at, `${seen} where a field is expected`, FIELD_LIST);
    }
    const field = Object.hasOwn(FIELDS, name.text) ? FIELDS[name.text] : undefined;
    if (field === undefined) {
      const guess = meant(name.text, Object.keys(FIELDS).slice(0, 5));
      const advice = guess === null ? FIELD_LIST : `did you mean '${guess}'?`;
      throw new ExpressionError(name.at, `'${name.text}' is no field`, advice);
    }
    this.fields.add(field);
    const operator = this.advance();
    const operators = field === 'comm' ? TEXT_OPERATORS : NUMBER_OPERATORS;
    if (operator.kind !== 'symbol' || !operators.includes(operator.text)) {
      const seen = operator.kind === 'end' ? 'the rule ends' : `'${operator.text}' stands`;
      throw new ExpressionError(
        operator.at,
        `${seen} where an operator for ${name.text} is expected`,
        `use one of ${operators.join(' ')}`,
      );
    }
    return field === 'comm'
      ? textTest(operator.text, this.text())
      : numberTest(field, operator.text, this.number(field));
  }

  private text(): string {
    const token = this.advance();
    if (token.kind !== 'text') {
      throw new ExpressionError(token.at, 'comm is compared with text', 'put the name in double quotes');
    }
    return token.text.slice(1, -1).replace(/\\(.)/g, '$1');
  }

  private number(field: Exclude<MarkField, 'comm'>): number {
    let value = this.constant(field);
    while (this.take('|')) {
      const more = this.constant(field);
      value |= more;
    }
    return value;
  }

  private constant(field: Exclude<MarkField, 'comm'>): number {
    const token = this.advance();
    if (token.kind === 'number') {
      if (!/^(-?[0-9]+|0[xX][0-9a-fA-F]+)$/.test(token.text)) {
        throw new ExpressionError(
          token.at,
          `'${token.text}' is not a number`,
          'write it decimal, or hexadecimal with 0x',
        );
      }
      return Number(token.text);
    }
    const names = field === 'gfp' ? GFP_NAMES : field === 'migratetype' ? MIGRATETYPE_NAMES : undefined;
    if (token.kind !== 'word' || names === undefined) {
      const seen = token.kind === 'end' ? 'the rule ends' : `${quote(token.text)} stands`;
      throw new ExpressionError(
        token.at,
        `${seen} where a number is expected`,
        'write it decimal, or hexadecimal with 0x',
      );
    }
    const value = names.get(token.text);
    if (value === undefined) {
      const guess = meant(token.text, [...names.keys()]);
      const what = field === 'gfp' ? 'gfp name' : 'migratetype';
      const list =
        field === 'gfp'
          ? 'write names that the kernel prints, or a number'
          : `migratetypes are ${[...names.keys()].join(', ')}`;
      const advice = guess === null ? list : `did you mean '${guess}'?`;
      throw new ExpressionError(token.at, `'${token.text}' is no ${what}`, advice);
    }
    return value;
  }

  private peek(): Token {
    return this.tokens[this.next];
  }

  private advance(): Token {
    const token = this.tokens[this.next];
    if (token.kind !== 'end') this.next++;
    return token;
  }

  private take(symbol: string): boolean {
    const token = this.peek();
    if (token.kind !== 'symbol' || token.text !== symbol) return false;
    this.next++;
    return true;
  }
}

const GFP_NAMES = new Map<string, number>([...Object.entries(GFP_BITS), ...Object.entries(GFP_COMPOSITES)]);
const MIGRATETYPE_NAMES = new Map<string, number>(
  FREETYPE_NAMES.slice(0, MIGRATE_TYPES).map((name, index) => [name, index]),
);

function quote(text: string): string {
  return text.startsWith('"') ? text : `'${text}'`;
}

function textTest(operator: string, value: string): Test {
  if (operator === '==') return (tuple) => tuple.comm === value;
  if (operator === '!=') return (tuple) => tuple.comm !== value;
  return (tuple) => globMatches(value, tuple.comm);
}

function numberTest(field: Exclude<MarkField, 'comm'>, operator: string, value: number): Test {
  switch (operator) {
    case '==':
      return (tuple) => tuple[field] === value;
    case '!=':
      return (tuple) => tuple[field] !== value;
    case '<=':
      return (tuple) => tuple[field] <= value;
    case '>=':
      return (tuple) => tuple[field] >= value;
    case '<':
      return (tuple) => tuple[field] < value;
    case '>':
      return (tuple) => tuple[field] > value;
    default:
      return (tuple) => (tuple[field] & value) !== 0;
  }
}
