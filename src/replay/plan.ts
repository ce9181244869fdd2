/** What a replay must know of a trace before its first event; made by survey.ts in a pass of its own. */

import type { LineValues } from '../trace/line-values.js';
import type { Mark } from '../trace/marks.js';

/** Whether a page of the trace that is freed before it was allocated was in use when the trace began. */
export interface StartLive {
  isLive(pfn: number): boolean;
}

export interface ReplayPlan {
  /** bits of kernel/gfp.ts by gfp id; a gfp that the trace does not print reads GFP_KERNEL. */
  readonly gfpBits: Int32Array;
  readonly comms: readonly string[];
  /** Classes by line, from probes of the recording; wins over marks. */
  readonly labels: LineValues | null;
  /** Lines of page-table pages that the recorded kernel's own splits took. */
  readonly splitTables: LineValues | null;
  readonly marks: readonly Mark[];
  /** Indices of files with markers: of those only what stands between snapshots 1 and 2 counts. */
  readonly filesWithSnapshots: ReadonlySet<number>;
  /** The trace tells when pcp lists decay; else a replay ticks once a second. */
  readonly hasDecays: boolean;
  /** Lines with which balances of kswapd ended though no event tells (trace/kswapd-balance.ts). */
  readonly balanceEnds: LineValues;
  /** The trace tells when kswapd runs. */
  readonly hasKswapd: boolean;
  /** Times are ns; clocks without a unit give no seconds to tick by. */
  readonly timeIsNs: boolean;
  /** Position in machine.zones by the low 48 bits of a zone's address. */
  readonly zoneOfAddress: ReadonlyMap<number, number>;
  readonly vmemmap: number;
  readonly startLive: StartLive;
  readonly placement: 'simulated' | 'recorded';
  /** Stop before the event of this line, or after this time; Infinity for neither. */
  readonly untilLine: number;
  readonly untilNs: number;
}
