/** What a reader saw on its way: the format, what was lost, and every oddity, counted. */

export type Clock = 'seconds' | 'ticks' | 'relative' | 'none';

export interface LostMark {
  readonly line: number;
  /** UNKNOWN_CPU when the mark names none. */
  readonly cpu: number;
  /** 0 when the mark does not say how many. */
  readonly events: number;
}

export interface ReadReport {
  /** 'ftrace', 'trace-cmd', 'perf-script', 'perf-trace', 'console', 'events-only', 'systrace-html', 'csv', 'packed'. */
  format: string;
  /** Further facts of the layout, such as 'latency', 'function_graph', 'tgid'. */
  layouts: string[];
  clock: Clock;
  /** Absolute time of the first event, which timeNs counts from. Seconds and the ns within, or ticks in `seconds`. */
  originSeconds: number;
  originNs: number;
  /** Time of the last event, ns (or ticks) since the origin. */
  lastTimeNs: number;
  /** Kernel release where the text names it ('6.12.117…'), else ''. */
  release: string;
  lines: number;
  /** Events by the name printed, in order of first appearance; kept kinds and unknown names alike. */
  eventsByName: Map<string, number>;
  /** CPUs that events name, ascending. */
  cpus: number[];
  /** `#P:` of the header, 0 when absent. */
  headerCpus: number;
  /** entries-written minus entries-in-buffer of the header. */
  overwritten: number;
  lost: LostMark[];
  /**
   * Lines that look like events of a kept kind but lack a required field, or have one that is no number;
   * the first five, and how many in all. They are no events.
   */
  malformed: { count: number; first: { line: number; text: string }[] };
  /** Allocations and frees of blocks that 7.3 does not have (other kernels go up to 13): they are no events. */
  ordersTooLarge: { count: number; firstLine: number; largest: number };
  /** Lines that no rule could read. */
  unparsed: number;
  /** 0 when there is none. */
  firstUnparsedLine: number;
  truncatedLastLine: boolean;
  nulLines: number;
  bufferStartedMarks: number;
  timeBackwards: { count: number; largestNs: number };
  /** Evidence for the kernel's era, each counted (trace-formats §10.3). */
  era: {
    hexPfns: number;
    decimalPfns: number;
    oldEventNames: number;
    coldFields: number;
    namesWithoutUnderscores: number;
    /** HIGHUSER_MOVABLE requests with migratetype 1 and 2: the renumbering of 4.4. */
    movableIs1: number;
    movableIs2: number;
    rawPagePointers: number;
    nullPages: number;
  };
  /** Sentences for the user about what was assumed or left out, in order. */
  notes: string[];
}
