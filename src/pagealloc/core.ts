/**
 * What a core is: the interface between a replay and an allocator design (DESIGN §6).
 *
 * A core gets requests, asks the direct map for changes, and asks the shared parts of this folder for
 * pages. It never sees the trace.
 */

import type { DirectMap } from '../directmap/direct-map.js';
import type { Machine } from '../machine/machine.js';
import type { Snapshot } from '../machine/snapshot.js';
import type { AllocatorCounters } from './counters.js';
import type { MemoryView } from './memory-view.js';

/**
 * Why a request got no page. `alloc` returns the negative number; FAILURE_NAMES[-number] is its name in
 * results (DESIGN §5).
 */
export const FAILED_WATERMARK = -1;
export const FAILED_NO_BLOCK = -2;
export const FAILED_CONTEXT_FORBIDS_FLIP = -3;
export const FAILED_ZERO_REFUSED = -4;
export const FAILED_CLASS_NOT_SERVED = -5;
export const FAILED_RESERVE = -6;
export const FAILED_PAGE_TABLE = -7;
export const FAILED_EXHAUSTED = -8;
export const FAILURE_NAMES = [
  '',
  'watermark',
  'noBlock',
  'contextForbidsFlip',
  'zeroRefused',
  'classNotServed',
  'reserve',
  'pageTable',
  'exhausted',
] as const;

/** One allocation request. The replay fills one object again and again: a core must not keep it. */
export interface AllocRequest {
  order: number;
  /** 0 unmovable, 1 movable, 2 reclaimable. */
  migratetype: number;
  /** Bits of kernel/gfp.ts. */
  gfp: number;
  /** A class of kernel/classes.ts. */
  pageClass: number;
  cpu: number;
  /** The request came from interrupt context: the pcp lists may be locked, nothing may block. */
  inInterrupt: boolean;
  /**
   * The class was put on a request of a kernel that did not know it (a mark, a direct-map probe). A core
   * takes such a request as its own users would make it: freetype v4 without __GFP_ZERO (freetype-series §10.3).
   */
  isMarked: boolean;
}

/** What the page that is being freed was, remembered by the replay from its allocation. */
export interface FreeContext {
  pageClass: number;
  cpu: number;
  inInterrupt: boolean;
}

/** What a core is built from; all parts are its own, shared with no other core. */
export interface CoreParts {
  readonly machine: Machine;
  readonly directMap: DirectMap;
  /** The exact start state, when there is one; else all memory that is not `live` is free. */
  readonly snapshot: Snapshot | null;
  /** Pages in use at the start, ascending, when there is no snapshot (start state `trace`). */
  readonly live: LivePages | null;
  readonly observer: CoreObserver;
  /** The trace tells when kswapd runs, and the replay passes it on; else it runs as soon as it is woken. */
  readonly kswapdIsRecorded: boolean;
}

/** Pages in use at the start: runs of pfns, ascending, end exclusive, start[i] to end[i]. */
export interface LivePages {
  readonly start: Float64Array;
  readonly end: Float64Array;
}

/** Told of what a user may ask to see event by event (`--events`). Called only where something rare happens. */
export interface CoreObserver {
  flip(pfn: number, pages: number, direction: 'toUnmapped' | 'toMapped', cause: string): void;
  /** A request was served from another migratetype's list: from a page of `found` order there. */
  fallback(
    pfn: number,
    order: number,
    reason: 'claim' | 'steal',
    from: number,
    to: number,
    found: number,
  ): void;
  /** A request passed over a zone, or dropped a restriction, and went on. */
  fallthrough(pfn: number, order: number, reason: string): void;
  failure(order: number, reason: number): void;
  /** The allocator asks for a page-table page for a split, or is done with it: nested requests lie between. */
  nested(begin: boolean): void;
}

/** An observer for whoever wants none. */
export const NO_OBSERVER: CoreObserver = {
  flip() {},
  fallback() {},
  fallthrough() {},
  failure() {},
  nested() {},
};

export type ParameterType = 'integer' | 'boolean' | 'word' | 'pfn' | 'size';

export interface ParameterInfo {
  readonly type: ParameterType;
  readonly default: string | number | boolean;
  /** The words allowed for type `word`; `batch:N` stands for batch: and a number. */
  readonly values?: readonly string[];
  /** Words that somebody may try, each with the reason why it is refused. */
  readonly refused?: Readonly<Record<string, string>>;
  readonly meaning: string;
}

/** One line of `list cores`, and the documentation of its parameters. */
export interface CoreInfo {
  readonly name: string;
  readonly summary: string;
  /** Fact section, posting, or 'mm-sim'. */
  readonly source: string;
  /** Names of the classes that the core serves in its own way; others get the baseline's treatment. */
  readonly classes: readonly string[];
  readonly parameters: Readonly<Record<string, ParameterInfo>>;
}

/** What a core lets metrics read. A core without the shared parts leaves out what it has not. */
export interface CoreMeasures {
  readonly counters: AllocatorCounters;
  readonly memory: MemoryView | null;
  /** Free pages apart in a pool; null for a core without one. */
  readonly pool: PoolView | null;
}

/** The free pages of a pool, and who can use what. */
export interface PoolView {
  /** Free pages of the pool, which no plain request can use: now, and the most at any time. */
  pages(): number;
  most(): number;
  /** Free pages that a request of this class cannot use now. */
  uselessFor(pageClass: number): number;
}

export interface Core {
  /** First pfn of the block, or a negative reason. Re-entrant: a split inside may request a page table. */
  alloc(request: AllocRequest): number;
  free(pfn: number, order: number, context: FreeContext): void;
  /** Takes exactly this block, as `--placement recorded` asks. Returns the pfn or a negative reason. */
  allocAt?(pfn: number, request: AllocRequest): number;
  /** Once-a-second work of one CPU in one zone (position in machine.zones; page-allocator §4.8). */
  tick?(cpu: number, zone: number): void;
  /** kswapd begins to balance the node, and has done so: it takes watermark boosts back (page-allocator §5.6). */
  kswapdBegins?(): void;
  kswapdEnds?(): void;
  kswapdSleeps?(): void;
  /** Gives back what the lists of one CPU hold, or of all (-1) (page-allocator §4.8). */
  drain?(cpu: number): void;
  measures?(): CoreMeasures;
  /** Throws InvariantError, citing the facts section, when the state is impossible. */
  validate(): void;
  describe(): CoreInfo;
}
