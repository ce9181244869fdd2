/**
 * Colours, and the only place that knows chalk. A colour repeats what a sign or a word already says, so
 * that nothing is lost in a mail; sixteen colours are enough for that.
 */

import { Chalk } from 'chalk';

export const COLOR_CHOICES = ['auto', 'always', 'never'] as const;
export type ColorChoice = (typeof COLOR_CHOICES)[number];

export interface Paint {
  good(text: string): string;
  bad(text: string): string;
  strong(text: string): string;
}

/**
 * Whether to colour. `always` and `never` are the user's word and beat the environment; `auto` colours on a
 * terminal that can, unless NO_COLOR is set to anything (no-color.org).
 */
export function wantsColor(
  choice: ColorChoice,
  {
    isTerminal,
    environment,
  }: { isTerminal: boolean; environment: { readonly [name: string]: string | undefined } },
): boolean {
  if (choice !== 'auto') return choice === 'always';
  return isTerminal && !environment.NO_COLOR && environment.TERM !== 'dumb';
}

export function paintFor(color: boolean): Paint {
  // The level is given, never detected: chalk would look at the environment by itself.
  const chalk = new Chalk({ level: color ? 1 : 0 });
  return {
    good: (text) => chalk.green(text),
    bad: (text) => chalk.red(text),
    strong: (text) => chalk.bold(text),
  };
}
