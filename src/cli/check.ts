/** `mm-sim check TRACE` */

import { findCapture } from '../machine/capture.js';
import { CHECK_RENDERERS, formatNamed } from '../output/renderers.js';
import { checkTrace } from '../trace/check.js';
import { openTrace } from '../trace/open.js';
import { colorWanted } from './color-choice.js';
import { OutputFile, writeResult } from './output-file.js';
import { resolveTrace } from './traces.js';

export async function run(
  positional: readonly unknown[],
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const format = formatNamed(options.format as string);
  const output = options.output === undefined ? null : new OutputFile(options.output as string);
  const { path } = positional[0] === '-' ? { path: '-' } : await resolveTrace(positional[0] as string);
  const capture = path === '-' ? null : await findCapture(path);
  const reader = await openTrace(capture?.traceFile ?? path, {
    inputFormat: options.inputFormat as string | undefined,
  });
  try {
    const outcome = await checkTrace(reader, {
      exactStartState: capture !== null,
      buddyLevelEvents:
        capture === null ? undefined : capture.info.trace.events.mm_page_alloc_zone_locked !== undefined,
      synthetic: reader.report.format === 'csv',
    });
    const color = colorWanted(options);
    await writeResult(CHECK_RENDERERS[format](outcome.result, { color }), output);
  } finally {
    await reader.close();
  }
}
