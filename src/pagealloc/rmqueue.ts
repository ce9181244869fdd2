/**
 * Taking a block under the zone lock: own lists, CMA, claim, steal. Sources: page-allocator §3.3 to §3.7,
 * §3.9, §3.10; fallback keeps the flags of a freetype: freetype-series §3.4.
 */

import { ALLOC_CMA, ALLOC_KSWAPD, ALLOC_NOFRAGMENT } from '../kernel/alloc-flags.js';
import { FALLBACKS, MIGRATE_CMA, MIGRATE_MOVABLE, MIGRATE_PCPTYPES } from '../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, PAGEBLOCK_ORDER, PAGEBLOCK_PAGES } from '../kernel/orders.js';
import type { CoreObserver } from './core.js';
import { FALLBACK_CLAIM, FALLBACK_STEAL } from './counters.js';
import { type FreeLists, NONE } from './free-lists.js';
import type { Watermarks } from './watermarks.js';

/** How far a refill has come: it never goes back to a cheaper way than the last one, but after a claim (§3.3). */
export const RMQUEUE_NORMAL = 0;
const RMQUEUE_CMA = 1;
export const RMQUEUE_CLAIM = 2;
const RMQUEUE_STEAL = 3;

/** Pages of one block below this are no reason to take all of it: half of a pageblock (§3.5). */
const HALF_PAGEBLOCK = PAGEBLOCK_PAGES / 2;

export class Rmqueue {
  private readonly lists: FreeLists;
  private readonly watermarks: Watermarks;
  private readonly observer: CoreObserver;
  /** Mode of the refill that runs now; `begin` resets it at each taking of the zone lock. */
  private mode = RMQUEUE_NORMAL;

  constructor(lists: FreeLists, watermarks: Watermarks, observer: CoreObserver) {
    this.lists = lists;
    this.watermarks = watermarks;
    this.observer = observer;
  }

  /** Takes the zone lock: counts it and starts a new run of modes. */
  begin(mode: number = RMQUEUE_NORMAL): void {
    this.lists.counters.zoneLockTakes++;
    this.mode = mode;
  }

  /** __rmqueue() (page-allocator §3.3). Returns a node that stands for a block of `order`, or NONE. */
  take(zone: number, order: number, freetype: number, flags: number): number {
    const lists = this.lists;
    const mayUseCma = (flags & ALLOC_CMA) !== 0;
    if (mayUseCma && lists.nrFreeCma[zone] > lists.nrFreePages[zone] / 2) {
      const node = lists.takeSmallest(zone, order, MIGRATE_CMA);
      if (node !== NONE) return node;
    }
    if (this.mode === RMQUEUE_NORMAL) {
      const node = lists.takeSmallest(zone, order, freetype);
      if (node !== NONE) return node;
    }
    if (this.mode <= RMQUEUE_CMA && mayUseCma) {
      const node = lists.takeSmallest(zone, order, MIGRATE_CMA);
      if (node !== NONE) {
        this.mode = RMQUEUE_CMA;
        return node;
      }
    }
    // Unmapped pages have no other freetype to fall back to: candidates keep the flags (freetype-series §3.4).
    if (freetype >= MIGRATE_PCPTYPES) return NONE;
    if (this.mode <= RMQUEUE_CLAIM) {
      const node = this.claim(zone, order, freetype, flags);
      if (node !== NONE) {
        this.mode = RMQUEUE_NORMAL;
        return node;
      }
    }
    if ((flags & ALLOC_NOFRAGMENT) === 0) {
      const node = this.steal(zone, order, freetype);
      if (node !== NONE) {
        this.mode = RMQUEUE_STEAL;
        return node;
      }
    }
    return NONE;
  }

  /** The type whose list of this order is raided first; NONE when neither has a page (page-allocator §3.4). */
  private findFallback(zone: number, order: number, startType: number): number {
    const [first, second] = FALLBACKS[startType];
    if (!this.lists.isEmpty(zone, order, first)) return first;
    return this.lists.isEmpty(zone, order, second) ? NONE : second;
  }

  /** Largest order first, head of the first fallback type's list (page-allocator §3.5). */
  private claim(zone: number, order: number, startType: number, flags: number): number {
    const smallest = order < PAGEBLOCK_ORDER && (flags & ALLOC_NOFRAGMENT) !== 0 ? PAGEBLOCK_ORDER : order;
    for (let o = MAX_PAGE_ORDER; o >= smallest; o--) {
      // Movable requests claim only from pages of half a pageblock's order and more (§3.4).
      if (startType === MIGRATE_MOVABLE && o < PAGEBLOCK_ORDER >> 1) break;
      const fallbackType = this.findFallback(zone, o, startType);
      if (fallbackType === NONE) continue;
      const head = this.lists.head(zone, o, fallbackType);
      const node =
        o >= PAGEBLOCK_ORDER
          ? this.claimWholeBlocks(zone, head, o, order, startType, fallbackType)
          : this.tryClaimBlock(zone, head, order, startType, fallbackType, flags);
      if (node === NONE) continue;
      this.lists.counters.countFallback(FALLBACK_CLAIM, startType, fallbackType, o);
      this.observer.fallback(this.lists.frames.pfnOf(node), order, 'claim', fallbackType, startType, o);
      return node;
    }
    return NONE;
  }

  private claimWholeBlocks(
    zone: number,
    head: number,
    found: number,
    order: number,
    startType: number,
    fallbackType: number,
  ): number {
    const lists = this.lists;
    const block = lists.frames.blockOf(head);
    lists.del(zone, found, fallbackType, head);
    lists.account(zone, -(1 << found), fallbackType);
    for (let each = block; each < block + (1 << (found - PAGEBLOCK_ORDER)); each++)
      lists.setBlockType(each, startType);
    const node = lists.expand(zone, head, order, found, startType);
    lists.account(zone, (1 << found) - (1 << order), startType);
    return node;
  }

  /** A block that is partly in use is taken over only if half of it is free or alike (page-allocator §3.5). */
  private tryClaimBlock(
    zone: number,
    head: number,
    order: number,
    startType: number,
    fallbackType: number,
    flags: number,
  ): number {
    const lists = this.lists;
    if (this.watermarks.raiseBoost(zone) && (flags & ALLOC_KSWAPD) !== 0) this.watermarks.boosted[zone] = 1;
    const block = lists.frames.blockOf(head);
    if (!this.mayClaim(zone, block, startType, fallbackType)) return NONE;
    lists.moveBlock(zone, block, fallbackType, startType);
    lists.setBlockType(block, startType);
    return lists.takeSmallest(zone, order, startType);
  }

  /** The half rule: whether a block of `fallbackType` may be claimed for `startType`. */
  mayClaim(zone: number, block: number, startType: number, fallbackType: number): boolean {
    if (!this.isInsideZone(zone, block)) return false;
    const free = this.lists.frames.freePagesIn(block);
    const movable = this.lists.frames.movablePagesIn(block);
    let alike = 0;
    if (startType === MIGRATE_MOVABLE) alike = movable;
    else if (fallbackType === MIGRATE_MOVABLE) alike = PAGEBLOCK_PAGES - (free + movable);
    return free + alike >= HALF_PAGEBLOCK;
  }

  private isInsideZone(zone: number, block: number): boolean {
    const { startPfn, endPfn } = this.lists.zones[zone];
    return block * PAGEBLOCK_PAGES >= startPfn && (block + 1) * PAGEBLOCK_PAGES <= endPfn;
  }

  /** Smallest order first; the block keeps its type (page-allocator §3.7). */
  private steal(zone: number, order: number, startType: number): number {
    const lists = this.lists;
    for (let o = order; o <= MAX_PAGE_ORDER; o++) {
      const fallbackType = this.findFallback(zone, o, startType);
      if (fallbackType === NONE) continue;
      const head = lists.head(zone, o, fallbackType);
      lists.del(zone, o, fallbackType, head);
      const node = lists.expand(zone, head, order, o, fallbackType);
      lists.account(zone, -(1 << order), fallbackType);
      lists.counters.countFallback(FALLBACK_STEAL, startType, fallbackType, o);
      this.observer.fallback(lists.frames.pfnOf(node), order, 'steal', fallbackType, startType, o);
      return node;
    }
    return NONE;
  }
}
