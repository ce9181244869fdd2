/**
 * Blocks that leave the buddy lists: the event says of which order and type, the model says which, and both
 * are compared (page-allocator §9.5 R2 to R5). After a miss the model goes on with the kernel's choice.
 */

import { ALLOC_KSWAPD } from '../../kernel/alloc-flags.js';
import {
  FREETYPE_UNMAPPED_UNMOVABLE,
  MIGRATE_HIGHATOMIC,
  MIGRATE_ISOLATE,
} from '../../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, PAGEBLOCK_ORDER, pageblockOf } from '../../kernel/orders.js';
import { type CoreObserver, NO_OBSERVER } from '../../pagealloc/core.js';
import { NONE } from '../../pagealloc/free-lists.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { INFO_FREE } from '../../pagealloc/page-frames.js';
import type { EventColumns } from '../../trace/columns.js';
import { KIND } from '../../trace/events.js';
import type { SilentOperations } from '../silent-operations.js';
import type { Corrections, Taking, Way } from './corrections.js';
import { type CpuOrder, NO_NEIGHBOUR } from './cpu-order.js';
import type { Rotations } from './rotations.js';

export interface Miss {
  /** Index in the events. */
  readonly at: number;
  readonly reason: string;
}

/** What the model did at the last taking, as its observer heard it. */
export class LastFallback {
  way: Way = 'none';
  from = 0;
  found = 0;

  observer(): CoreObserver {
    return {
      ...NO_OBSERVER,
      fallback: (_pfn, _order, reason, from, _to, found) => {
        this.way = reason;
        this.from = from;
        this.found = found;
      },
    };
  }
}

export interface TakingParts {
  readonly allocator: PageAllocator;
  /** Hears what the allocator does. */
  readonly fallback: LastFallback;
  readonly corrections: Corrections;
  readonly rotations: Rotations;
  readonly silent: SilentOperations;
  readonly cpuOrder: CpuOrder;
}

export class Takings {
  /** Blocks that left the buddy lists, and those where the model chose the same, in the same way. */
  allocations = 0;
  exact = 0;
  extfragRecorded = 0;
  extfragEqual = 0;
  firstMiss: Miss | null = null;
  private readonly events: EventColumns;
  private readonly parts: TakingParts;
  private readonly cpuOrder: CpuOrder;
  /** Of the last taking: those of one lock hold stand together. */
  private last = { at: NO_NEIGHBOUR, cpu: -1, order: -1, type: -1 };

  constructor(events: EventColumns, parts: TakingParts) {
    this.events = events;
    this.parts = parts;
    this.cpuOrder = parts.cpuOrder;
  }

  /** R2 and R3: a plain taking, or a claim below a pageblock when an extfrag of the same page follows. */
  zoneLocked(i: number): void {
    const { order, migratetype, pfn, a, b } = this.events;
    const extfrag = this.extfragAfter(i);
    if (extfrag === NO_NEIGHBOUR) {
      this.take(i, order[i], migratetype[i], 'none', 0, 0);
      return;
    }
    this.extfragRecorded++;
    if (this.isTaking(i)) {
      const zone = this.parts.allocator.lists.zoneOf(pfn[i]);
      this.parts.rotations.inferForClaim(zone, a[extfrag], b[extfrag], pfn[i]);
    }
    this.take(i, order[i], migratetype[i], 'claim', b[extfrag], a[extfrag]);
  }

  /** R4 and R5: a whole-block claim, or a steal; or a capture that 7.3 reports (no list operation). */
  extfrag(i: number): void {
    const { order, migratetype, pfn, a, b } = this.events;
    if (this.isTailOfClaim(i) || this.isCapture(i)) return;
    this.extfragRecorded++;
    const found = a[i];
    if (this.isTaking(i)) {
      const zone = this.parts.allocator.lists.zoneOf(pfn[i]);
      this.parts.rotations.infer(zone, found, b[i], pfn[i]);
    }
    this.take(i, order[i], migratetype[i], found >= PAGEBLOCK_ORDER ? 'claim' : 'steal', b[i], found);
  }

  private take(i: number, order: number, type: number, way: Way, from: number, found: number): void {
    this.allocations++;
    const { allocator, rotations, corrections, fallback } = this.parts;
    if (!this.isTaking(i)) {
      this.miss(i, 'the line names no block of this machine');
      return;
    }
    const { lists, frames } = allocator;
    const pfn = this.events.pfn[i];
    const zone = lists.zoneOf(pfn);
    lists.cpu = corrections.cpuOf(this.events.cpu[i]);
    this.beginHold(i, order, type);
    const block = pageblockOf(pfn);
    const isUnmapped = lists.freetypeOfBlock(block) === FREETYPE_UNMAPPED_UNMOVABLE;
    const freetype = isUnmapped ? FREETYPE_UNMAPPED_UNMOVABLE : type;
    // R9: a block's free pages are on lists of its type, so an event of another tells of a silent change.
    if (way === 'none') {
      corrections.retype(block, type);
      rotations.inferForOwn(zone, order, freetype, pfn);
    }
    const ownOrder = this.smallestOrder(zone, order, freetype);
    fallback.way = 'none';
    const node =
      freetype === MIGRATE_HIGHATOMIC
        ? lists.takeSmallest(zone, order, MIGRATE_HIGHATOMIC)
        : allocator.rmqueue.take(zone, order, freetype, ALLOC_KSWAPD);
    const chosen = node === NONE ? -1 : frames.pfnOf(node);
    const isSameWay =
      fallback.way === way && (way === 'none' || (fallback.from === from && fallback.found === found));
    if (chosen === pfn && isSameWay) {
      this.exact++;
      if (way !== 'none') this.extfragEqual++;
      return;
    }
    this.miss(i, missReason(chosen, fallback, pfn, way));
    const kernel: Taking = { pfn, order, freetype, way, from, found };
    if (node !== NONE) {
      corrections.undo(zone, node, {
        pfn: chosen,
        order,
        freetype,
        way: fallback.way,
        from: fallback.from,
        found: fallback.way === 'none' ? ownOrder : fallback.found,
      });
    }
    corrections.adopt(zone, kernel);
  }

  /** A block of this machine, and types that have lists. */
  private isTaking(i: number): boolean {
    const { pfn, order, migratetype, kind, a, b } = this.events;
    if (!this.parts.corrections.isBlock(pfn[i], order[i])) return false;
    if (migratetype[i] < 0 || migratetype[i] > MIGRATE_ISOLATE) return false;
    if (kind[i] !== KIND.extfrag) return true;
    return a[i] >= order[i] && a[i] <= MAX_PAGE_ORDER && b[i] >= 0 && b[i] < MIGRATE_HIGHATOMIC;
  }

  private smallestOrder(zone: number, order: number, freetype: number): number {
    for (let o = order; o <= MAX_PAGE_ORDER; o++)
      if (!this.parts.allocator.lists.isEmpty(zone, o, freetype)) return o;
    return NONE;
  }

  private miss(at: number, reason: string): void {
    this.firstMiss ??= { at, reason };
  }

  /** The mode of a refill lives as long as its lock hold (§3.3): the events of one stand together on their CPU (§9.4). */
  private beginHold(i: number, order: number, type: number): void {
    const { last } = this;
    const cpu = this.events.cpu[i];
    const continues =
      last.cpu === cpu && last.order === order && last.type === type && this.isSameHold(last.at, i);
    if (!continues) this.parts.allocator.rmqueue.begin();
    this.last = { at: i, cpu, order, type };
  }

  private isSameHold(before: number, now: number): boolean {
    const { previous } = this.cpuOrder;
    for (let i = previous[now]; i > before; i = previous[i])
      if (!isInsideLock(this.events.kind[i])) return false;
    return true;
  }

  /** Index of the extfrag that belongs to this zone_locked: the next event of its CPU, same page (R3). */
  private extfragAfter(i: number): number {
    const { kind, pfn, a, b } = this.events;
    const { next } = this.cpuOrder;
    let after = next[i];
    while (
      after !== NO_NEIGHBOUR &&
      (kind[after] === KIND.moveFreepagesBlockPfn || kind[after] === KIND.claimBlock)
    )
      after = next[after];
    if (after === NO_NEIGHBOUR || kind[after] !== KIND.extfrag || pfn[after] !== pfn[i]) return NO_NEIGHBOUR;
    const isBelowPageblock = a[after] >= 0 && a[after] < PAGEBLOCK_ORDER;
    return isBelowPageblock && b[after] >= 0 && b[after] < MIGRATE_HIGHATOMIC ? after : NO_NEIGHBOUR;
  }

  private isTailOfClaim(i: number): boolean {
    const { kind, pfn } = this.events;
    const before = this.cpuOrder.previous[i];
    if (before === NO_NEIGHBOUR || kind[before] !== KIND.zoneLocked || pfn[before] !== pfn[i]) return false;
    return this.extfragAfter(before) === i;
  }

  /** A page that is on no list, of the wanted order, for a task that compacts: it was captured (R5). */
  private isCapture(i: number): boolean {
    const { pfn, order, a, pid } = this.events;
    if (a[i] !== order[i] || !this.parts.silent.isCompacting(pid[i])) return false;
    if (!this.parts.corrections.isBlock(pfn[i], order[i])) return false;
    const { frames } = this.parts.allocator;
    return frames.info[frames.nodeAt(pfn[i], order[i])] !== (INFO_FREE | order[i]);
  }
}

function isInsideLock(kind: number): boolean {
  return (
    kind === KIND.zoneLocked ||
    kind === KIND.extfrag ||
    kind === KIND.claimBlock ||
    kind === KIND.moveFreepagesBlockPfn
  );
}

function missReason(chosen: number, fallback: LastFallback, pfn: number, way: Way): string {
  const modelWay =
    fallback.way === 'none'
      ? 'own list'
      : `${fallback.way} from type ${fallback.from} order ${fallback.found}`;
  const model = chosen < 0 ? 'no page' : `pfn 0x${chosen.toString(16)}`;
  return `model: ${model} (${modelWay}); kernel: pfn 0x${pfn.toString(16)} (${way === 'none' ? 'own list' : way})`;
}
