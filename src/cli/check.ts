/** `mm-sim check TRACE` */

import { type Capture, findCapture } from '../machine/capture.js';
import { CHECK_RENDERERS, formatNamed } from '../output/renderers.js';
import { ReadingProgress } from '../replay/reading-progress.js';
import { type CheckOptions, checkTrace } from '../trace/check.js';
import { openTrace } from '../trace/open.js';
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
  const format = formatNamed(options.format as string);
  const output = openOutput(options.output as string | undefined, [given]);
  const log = await openLog(options);
  // One pass: standard input needs no copy.
  const trace = findTrace(given);
  log.debug('check', { version: VERSION, node: process.versions.node, trace });
  const capture = trace.path === STDIN ? null : await findCapture(trace.path);
  const progress = startProgress(options.progress !== false);
  try {
    const reader = await openTrace(capture?.traceFile ?? trace.path, {
      inputFormat: options.inputFormat as string | undefined,
    });
    try {
      const outcome = await checkTrace(
        new ReadingProgress(1, progress.update).watch(reader, [reader]),
        await knownBeside(capture, reader.report.format),
      );
      progress.stop();
      await writeResult(CHECK_RENDERERS[format](outcome, { color: colorWanted(options) }), output);
    } finally {
      await reader.close();
    }
  } catch (error) {
    throw inUserWords(error, [trace]);
  } finally {
    progress.stop();
  }
}

/** What lies beside the trace says more than its text. */
async function knownBeside(capture: Capture | null, format: string): Promise<CheckOptions> {
  if (capture === null) return { synthetic: format === 'csv' };
  const { info } = capture;
  const { vmemmap } = await capture.before();
  return {
    exactStartState: true,
    buddyLevelEvents: info.trace.events.mm_page_alloc_zone_locked !== undefined,
    release: info.kernel.release,
    vmemmap,
  };
}
