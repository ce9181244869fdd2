/**
 * `--require 'KEY OPERATOR VALUE'`: what a validation must hold for exit code 0. A value is a number, or a
 * percentage of what the registry calls the whole of the key. Integers are compared and nothing is rounded:
 * '== 100%' means equal, and 99.9% of 703,591 is no block less than that.
 */

import { group } from '../kernel/counted.js';
import { EXIT, UserError } from '../kernel/errors.js';
import { nearest } from '../kernel/nearest.js';
import { measuredValue, registeredKey, wholeOf } from './measured.js';
import { MEASURE_KEYS, MEASURES } from './measures.js';
import type { Validation } from './validation.js';

/** By the sign of value minus limit. */
const OPERATORS = {
  '>=': (sign: number) => sign >= 0,
  '>': (sign: number) => sign > 0,
  '<=': (sign: number) => sign <= 0,
  '<': (sign: number) => sign < 0,
  '==': (sign: number) => sign === 0,
} as const;

const FORM = /^\s*([^\s<>=]+)\s*(>=|>|<=|<|==)\s*(\d{1,15})(?:\.(\d{1,15}))?\s*(%?)\s*$/;

export interface Requirement {
  /** As the user wrote it. */
  readonly text: string;
  readonly key: string;
  readonly operator: keyof typeof OPERATORS;
  /** The value is limit / scale, in percent or not. */
  readonly limit: bigint;
  readonly scale: bigint;
  readonly isPercent: boolean;
}

/** Throws UserError (exit code 2) for what is no requirement, with the nearest key where the key is none. */
export function parseRequirement(text: string): Requirement {
  const match = FORM.exec(text);
  if (match === null) {
    throw problem(text, "is no condition; write 'KEY OPERATOR VALUE', such as 'recorded.exact >= 99.9%'", {
      advice: `operators are ${Object.keys(OPERATORS).join(' ')}, a value is a number or a percentage`,
    });
  }
  const [, key, operator, whole, decimals = '', percent] = match;
  const registered = registeredKey(key);
  if (registered === null) throw unknownKey(text, key);
  if (percent !== '' && MEASURES[registered].of === undefined) {
    throw problem(text, `nothing is 100 % of ${key}`, {
      advice: `write a number of ${MEASURES[registered].unit}`,
    });
  }
  return {
    text,
    key,
    operator: operator as keyof typeof OPERATORS,
    limit: BigInt(whole + decimals),
    scale: 10n ** BigInt(decimals.length),
    isPercent: percent !== '',
  };
}

/**
 * What is wrong, as a sentence without a full stop; null where the requirement is met. 0 of 0 is 100 %.
 * Throws UserError (exit code 4) where the capture has no such number.
 */
export function crossing(requirement: Requirement, validation: Validation): string | null {
  const { key, operator, limit, scale, isPercent, text } = requirement;
  const value = measuredValue(validation, key);
  if (value === null) {
    const snapshots = validation.recorded.middle.map(({ snapshot }) => snapshot);
    throw new UserError(EXIT.doesNotFit, `--require '${text}': ${validation.capture} has no such number`, {
      advice: key.startsWith('recorded.middle.')
        ? `its snapshots between the ends: ${snapshots.join(', ') || 'none'}`
        : 'its kernel is without the freetype series',
    });
  }
  const whole = isPercent ? wholeOf(validation, key)! : 1;
  const difference = BigInt(value) * scale * (isPercent ? 100n : 1n) - limit * BigInt(whole);
  if (OPERATORS[operator](difference < 0n ? -1 : Number(difference > 0n))) return null;
  return `--require '${text}' is not met: ${group(value)}${isPercent ? ` of ${group(whole)}` : ''}`;
}

function unknownKey(text: string, key: string): UserError {
  const guess = nearest(key, MEASURE_KEYS);
  return problem(text, `there is no number '${key}'${guess === null ? '' : `; did you mean '${guess}'?`}`, {
    advice: "see 'mm-sim list metrics'",
  });
}

function problem(text: string, what: string, { advice }: { advice: string }): UserError {
  return new UserError(EXIT.commandLine, `--require '${text}': ${what}`, { advice });
}
