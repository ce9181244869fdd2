/** `mm-sim replay TRACE…` */

import { runAndPrint } from './run-session.js';

export async function run(
  positional: readonly unknown[],
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  await runAndPrint([options.core as string], positional[0] as string[], options);
}
