/**
 * Events of a trace as columns: one typed array a field, so that a replay touches no object per event.
 *
 * A reader fills a batch of columns, hands it out, and fills the same batch again: whoever wants to keep
 * something copies it. What a field means depends on the kind; events.ts says it for every kind.
 */

/** Events in one batch: small enough to stay in the cache, large enough that the hand-over costs nothing. */
export const BATCH_EVENTS = 8192;

/** pfn of a request that failed (page-allocator §9.1 prints 0, raw forms all ones). */
export const NO_PFN = -1;
export const UNKNOWN_MIGRATETYPE = -1;
/** CPU of a line that names none (event-only text, console output). */
export const UNKNOWN_CPU = 0xffff;
/** pid of a line that names none (function_graph without process names, latency console output). */
export const UNKNOWN_PID = -2;
/** gfp id of an event without a gfp field. */
export const NO_GFP = 0;

/** Bits of the context column: where the kernel was when it told the event (trace-formats §2.3). */
export const CONTEXT_SOFTIRQ = 1;
export const CONTEXT_HARDIRQ = 2;
export const CONTEXT_NMI = 4;
export const CONTEXT_IRQS_OFF = 8;
/** Preempt depth in the bits above. */
export const CONTEXT_DEPTH_SHIFT = 4;

/** Bits that say that something interrupted the task of the line. */
export const CONTEXT_INTERRUPT = CONTEXT_SOFTIRQ | CONTEXT_HARDIRQ | CONTEXT_NMI;

export function isInInterrupt(context: number): boolean {
  return (context & CONTEXT_INTERRUPT) !== 0;
}

export class EventColumns {
  /** Events filled; the arrays may be longer. */
  length = 0;
  /** A KIND of events.ts. */
  readonly kind: Uint8Array;
  /** ns since the reader's origin; ticks when the clock has no time unit. An exact integer. */
  readonly timeNs: Float64Array;
  readonly cpu: Uint16Array;
  readonly pid: Int32Array;
  /** Id in the reader's comm dictionary. */
  readonly comm: Uint16Array;
  /** First page of the block; NO_PFN for a failed request. Up to 2^52 in odd traces, so a double. */
  readonly pfn: Float64Array;
  readonly order: Int8Array;
  /** In the numbering of kernel/migratetypes.ts; UNKNOWN_MIGRATETYPE when the event has none. */
  readonly migratetype: Int8Array;
  /** Id in the reader's gfp dictionary; NO_GFP when the event has none. */
  readonly gfp: Uint16Array;
  /** A class of kernel/classes.ts that the event itself names (CSV, request markers); else PLAIN. */
  readonly pageClass: Uint8Array;
  readonly context: Uint8Array;
  /** 1-based line of the file that the event came from. */
  readonly line: Uint32Array;
  /** Index of the file in the order in which files were given. */
  readonly file: Uint16Array;
  /** Further fields of the kinds that have some; events.ts names them. */
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly c: Float64Array;

  constructor(capacity: number = BATCH_EVENTS) {
    this.kind = new Uint8Array(capacity);
    this.timeNs = new Float64Array(capacity);
    this.cpu = new Uint16Array(capacity);
    this.pid = new Int32Array(capacity);
    this.comm = new Uint16Array(capacity);
    this.pfn = new Float64Array(capacity);
    this.order = new Int8Array(capacity);
    this.migratetype = new Int8Array(capacity);
    this.gfp = new Uint16Array(capacity);
    this.pageClass = new Uint8Array(capacity);
    this.context = new Uint8Array(capacity);
    this.line = new Uint32Array(capacity);
    this.file = new Uint16Array(capacity);
    this.a = new Float64Array(capacity);
    this.b = new Float64Array(capacity);
    this.c = new Float64Array(capacity);
  }

  get capacity(): number {
    return this.kind.length;
  }
}
