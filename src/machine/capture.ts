/**
 * Captures: recordings of a real kernel whose state is known at both ends. Given a trace file or a folder,
 * finds what lies beside it. Layout: captures/README §1 and §5; more snapshots: captures/FREETYPE.md.
 *
 * capture.json is read loosely: what mm-sim needs must be there, everything else may change.
 */

import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as v from 'valibot';
import { EXIT, UserError } from '../kernel/errors.js';
import { errorCode, readText } from './read-file.js';
import { schemaProblem } from './schema-problem.js';
import type { StateSnapshot } from './snapshot.js';
import { readStateFile } from './state-file.js';

const SCHEMA = 'mm-sim/capture@1';

const count = v.pipe(v.number(), v.integer());
const counts = v.record(v.string(), count);
/** A file of the capture: never outside of its folder. */
const fileInside = v.pipe(
  v.string(),
  v.check(
    (path) => !/^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)/.test(path),
    'must name a file inside the folder',
  ),
);

const captureJson = v.object({
  schema: v.literal(SCHEMA),
  name: v.string(),
  kernel: v.object({ release: v.string(), version: v.optional(v.string(), '') }),
  machine: v.object({ cpus: v.pipe(count, v.minValue(1)), memory: v.optional(v.string(), '') }),
  /** Only kernels with patches have it. */
  series: v.optional(v.string()),
  workload: v.optional(v.object({ name: v.string(), sentence: v.optional(v.string(), '') })),
  trace: v.object({
    file: fileInside,
    clock: v.optional(v.string(), ''),
    lost: v.optional(count, 0),
    linesBetweenMarkers: v.optional(count),
    events: v.optional(counts, {}),
    probes: v.optional(v.array(v.string()), []),
    missingProbes: v.optional(v.array(v.string()), []),
  }),
  requests: v.optional(v.object({ byClass: v.optional(counts, {}), flips: v.optional(counts, {}) })),
  state: v.object({
    before: fileInside,
    after: v.optional(fileInside),
    middle: v.optional(v.array(fileInside), []),
  }),
  /** Sums over the lists of both states; the validation compares its own with them. */
  pages: v.optional(v.object({ freeBefore: count, freeAfter: count, pcpBefore: count, pcpAfter: count })),
  vmeventDelta: v.optional(counts, {}),
  problems: v.optional(v.array(v.unknown()), []),
});

/** The fields of capture.json that mm-sim reads (captures/README §5). */
export type CaptureInfo = v.InferOutput<typeof captureJson>;

export interface MiddleState {
  /** N of the trace line `mm-sim: snapshot N`. */
  readonly number: number;
  read(): Promise<StateSnapshot>;
}

export interface Capture {
  /** Name for results; never a path. */
  readonly name: string;
  readonly folder: string;
  readonly traceFile: string;
  readonly info: CaptureInfo;
  /** Snapshots between the two ends, in the order of the trace. */
  readonly middle: readonly MiddleState[];
  /** State at marker 1. */
  before(): Promise<StateSnapshot>;
  /** State at marker 2; null when the capture has none. */
  after(): Promise<StateSnapshot | null>;
  /** Memory map of the recorded machine; null when it was not kept. */
  iomem(): Promise<string | null>;
  /**
   * A copy of a /proc or debugfs file by its name, such as 'zoneinfo', or null. Near the marker, not exact:
   * those of `before` are seconds older (captures/README §1).
   */
  copy(end: 'before' | 'after', name: string): Promise<string | null>;
}

/**
 * The capture that a path means: a folder with capture.json, or the trace file that it names.
 * Null when there is none: a plain trace. A capture.json that is damaged is a UserError.
 */
export async function findCapture(path: string): Promise<Capture | null> {
  const isFolder = await isDirectory(path);
  if (isFolder === null) return null;
  const folder = isFolder ? path : dirname(path);
  const jsonFile = join(folder, 'capture.json');
  if ((await isDirectory(jsonFile)) !== false) return null;
  const info = parseCaptureJson(await readText(jsonFile), jsonFile);
  // Another trace may lie in the same folder; the state is not its state.
  if (!isFolder && unpackedName(basename(path)) !== unpackedName(basename(info.trace.file))) return null;
  return {
    name: info.name,
    folder,
    traceFile: isFolder ? join(folder, info.trace.file) : path,
    info,
    middle: middleStates(folder, info, jsonFile),
    before: () => readStateFile(join(folder, info.state.before)),
    after: async () =>
      info.state.after === undefined ? null : readStateFile(join(folder, info.state.after)),
    iomem: () => readIfThere(join(folder, 'before', 'iomem')),
    copy: (end, name) => readIfThere(join(folder, end, name)),
  };
}

/**
 * The file with default marks for a trace (DESIGN §4), or null: the trace's name and `.marks.json`, with or
 * without the endings of the trace (`trace.txt.gz` has `trace.txt.gz.marks.json` or `trace.marks.json`).
 */
export async function findMarksFile(tracePath: string): Promise<string | null> {
  const folder = dirname(tracePath);
  const names = await readdir(folder).catch(() => [] as string[]);
  let stem = basename(tracePath);
  while (stem !== '') {
    if (names.includes(`${stem}.marks.json`)) return join(folder, `${stem}.marks.json`);
    const dot = stem.lastIndexOf('.');
    stem = dot < 0 ? '' : stem.slice(0, dot);
  }
  return null;
}

function parseCaptureJson(text: string, file: string): CaptureInfo {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new UserError(EXIT.badInput, 'this is not JSON', {
      place: { file },
      advice: 'copy the capture again',
    });
  }
  const result = v.safeParse(captureJson, json);
  if (result.success) return result.output;
  throw new UserError(EXIT.badInput, schemaProblem(result.issues[0]), {
    place: { file },
    advice: 'copy the capture again, or move this file away to use the trace without its state',
  });
}

function middleStates(folder: string, info: CaptureInfo, jsonFile: string): MiddleState[] {
  const states = info.state.middle.map((file) => {
    const match = /state(\d+)\.txt(?:\.gz)?$/.exec(file);
    if (match === null) {
      throw new UserError(EXIT.badInput, `state.middle: ${file} has no number; state3.txt.gz would have`, {
        place: { file: jsonFile },
      });
    }
    return { number: Number(match[1]), read: () => readStateFile(join(folder, file)) };
  });
  return states.sort((a, b) => a.number - b.number);
}

/** trace.txt.gz and trace.txt are one trace, unpacked or not. */
function unpackedName(name: string): string {
  return name.replace(/\.(?:gz|zst)$/, '');
}

async function readIfThere(path: string): Promise<string | null> {
  return (await isDirectory(path)) === false ? readText(path) : null;
}

/** Null when there is nothing at the path. */
async function isDirectory(path: string): Promise<boolean | null> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new UserError(EXIT.badInput, `cannot be read (${code})`, { place: { file: path } });
  }
}
