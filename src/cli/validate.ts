/** `mm-sim validate CAPTURE` */

import { EXIT, UserError } from '../kernel/errors.js';
import { formatNamed, VALIDATION_RENDERERS } from '../output/renderers.js';
import { ReadingProgress } from '../replay/reading-progress.js';
import { crossing, parseRequirement } from '../validate/require.js';
import { validateCapture } from '../validate/validate.js';
import { colorWanted } from './color-choice.js';
import { openLog } from './log.js';
import { openOutput, writeResult } from './output-file.js';
import { startProgress } from './progress.js';
import { findTrace, inUserWords, STDIN } from './traces.js';
import { VERSION } from './version.js';

export async function run(
  positional: readonly unknown[],
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const given = positional[0] as string;
  if (given === STDIN) {
    throw new UserError(EXIT.commandLine, "'-' is no capture: standard input brings no recorded states", {
      advice: 'name the folder of a capture',
    });
  }
  const format = formatNamed(options.format as string);
  const requirements = ((options.require as string[] | undefined) ?? []).map(parseRequirement);
  const output = openOutput(options.output as string | undefined, [given]);
  const log = await openLog(options);
  const trace = findTrace(given);
  log.debug('validate', { version: VERSION, node: process.versions.node, trace });
  const progress = startProgress(options.progress !== false);
  try {
    const report = await validateCapture({
      version: VERSION,
      path: trace.path,
      kernel: options.kernel as string | undefined,
      withoutProbes: options.withoutProbes === true,
      firstMiss: options.firstMiss === true,
      watch: (reader) => new ReadingProgress(1, progress.update).watch(reader, [reader]),
    });
    progress.stop();
    for (const note of report.notes) log.note(note);
    await writeResult(VALIDATION_RENDERERS[format](report, { color: colorWanted(options) }), output);
    for (const requirement of requirements) {
      const crossed = crossing(requirement, report.result);
      if (crossed === null) continue;
      process.stderr.write(`mm-sim: ${crossed}\n`);
      process.exitCode = EXIT.thresholdCrossed;
    }
  } catch (error) {
    throw inUserWords(error, [trace]);
  } finally {
    progress.stop();
  }
}
