/** What lies at a path, asked without a fuss: whoever opens the path words what is wrong with it. */

import { type Stats, statSync } from 'node:fs';

/** Undefined when there is nothing, or nothing that may be looked at. */
export function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
