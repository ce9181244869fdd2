/**
 * Fidelity grade of a trace or a replay: how far its numbers can be trusted (DESIGN §4). One letter,
 * and the reasons in words. A and B differ in what is known before the trace, B and C in what it shows of
 * the buddy lists; D and S overrule both.
 */

export type Grade = 'A' | 'B' | 'C' | 'D' | 'S';

export interface GradeInputs {
  /** A recorded state of the allocator lies beside the trace. */
  readonly exactStartState: boolean;
  /** mm_page_alloc_zone_locked, _extfrag and mm_page_pcpu_drain were recorded. */
  readonly buddyLevelEvents: boolean;
  /** Events known to be lost. */
  readonly lostEvents: number;
  /** Places where an unknown number was lost. */
  readonly unknownGaps: number;
  /** Allocations of pages that are still live: in loss-free traces there are none. */
  readonly allocsOverLive: number;
  /** Event lines that could not be read, and are left out. */
  readonly malformedEvents: number;
  /** Allocations and frees. */
  readonly requests: number;
  readonly synthetic: boolean;
}

export interface FidelityGrade {
  readonly grade: Grade;
  /** Without a full stop. */
  readonly reasons: readonly string[];
}

export function fidelityGrade(inputs: GradeInputs): FidelityGrade {
  if (inputs.synthetic) return { grade: 'S', reasons: ['synthetic trace'] };
  const { lostEvents, unknownGaps, allocsOverLive, malformedEvents } = inputs;
  const losses: string[] = [];
  if (inputs.requests === 0) losses.push('nothing that can be replayed');
  if (lostEvents > 0) losses.push(`${lostEvents} ${lostEvents === 1 ? 'event' : 'events'} lost`);
  if (unknownGaps > 0) {
    losses.push(`${unknownGaps} ${unknownGaps === 1 ? 'gap' : 'gaps'} of unknown size`);
  }
  if (malformedEvents > 0) {
    losses.push(`${malformedEvents} malformed ${malformedEvents === 1 ? 'line' : 'lines'}`);
  }
  if (allocsOverLive > 0) {
    losses.push(`${allocsOverLive} ${allocsOverLive === 1 ? 'allocation' : 'allocations'} over live pages`);
  }
  if (losses.length > 0) return { grade: 'D', reasons: losses };
  const start = inputs.exactStartState ? 'exact start state' : 'no exact start state';
  if (!inputs.buddyLevelEvents) return { grade: 'C', reasons: ['no buddy-level events', start] };
  return {
    grade: inputs.exactStartState ? 'A' : 'B',
    reasons: [start, 'buddy-level events', 'nothing lost'],
  };
}
