/** `mm-sim compare CORE CORE… [--trace TRACE…]` */

import { runAndPrint } from './run-session.js';
import { DEFAULT_TRACE } from './traces.js';

export async function run(
  positional: readonly unknown[],
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const cores = [positional[0] as string, ...(positional[1] as string[])];
  await runAndPrint(cores, (options.trace as string[] | undefined) ?? [DEFAULT_TRACE], options);
}
