import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the recordings lie; they are not part of this project. */
const CAPTURES = new URL('../../../shared/captures/', import.meta.url);

export interface CaptureFolder {
  readonly trace: string;
  readonly before: string;
  /** Counts of events between the markers, and of the kernel's own counters. */
  readonly counts: { readonly events: Record<string, number>; readonly vmeventDelta: Record<string, number> };
}

/** A capture, or null when the recordings are not there: the caller skips its test and says so. */
export function captureFolder(name: string): CaptureFolder | null {
  const folder = new URL(`${name}/`, CAPTURES);
  if (!existsSync(folder)) return null;
  const json = JSON.parse(readFileSync(new URL('capture.json', folder), 'utf8'));
  return {
    trace: fileURLToPath(new URL('trace.txt.gz', folder)),
    before: fileURLToPath(new URL('before/state.txt.gz', folder)),
    counts: { events: json.trace.events, vmeventDelta: json.vmeventDelta },
  };
}

export const NO_CAPTURES = 'no captures beside this project';
