/** The trace that is measured: a recorded build where the checkout has one beside it, else a bundled capture. */

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { chooseCore } from '../dist/cores/choose-core.js';
import { DEFAULT_COST_PRESET } from '../dist/metrics/cost.js';
import { ReadingProgress } from '../dist/replay/reading-progress.js';
import { makeLane } from '../dist/replay/run-cores.js';
import { prepareSession } from '../dist/replay/session.js';
import { EventColumns } from '../dist/trace/columns.js';
import { KIND } from '../dist/trace/events.js';
import { renumberMigratetype } from '../dist/trace/migratetype.js';
import { openTrace } from '../dist/trace/open.js';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

const BUILD = `${ROOT}../shared/captures/linux-7.3-build-1cpu`;
const BUNDLED = `${ROOT}traces/linux-7.3-secretmem-1cpu`;
export const FOLDER = existsSync(BUILD) ? BUILD : BUNDLED;
export const TRACE_NAME = FOLDER.slice(FOLDER.lastIndexOf('/') + 1);
export const TRACE_FILE = `${FOLDER}/trace.txt.gz`;

/** A build has no users of unmapped pages: a mark makes some, the kernel memory of one of its programs. */
const MARKS = FOLDER === BUILD ? ['unmapped: comm == "sh" && order == 0 && migratetype == 0'] : [];

const SESSION = {
  version: '',
  traces: [{ path: FOLDER, name: TRACE_NAME }],
  cores: [],
  machine: {},
  placement: 'simulated',
  marks: MARKS,
  untilLine: Number.POSITIVE_INFINITY,
  untilNs: Number.POSITIVE_INFINITY,
  tlbCpus: [],
  costPreset: DEFAULT_COST_PRESET,
  writeEvent: null,
};

/** As a Uint8Array, since the scanner must see one kind of array only. */
export function traceText() {
  const { buffer, byteOffset, length } = gunzipSync(readFileSync(TRACE_FILE));
  return new Uint8Array(buffer, byteOffset, length);
}

/** All events of the trace in memory, and how a replay of them by one core begins. */
export async function eventsInMemory() {
  const { settings } = await prepareSession(SESSION, new ReadingProgress(1, () => {}));
  const batches = [];
  const reader = await openTrace(TRACE_FILE);
  for (let columns = await reader.next(); columns !== null; columns = await reader.next()) {
    renumberMigratetype(columns, settings.migratetypes);
    batches.push(copied(columns));
  }
  await reader.close();
  return {
    batches,
    operations: batches.reduce((sum, batch) => sum + operationsIn(batch), 0),
    /** A core in its start state. */
    lane: (core) => makeLane(chooseCore(core), settings),
  };
}

function copied(columns) {
  const copy = new EventColumns(columns.capacity);
  copy.length = columns.length;
  for (const [name, column] of Object.entries(columns))
    if (ArrayBuffer.isView(column)) copy[name].set(column);
  return copy;
}

/** An operation is a request to allocate or to free; repeats of frees and other events ride along. */
function operationsIn({ length, kind }) {
  let operations = 0;
  for (let i = 0; i < length; i++) if (kind[i] === KIND.alloc || kind[i] === KIND.free) operations++;
  return operations;
}
