/**
 * What a validation found: the model against a recorded kernel, level by level (DESIGN §5). Counts only; the
 * ratios are drawn from the denominators that measures.ts names.
 */

export const VALIDATION_SCHEMA = 'mm-sim/validation@1';

/** The same count from the recording and from the model. */
export interface RecordedAndModel {
  recorded: number;
  model: number;
}

/** Buddy level, driven by the events under the zone lock: which page the model takes, and what its lists are. */
export interface RecordedResult {
  /** Blocks that left the buddy lists, and those where the model chose the same page in the same way. */
  allocations: number;
  exact: number;
  /** What no event told: frees past the pcp lists by rule R12, rotations by R16 (page-allocator §9.5). */
  inferred: {
    bypasses: number;
    rotations: number;
    /** Pages and pageblock types that an event contradicted, and that were set right (R9, R14). */
    corrections: number;
  };
  /** At snapshot 2. Lists that are not empty in either state; entries of the snapshot at the same place in the model. */
  freeLists: number;
  freeListsEqual: number;
  listEntries: number;
  listEntriesEqual: number;
  pageblocks: number;
  pageblocksEqual: number;
  /** Claims and steals: equal in block, page, fallback order and type. */
  extfrag: { recorded: number; equal: number };
  middle: { snapshot: number; listEntries: number; listEntriesEqual: number }[];
}

/** From the first snapshot and the requests alone. */
export interface SimulatedResult {
  allocations: number;
  /** atHead + reordered. */
  exact: number;
  atHead: number;
  reordered: number;
  missed: number;
  /** Times that the model got the kernel's lists: after each miss, and where it had lost their state. */
  putRight: number;
  /** Pages that left a pcp list without a line of their own (R14). */
  silent: number;
  pcpLists: number;
  pcpListsEqual: number;
  /** Requests that the kernel did not serve, and those of them that the model does not serve either. */
  failures: RecordedAndModel;
  /** Never corrected. Errors: largest difference over zones and orders, in blocks. */
  freeRunning: {
    /** Takings and drains that the recording tells, and how many are the same from the start on. */
    buddyEvents: number;
    sameBuddyEvents: number;
    buddyinfoError: number;
    pagetypeinfoError: number;
    extfrag: { recorded: number; predicted: number };
    /** Line of the first list event of the recording that the model does not have; null when all are the same. */
    firstDifference: number | null;
    /**
     * The same run with requests in the order of their lines: without what R13 tells of the order in which
     * tasks took their pages, which is read off where the kernel's page stood in its list.
     */
    inLineOrder: { sameBuddyEvents: number; buddyinfoError: number; predicted: number };
  };
}

export interface DirectMapResult {
  level2Splits: RecordedAndModel;
  level3Splits: RecordedAndModel;
  /** By effect: a range above the ceiling is a full flush (direct-map-and-rivals §3). */
  fullFlushes: RecordedAndModel;
  rangedFlushes: RecordedAndModel;
  /** Flushes that no direct-map operation of the trace explains: set_memory_*() and vmalloc purges. */
  otherFlushes: number;
  /** 4K pages of the direct map, and those whose leaf at the end is the recorded one. */
  leaves: number;
  leavesEqual: number;
}

/** Flips of a kernel with the freetype series; equal = same block, direction and moment. */
export interface FlipsResult {
  toUnmapped: RecordedAndModel;
  toMapped: RecordedAndModel;
  refused: RecordedAndModel;
  equal: number;
}

/** Lines of buddyinfo, pagetypeinfo, extfrag_index and unusable_index, printed from the model and compared. */
export interface KernelMetricsResult {
  lines: number;
  equal: number;
}

/** The first event where model and kernel differ. */
export interface FirstMiss {
  /** Name of the trace file; never a path. */
  file: string;
  line: number;
  reason: string;
}

export interface Validation {
  schema: typeof VALIDATION_SCHEMA;
  tool: { version: string };
  capture: string;
  /** Release of the recorded kernel, and the rules that were used for it. */
  kernel: string;
  rules: string;
  recorded: RecordedResult;
  simulated: SimulatedResult;
  /** The probes of the capture kit were used. */
  probes: boolean;
  /** Null without probes: nothing then tells of the operations. */
  directMap: DirectMapResult | null;
  /** Null for a kernel without the series. */
  flips: FlipsResult | null;
  metrics: KernelMetricsResult;
  firstMiss: FirstMiss | null;
}
