import { UserError } from '../../src/kernel/errors.js';

/** What a user would see of a UserError, worded as `cli/` words it (style.md, "An error"). */
export function errorLine(error: unknown): string {
  if (!(error instanceof UserError)) throw error;
  const { place, advice, message } = error;
  const where =
    place === undefined ? '' : place.line === undefined ? `${place.file}: ` : `${place.file}:${place.line}: `;
  return `mm-sim: ${where}${message}${advice === undefined ? '' : `; ${advice}`}`;
}

/** Exit code and line of the error that `run` ends with; '' when it does not. */
export async function failureOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    return `${(error as UserError).exitCode} ${errorLine(error)}`;
  }
  return '';
}
