/** A report of a reader that has seen nothing yet. */
import type { ReadReport } from './report.js';

export function emptyReport(format: string): ReadReport {
  return {
    format,
    layouts: [],
    clock: 'none',
    originSeconds: 0,
    originNs: 0,
    lastTimeNs: 0,
    release: '',
    lines: 0,
    eventsByName: new Map(),
    cpus: [],
    headerCpus: 0,
    overwritten: 0,
    lost: [],
    malformed: { count: 0, first: [] },
    ordersTooLarge: { count: 0, firstLine: 0, largest: 0 },
    unparsed: 0,
    firstUnparsedLine: 0,
    truncatedLastLine: false,
    nulLines: 0,
    bufferStartedMarks: 0,
    timeBackwards: { count: 0, largestNs: 0 },
    era: {
      hexPfns: 0,
      decimalPfns: 0,
      oldEventNames: 0,
      coldFields: 0,
      namesWithoutUnderscores: 0,
      movableIs1: 0,
      movableIs2: 0,
      rawPagePointers: 0,
      nullPages: 0,
    },
    notes: [],
  };
}
