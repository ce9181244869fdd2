/** Captures for tests of validation: bundled ones, and all that lie beside the project where it has some. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Capture, findCapture } from '../../src/machine/capture.js';
import type { Machine } from '../../src/machine/machine.js';
import type { StateSnapshot } from '../../src/machine/snapshot.js';
import { machineOfSnapshot } from '../../src/machine/snapshot-machine.js';
import { decodeGfps } from '../../src/trace/gfp.js';
import { migratetypeTable } from '../../src/trace/migratetype.js';
import { openTrace } from '../../src/trace/open.js';
import { type CaptureEvents, readBetweenMarkers } from '../../src/validate/whole-trace.js';

const SHARED = '../shared/captures';

export const BUNDLED_SECRETMEM = 'traces/linux-7.3-secretmem-1cpu';
export const BUNDLED_FREETYPE = 'traces/linux-7.3-freetype-fill-1cpu';

/** Folders of the captures beside the project; none where it has none. */
export const SHARED_CAPTURES: readonly string[] = existsSync(SHARED)
  ? readdirSync(SHARED)
      .filter((name) => name.startsWith('linux-'))
      .map((name) => join(SHARED, name))
  : [];

export interface ReadCapture {
  readonly capture: Capture;
  readonly machine: Machine;
  readonly before: StateSnapshot;
  readonly after: StateSnapshot;
  readonly events: CaptureEvents;
  readonly gfpBits: (gfp: number) => number;
}

export async function readCapture(folder: string): Promise<ReadCapture> {
  const capture = (await findCapture(folder))!;
  const before = await capture.before();
  const machine = machineOfSnapshot(before, { name: capture.name, iomem: await capture.iomem() });
  const reader = await openTrace(capture.traceFile);
  try {
    const events = await readBetweenMarkers(reader, migratetypeTable(reader.report, before.hasCma));
    const { bits } = decodeGfps(reader.gfps, reader.report);
    const after = (await capture.after())!;
    return { capture, machine, before, after, events, gfpBits: (gfp) => bits[gfp] };
  } finally {
    await reader.close();
  }
}
