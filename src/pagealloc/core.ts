/**
 * What a core is: the interface between a replay and an allocator design (DESIGN §6).
 *
 * A core gets requests, asks the direct map for changes, and asks the shared parts of this folder for
 * pages. It never sees the trace.
 */

import type { DirectMap } from '../directmap/direct-map.js';
import type { Machine } from '../machine/machine.js';
import type { Snapshot } from '../machine/snapshot.js';

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
}

/** Pages in use at the start: runs of pfns, ascending, end exclusive, start[i] to end[i]. */
export interface LivePages {
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** Request type of the run's pages where known, else -1. */
  readonly migratetype: Int8Array;
}

/** Told of what a user may ask to see event by event (`--events`). Called only where something rare happens. */
export interface CoreObserver {
  flip(pfn: number, pages: number, direction: 'toUnmapped' | 'toMapped', cause: string): void;
  /** A request was served from another migratetype's list. */
  fallback(pfn: number, order: number, reason: 'claim' | 'steal', from: number, to: number): void;
  /** A request passed over a zone, or dropped a restriction, and went on. */
  fallthrough(pfn: number, order: number, reason: string): void;
  failure(order: number, reason: number): void;
  /** The allocator asks for a page-table page for a split, or is done with it: nested requests lie between. */
  nested(begin: boolean): void;
}

export type ParameterType = 'integer' | 'boolean' | 'word' | 'pfn' | 'size';

export interface ParameterInfo {
  readonly type: ParameterType;
  readonly default: string | number | boolean;
  /** The words allowed for type `word`; `batch:N` stands for batch: and a number. */
  readonly values?: readonly string[];
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

export interface Core {
  /** First pfn of the block, or a negative reason. Re-entrant: a split inside may request a page table. */
  alloc(request: AllocRequest): number;
  free(pfn: number, order: number, context: FreeContext): void;
  /** Once-a-second work of one CPU (page-allocator §4.8). */
  tick?(cpu: number): void;
  /** Throws InvariantError, citing the facts section, when the state is impossible. */
  validate(): void;
  describe(): CoreInfo;
}
