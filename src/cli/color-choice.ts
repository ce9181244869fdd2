/** Whether standard output gets colours: --color, NO_COLOR and the terminal. */

import { type ColorChoice, wantsColor } from '../output/color.js';

export function colorWanted(options: Readonly<Record<string, unknown>>): boolean {
  // A file never gets colours by itself.
  const isStandardOutput = options.output === undefined || options.output === '-';
  const isTerminal = process.stdout.isTTY === true && isStandardOutput;
  return wantsColor(options.color as ColorChoice, { isTerminal, environment: process.env });
}
