/**
 * Where each freed page went, found by looking ahead: a mm_page_free line stands before the page enters a
 * list, and what follows it tells which (page-allocator §9.5 R6 to R10). Looking ahead infers what
 * happened; it never picks a page.
 */

import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import { pfnOfStructPage } from '../../trace/struct-page.js';
import {
  BYPASS,
  BYPASS_TO_TAIL,
  type Bypasses,
  END_OF_RUN,
  NO_FREE as NO_FREE_BY_RULE,
} from '../recorded/bypass.js';
import { joinedFrees } from './joined-frees.js';

/** At its own line: a pcp list, or straight to the buddy lists for orders that no pcp list takes. */
export const AT_ONCE = 0;
/** At a later line of its own: batched, pcp_put, free_one_page or free_prepared. */
export const LATER = 1;
/** It is no free: compaction took the page back (§9.2 item 4). */
export const NO_FREE = 2;
/** Straight to the buddy lists, at its own line (R6, R12). */
export const PAST_PCP = 3;
/** With the pages around it, as chunks, at the last line of the run (R10). */
export const IN_RUN = 4;
export const LAST_OF_RUN = 5;

export interface Destinations {
  /** One of the above for each mm_page_free, by index of the event. */
  readonly at: Uint8Array;
  /** By the last line of a run: its chunks, in order. */
  readonly chunks: ReadonlyMap<number, readonly RunChunk[]>;
}

export interface RunChunk {
  readonly pfn: number;
  readonly order: number;
  /** Straight to the buddy lists, whatever its order. */
  readonly isPastPcp: boolean;
}

/** `bypasses`: what the rules find where no probe tells (recorded/bypasses.ts). */
export function freeDestinations(events: EventColumns, vmemmap: number, bypasses: Bypasses): Destinations {
  const { length, kind, pfn, a } = events;
  const destinations = new Uint8Array(length);
  /** Kind of the next event that names the page. */
  const next = new Map<number, number>();
  for (let i = length - 1; i >= 0; i--) {
    switch (kind[i]) {
      case KIND.free: {
        const follows = next.get(pfn[i]);
        if (follows !== undefined && isEntry(follows)) destinations[i] = LATER;
        next.set(pfn[i], KIND.free);
        break;
      }
      case KIND.alloc:
      case KIND.zoneLocked:
      case KIND.extfrag:
      case KIND.pcpuDrain:
      case KIND.freeBatched:
      case KIND.freeOnePage:
      case KIND.bulkPage:
        next.set(pfn[i], kind[i]);
        break;
      case KIND.pcpPut:
        next.set(pfnOfStructPage(pfn[i], vmemmap), kind[i]);
        break;
      case KIND.freePrepared: {
        const first = pfnOfStructPage(pfn[i], vmemmap);
        for (let page = first; page < first + a[i]; page++) next.set(page, kind[i]);
        break;
      }
    }
  }
  markKeptPages(events, vmemmap, destinations);
  const chunks = markBypasses(events, bypasses, destinations);
  if (!kind.subarray(0, length).includes(KIND.freePrepared)) markJoined(events, destinations, chunks);
  return { at: destinations, chunks };
}

function markJoined(events: EventColumns, destinations: Uint8Array, chunks: Map<number, RunChunk[]>): void {
  for (const { pfn, order, lines } of joinedFrees(events)) {
    if (!lines.every((line) => destinations[line] === AT_ONCE)) continue;
    const last = Math.max(...lines);
    for (const line of lines) destinations[line] = line === last ? LAST_OF_RUN : IN_RUN;
    chunks.set(last, [{ pfn, order, isPastPcp: false }]);
  }
}

function markBypasses(
  { length, kind, pfn }: EventColumns,
  bypasses: Bypasses,
  destinations: Uint8Array,
): Map<number, RunChunk[]> {
  const chunks = new Map<number, RunChunk[]>();
  const lastFree = new Map<number, number>();
  for (let i = 0; i < length; i++) {
    if (kind[i] !== KIND.free) continue;
    lastFree.set(pfn[i], i);
    const what = bypasses.at[i];
    if (what === NO_FREE_BY_RULE) destinations[i] = NO_FREE;
    else if (what === BYPASS || what === BYPASS_TO_TAIL) destinations[i] = PAST_PCP;
    else if (what === END_OF_RUN) {
      for (const chunk of bypasses.chunks.get(i) ?? [])
        for (let page = chunk.pfn; page < chunk.pfn + 2 ** chunk.order; page++)
          destinations[lastFree.get(page) ?? i] = IN_RUN;
      destinations[i] = LAST_OF_RUN;
      chunks.set(
        i,
        (bypasses.chunks.get(i) ?? []).map((chunk) => ({ ...chunk, isPastPcp: true })),
      );
    }
  }
  return chunks;
}

function isEntry(kind: number): boolean {
  return (
    kind === KIND.freeBatched ||
    kind === KIND.freeOnePage ||
    kind === KIND.pcpPut ||
    kind === KIND.freePrepared
  );
}

function markKeptPages({ length, kind, pfn }: EventColumns, vmemmap: number, destinations: Uint8Array): void {
  let kept = -1;
  for (let i = 0; i < length; i++) {
    if (kind[i] === KIND.compactionFree) kept = pfnOfStructPage(pfn[i], vmemmap);
    else if (kind[i] === KIND.free && pfn[i] === kept) {
      destinations[i] = NO_FREE;
      kept = -1;
    }
  }
}
