/**
 * Notes for the user and the log. Without --log-level and --log-file a note is one plain line on standard
 * error; with them, pino writes JSON lines, synchronously, to the place asked for.
 */

import { EXIT, UserError } from '../kernel/errors.js';
import { diskProblem } from './guard.js';

export interface Log {
  note(text: string): void;
}

export async function openLog(options: Readonly<Record<string, unknown>>): Promise<Log> {
  const level = options.logLevel as string | undefined;
  const file = options.logFile as string | undefined;
  if (level === undefined && file === undefined) {
    return { note: (text) => process.stderr.write(`mm-sim: note: ${text}\n`) };
  }
  const { default: pino } = await import('pino');
  let destination: ReturnType<typeof pino.destination>;
  try {
    destination = pino.destination({ dest: file ?? 2, sync: true });
  } catch (error) {
    throw new UserError(EXIT.badInput, diskProblem(error as NodeJS.ErrnoException), {
      place: { file: file ?? '<stderr>' },
    });
  }
  const logger = pino({ level: level ?? 'info', base: undefined }, destination);
  return { note: (text) => logger.info(text) };
}
