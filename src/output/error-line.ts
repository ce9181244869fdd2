/** Words an error as the one line that users see (DESIGN §2). Every message of mm-sim passes through here. */

import { InvariantError, UserError } from '../kernel/errors.js';
import { printable } from './printable.js';

/** 'mm-sim: FILE:LINE: what is wrong; what to do', without a line end. */
export function errorLine(error: unknown): string {
  if (error instanceof UserError) {
    const { place, message, advice } = error;
    const where =
      place === undefined ? '' : `${place.file}${place.line === undefined ? '' : `:${place.line}`}: `;
    return printable(`mm-sim: ${where}${joined(message, advice)}`);
  }
  const what = error instanceof Error ? error.message : String(error);
  const kind = error instanceof InvariantError ? 'an invariant broke' : 'unexpected error';
  return printable(
    `mm-sim: ${kind}: ${what}; this is a bug in mm-sim: please report it with the command and its '--log-level debug' output`,
  );
}

/** A question ends its sentence: "did you mean 'baseline'? See …". */
function joined(message: string, advice: string | undefined): string {
  if (advice === undefined) return message;
  if (!message.endsWith('?')) return `${message}; ${advice}`;
  return `${message} ${advice[0].toUpperCase()}${advice.slice(1)}`;
}
