/** What `replay` and `compare` share: options to a session, notes to standard error, the result to its place. */

import { chooseCore } from '../cores/choose-core.js';
import { DEFAULT_COST_PRESET } from '../metrics/cost.js';
import { formatNamed, RENDERERS } from '../output/renderers.js';
import { runSession, type Start } from '../replay/session.js';
import { colorWanted } from './color-choice.js';
import { openLog } from './log.js';
import type { Until } from './options.js';
import { OutputFile, writeResult } from './output-file.js';
import { startProgress } from './progress.js';
import { resolveTrace } from './traces.js';
import { VERSION } from './version.js';

export async function runAndPrint(
  cores: readonly string[],
  traces: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const format = formatNamed(options.format as string);
  const choices = cores.map(chooseCore);
  const log = await openLog(options);
  const output = options.output === undefined ? null : new OutputFile(options.output as string);
  const events = options.events === undefined ? null : new OutputFile(options.events as string);
  const named = [];
  for (const trace of traces) named.push(await resolveTrace(trace));
  const progress = startProgress(options.progress !== false);
  const until = options.until as Until | undefined;
  try {
    const { result, notes } = await runSession({
      version: VERSION,
      traces: named,
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
    for (const note of notes) log.note(note);
    const color = colorWanted(options);
    events?.finish();
    await writeResult(RENDERERS[format](result, { color }), output);
  } finally {
    progress.stop();
  }
}
