/** Whether standard output gets colours: --color, NO_COLOR and the terminal. */

import { type ColorChoice, wantsColor } from '../output/color.js';

export function colorWanted(options: Readonly<Record<string, unknown>>): boolean {
  // A file never gets colours by itself.
  const isTerminal = process.stdout.isTTY === true && options.output === undefined;
  return wantsColor(options.color as ColorChoice, { isTerminal, environment: process.env });
}
