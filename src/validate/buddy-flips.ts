/**
 * Flips at buddy level: a recorded replay goes through the events, and its lists are asked at each flip and
 * each refusal whether a freetype kernel has to do this (freetype-series §4.2, freetype-observed §4).
 *
 *   const flips = new FlipComparison(events);
 *   const asked = new BuddyFlips(recordedReplay, events, flips);
 *   await runThroughSnapshots(asked, events, capture.middle);     // or asked.run(0, events.length)
 *   flips.result();
 *
 * A flip is the model's, too, if the zone's lists have nothing left for the request, and the block that
 * leaves them for it is the one that the model takes. A request is refused by the model, too, if it may not
 * flip, or if no zone has both a whole block on the other side and its min watermark.
 */

import { ALLOC_WMARK_MIN } from '../kernel/alloc-flags.js';
import { UNMAPPED } from '../kernel/classes.js';
import { GFP_DIRECT_RECLAIM_BIT, GFP_ZERO_BIT, gfpHighestZone } from '../kernel/gfp.js';
import { FALLBACKS, FREETYPE_UNMAPPED_UNMOVABLE, MIGRATE_UNMOVABLE } from '../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, PAGEBLOCK_ORDER } from '../kernel/orders.js';
import { ZONE_NORMAL } from '../machine/machine.js';
import type { PageAllocator } from '../pagealloc/page-allocator.js';
import type { EventColumns } from '../trace/columns.js';
import { KIND } from '../trace/events.js';
import type { Flip, FlipComparison } from './flips.js';
import type { SteppedReplay } from './middle-states.js';

/** What is asked of a recorded replay besides stepping. */
export interface JudgedReplay extends SteppedReplay {
  /** Takings where the model chose as the kernel did. */
  readonly exact: number;
}

interface Stop {
  /** Index of the event before which the lists are asked. */
  readonly at: number;
  /** Null for a refusal. */
  readonly flip: Flip | null;
}

const MAPPED_BLOCKS: readonly number[] = [MIGRATE_UNMOVABLE, ...FALLBACKS[MIGRATE_UNMOVABLE]];
const UNMAPPED_BLOCKS: readonly number[] = [FREETYPE_UNMAPPED_UNMOVABLE];

export class BuddyFlips implements SteppedReplay {
  readonly allocator: PageAllocator;
  private readonly replay: JudgedReplay;
  private readonly events: EventColumns;
  private readonly flips: FlipComparison;
  private readonly stops: readonly Stop[];
  private next = 0;

  constructor(replay: JudgedReplay, events: EventColumns, flips: FlipComparison) {
    this.replay = replay;
    this.allocator = replay.allocator;
    this.events = events;
    this.flips = flips;
    this.stops = [...this.takings(), ...this.refusals()].sort((a, b) => a.at - b.at);
  }

  run(from: number, to: number): void {
    let done = from;
    for (; this.next < this.stops.length && this.stops[this.next].at < to; this.next++) {
      const { at, flip } = this.stops[this.next];
      this.replay.run(done, at);
      done = at;
      if (flip === null) {
        this.flips.at = at;
        if (!this.couldFlip(at)) this.flips.failed();
        continue;
      }
      const wasExact = this.replay.exact;
      const isNeeded = this.hasNothingFor(flip);
      this.replay.run(at, at + 1);
      done = at + 1;
      if (!isNeeded || this.replay.exact === wasExact) continue;
      this.flips.at = flip.at;
      this.flips.flip(flip.pfn, flip.pages, flip.toMapped ? 'toMapped' : 'toUnmapped');
    }
    this.replay.run(done, to);
  }

  /** Each flip with the event that took its block off the lists: the last of its task that names it. */
  private takings(): Stop[] {
    const { kind, pid, pfn, order } = this.events;
    const stops: Stop[] = [];
    for (const flip of this.flips.recorded) {
      for (let at = flip.at - 1; at >= 0; at--) {
        if (pid[at] !== pid[flip.at] || pfn[at] !== flip.pfn || order[at] < PAGEBLOCK_ORDER) continue;
        if (kind[at] !== KIND.zoneLocked && kind[at] !== KIND.extfrag) continue;
        stops.push({ at, flip });
        break;
      }
    }
    return stops;
  }

  /** Refusals are judged at their answer. */
  private refusals(): Stop[] {
    return [...this.flips.recordedRefusals].map((moment) => ({
      at: this.flips.answerOf(moment),
      flip: null,
    }));
  }

  private hasNothingFor({ at, pfn, toMapped }: Flip): boolean {
    const { lists, machine } = this.allocator;
    const zone = lists.zoneOf(pfn);
    const order = this.events.order[at];
    if (!toMapped) return !this.hasBlock(zone, order, UNMAPPED_BLOCKS);
    // Where a zone Normal keeps fragments apart, other types are raided for whole blocks alone (§5.4).
    const keepsApart = machine.zones.some(({ index }) => index === ZONE_NORMAL);
    const least = keepsApart ? Math.max(order, PAGEBLOCK_ORDER) : order;
    return !this.hasBlock(zone, order, [MIGRATE_UNMOVABLE]) && !this.hasBlock(zone, least, MAPPED_BLOCKS);
  }

  /** At the answer of a request that got none. */
  private couldFlip(answer: number): boolean {
    const { order, pageClass, b } = this.events;
    const moment = this.flips.momentOf(answer);
    const gfp = b[moment];
    const isUnmapped = pageClass[moment] === UNMAPPED;
    if ((gfp & GFP_DIRECT_RECLAIM_BIT) === 0) return false;
    if (isUnmapped && (gfp & GFP_ZERO_BIT) !== 0) return false;
    const highest = gfpHighestZone(gfp);
    return this.allocator.machine.zones.some(
      ({ index }, zone) =>
        index <= highest &&
        this.allocator.watermarks.hasEnough(zone, order[moment], highest, ALLOC_WMARK_MIN) &&
        this.hasBlock(
          zone,
          Math.max(order[moment], PAGEBLOCK_ORDER),
          isUnmapped ? MAPPED_BLOCKS : UNMAPPED_BLOCKS,
        ),
    );
  }

  private hasBlock(zone: number, order: number, freetypes: readonly number[]): boolean {
    const { lists } = this.allocator;
    for (let o = order; o <= MAX_PAGE_ORDER; o++)
      if (freetypes.some((freetype) => !lists.isEmpty(zone, o, freetype))) return true;
    return false;
  }
}
