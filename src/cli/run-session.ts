/** What `replay` and `compare` share: options to a session, notes to standard error, the result to its place. */

import { chooseCore } from '../cores/choose-core.js';
import { DEFAULT_COST_PRESET } from '../metrics/cost.js';
import { formatNamed, RENDERERS } from '../output/renderers.js';
import { runSession } from '../replay/session.js';
import type { Start } from '../replay/session-options.js';
import { colorWanted } from './color-choice.js';
import { openLog } from './log.js';
import type { Until } from './options.js';
import { openEvents, openOutput, writeResult } from './output-file.js';
import { startProgress } from './progress.js';
import { findTraces, inUserWords } from './traces.js';
import { VERSION } from './version.js';

export async function runAndPrint(
  cores: readonly string[],
  given: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  // Whatever can be wrong with the command line is found before anything is read or written.
  const format = formatNamed(options.format as string);
  const choices = cores.map(chooseCore);
  const outputPath = options.output as string | undefined;
  const output = openOutput(outputPath, given);
  const events = openEvents(options.events as string | undefined, outputPath, given);
  const log = await openLog(options);
  const traces = await findTraces(given);
  log.debug('run', { version: VERSION, node: process.versions.node, cores, traces });
  const progress = startProgress(options.progress !== false);
  const until = options.until as Until | undefined;
  try {
    const { result, notes } = await runSession({
      version: VERSION,
      traces,
      cores: choices,
      machine: {
        machine: options.machine as string | undefined,
        memory: options.memory as string | undefined,
        cpus: options.cpus as number | undefined,
        kernel: options.kernel as string | undefined,
      },
      start: options.start as Start | undefined,
      placement: options.placement as 'simulated' | 'recorded',
      marks: (options.mark as string[] | undefined) ?? [],
      inputFormat: options.inputFormat as string | undefined,
      untilLine: until?.line ?? Number.POSITIVE_INFINITY,
      untilNs: until?.ns ?? Number.POSITIVE_INFINITY,
      tlbCpus: options.tlbCpus as number[],
      costPreset: DEFAULT_COST_PRESET,
      writeEvent: events === null ? null : (line) => events.write(line),
      onProgress: progress.update,
    });
    progress.stop();
    events?.finish();
    for (const note of notes) log.note(note);
    await writeResult(RENDERERS[format](result, { color: colorWanted(options) }), output);
  } catch (error) {
    throw inUserWords(error, traces);
  } finally {
    progress.stop();
  }
}
