/**
 * The pass before a replay: one reading of the trace that finds what must be known before the first event
 * (DESIGN §4): its grade, classes by look-ahead, pages in use at the start, its numbering of migratetypes.
 */

import { type CheckOutcome, TraceCheck } from '../trace/check.js';
import type { EventColumns } from '../trace/columns.js';
import { KIND } from '../trace/events.js';
import { decodeGfps } from '../trace/gfp.js';
import { UnseenBalanceEnds } from '../trace/kswapd-balance.js';
import { LabelCollector, type Labels } from '../trace/labels.js';
import type { LineValues } from '../trace/line-values.js';
import { type MigratetypeTable, migratetypeTable } from '../trace/migratetype.js';
import type { TraceReader } from '../trace/reader.js';

export interface SurveyOptions {
  readonly exactStartState: boolean;
  /** From capture.json; undefined where there is none. */
  readonly buddyLevelEvents: boolean | undefined;
  readonly synthetic: boolean;
  /** Low 48 bits, from the start state. */
  readonly vmemmap: number | undefined;
  readonly pageOffset: number | undefined;
  readonly vmeventDelta: Readonly<Record<string, number>> | undefined;
  /** The recorded kernel counts CMA as migratetype 4; undefined when nothing says. */
  readonly hasCma: boolean | undefined;
}

export interface Survey {
  readonly check: CheckOutcome;
  readonly labels: Labels;
  /** Lines with which balances of kswapd ended though no event tells. */
  readonly balanceEnds: LineValues;
  readonly migratetypes: MigratetypeTable;
  /** Bits of kernel/gfp.ts by gfp id. */
  readonly gfpBits: Int32Array;
  readonly gfpNotes: readonly string[];
  /** Indices of files that have the marker of snapshot 1. */
  readonly filesWithSnapshots: ReadonlySet<number>;
  /** Addresses of zones that decay events name, ascending: the kernel keeps its zones in one array. */
  readonly decayZones: readonly number[];
  readonly comms: readonly string[];
}

/** Reads the trace to its end. The reader is left open. */
export async function surveyTrace(reader: TraceReader, options: SurveyOptions): Promise<Survey> {
  const check = new TraceCheck(reader, options);
  const labels = new LabelCollector({
    gfps: reader.gfps,
    vmemmap: options.vmemmap,
    pageOffset: options.pageOffset,
  });
  const balanceEnds = new UnseenBalanceEnds();
  const decayZones = new Set<number>();
  const filesWithSnapshots = new Set<number>();
  for (let batch = await reader.next(); batch !== null; batch = await reader.next()) {
    check.add(batch);
    labels.add(batch);
    balanceEnds.add(batch);
    noteMarkers(batch, decayZones, filesWithSnapshots);
  }
  const { bits, notes } = decodeGfps(reader.gfps, reader.report);
  return {
    check: check.finish(),
    labels: labels.finish(options.vmeventDelta),
    balanceEnds: balanceEnds.finish(),
    migratetypes: migratetypeTable(reader.report, options.hasCma ?? true),
    gfpBits: bits,
    gfpNotes: notes,
    filesWithSnapshots,
    decayZones: [...decayZones].sort((a, b) => a - b),
    comms: reader.comms,
  };
}

function noteMarkers(
  { length, kind, a, file }: EventColumns,
  decayZones: Set<number>,
  filesWithSnapshots: Set<number>,
): void {
  for (let i = 0; i < length; i++) {
    if (kind[i] === KIND.decayPcpHigh) decayZones.add(a[i]);
    else if (kind[i] === KIND.snapshot && a[i] === 1) filesWithSnapshots.add(file[i]);
  }
}
