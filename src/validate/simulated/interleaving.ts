/**
 * In which order tasks took pages off a pcp list, where the order of their lines is another one: what R13
 * (page-allocator §9.5) tells of a request, without its page.
 */

export interface TakenBefore {
  /** Index of the line that tells of it. */
  readonly allocation: number;
  /** Entries in front that were not there yet. */
  readonly skip: number;
}

export interface Interleaving {
  /** Requests that had taken their page by then, first to last, though their lines follow. */
  readonly takenBefore: readonly TakenBefore[];
  /** Entries in front that came, or come, only after this request had taken its page. */
  readonly skip: number;
}
