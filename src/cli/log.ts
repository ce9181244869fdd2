/**
 * Notes for the user and the log. Without --log-level and --log-file a note is one plain line on standard
 * error; with them, pino writes JSON lines, synchronously, to the place asked for.
 */

import { EXIT, UserError } from '../kernel/errors.js';
import { printable } from '../output/printable.js';
import { diskProblem } from './guard.js';

export interface Log {
  /** A sentence that the user should know, without a full stop. */
  note(text: string): void;
  /** What helps to find a mistake; seen with --log-level debug alone. */
  debug(text: string, values: Readonly<Record<string, unknown>>): void;
}

export async function openLog(options: Readonly<Record<string, unknown>>): Promise<Log> {
  const level = options.logLevel as string | undefined;
  const file = options.logFile as string | undefined;
  if (level === undefined && file === undefined) {
    return { note: (text) => process.stderr.write(`mm-sim: note: ${printable(text)}\n`), debug: () => {} };
  }
  const { default: pino } = await import('pino');
  const place = file ?? '<stderr>';
  let problem: NodeJS.ErrnoException | null = null;
  const attempt = <T>(action: () => T): T => {
    try {
      const value = action();
      if (problem === null) return value;
    } catch (error) {
      problem = error as NodeJS.ErrnoException;
    }
    throw new UserError(EXIT.badInput, diskProblem(problem), { place: { file: place } });
  };
  const destination = attempt(() => pino.destination({ dest: file ?? 2, sync: true }));
  // Writes are synchronous, but their errors come as events.
  destination.on('error', (error: NodeJS.ErrnoException) => {
    problem ??= error;
  });
  const logger = pino({ level: level ?? 'info', base: undefined }, destination);
  return {
    note: (text) => attempt(() => logger.info(text)),
    debug: (text, values) => attempt(() => logger.debug(values, text)),
  };
}
