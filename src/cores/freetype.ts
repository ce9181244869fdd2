/**
 * Core `freetype`: pools of unmapped pageblocks inside the buddy allocator (the series on ALLOC_UNMAPPED).
 *
 * A freetype is a migratetype plus flags; unmovable unmapped pages have lists of their own, and a block
 * that is wholly free changes sides as a whole, a *flip*: the last resort of a zone, before the next zone
 * is tried. Sources: freetype-series §2 to §5; what a kernel with the series did: freetype-observed §4, §7.
 *
 * The lists, pcp banks, merge and fallback rules of freetypes are in pagealloc/ (a baseline never puts
 * anything on the unmapped ones); what is here is the flip and the refusals.
 */

import type { DirectMap } from '../directmap/direct-map.js';
import { ALLOC_NOBLOCK } from '../kernel/alloc-flags.js';
import { PLAIN, UNMAPPED } from '../kernel/classes.js';
import { GFP_ZERO_BIT } from '../kernel/gfp.js';
import { FREETYPE_UNMAPPED_UNMOVABLE, MIGRATE_UNMOVABLE } from '../kernel/migratetypes.js';
import { PAGEBLOCK_ORDER, PAGEBLOCK_PAGES } from '../kernel/orders.js';
import { checkLists } from '../pagealloc/check-lists.js';
import { checkUnmappedBlocks } from '../pagealloc/check-unmapped.js';
import {
  type AllocRequest,
  type Core,
  type CoreInfo,
  type CoreMeasures,
  type CoreObserver,
  type CoreParts,
  FAILED_CLASS_NOT_SERVED,
  FAILED_CONTEXT_FORBIDS_FLIP,
  FAILED_NO_BLOCK,
  FAILED_PAGE_TABLE,
  FAILED_ZERO_REFUSED,
  type FreeContext,
} from '../pagealloc/core.js';
import { NONE } from '../pagealloc/free-lists.js';
import { AllocatorCore } from './allocator-core.js';

/** What differs between the postings (freetype-series §4.3, §6). v3's text is not known. */
interface SeriesRules {
  /** Unmapped with __GFP_ZERO fails at once; earlier versions zeroed through the mermap (§4.9). */
  readonly refusesZero: boolean;
  /** A block that is mapped back is cleared first (B5 of §6.2). */
  readonly clearsOnMap: boolean;
  /** A half-done change of the direct map is undone (B6). */
  readonly undoesFailedFlip: boolean;
  /** The rest of a flipped block is expanded; earlier versions freed it piece by piece (§4.3). */
  readonly expandsRest: boolean;
  /** High-order watermark checks see unmapped lists (B4). */
  readonly watermarkSeesUnmapped: boolean;
  /** Unmapped requests of any order compact (§5.1). */
  readonly compactsUnmapped: boolean;
}

const EARLY: SeriesRules = {
  refusesZero: false,
  clearsOnMap: false,
  undoesFailedFlip: false,
  expandsRest: false,
  watermarkSeesUnmapped: false,
  compactsUnmapped: false,
};

const SERIES: Readonly<Record<string, SeriesRules>> = {
  v4: {
    refusesZero: true,
    clearsOnMap: true,
    undoesFailedFlip: true,
    expandsRest: true,
    watermarkSeesUnmapped: true,
    compactsUnmapped: true,
  },
  'v2-dev': EARLY,
  v1: EARLY,
};

export const FREETYPE_INFO: CoreInfo = {
  name: 'freetype',
  summary: 'pools of unmapped pageblocks in the buddy allocator; whole blocks flip',
  source: 'freetype-series §2-5, freetype-observed',
  classes: ['unmapped'],
  parameters: {
    series: {
      type: 'word',
      default: 'v4',
      values: Object.keys(SERIES),
      refused: { v3: 'its text is not known, only a digest of it (freetype-series §6.1)' },
      meaning: 'which posting of the series',
    },
  },
};

export interface FreetypeParameters {
  readonly series: string;
}

export class FreetypeCore extends AllocatorCore implements Core {
  private readonly rules: SeriesRules;
  private readonly directMap: DirectMap;
  private readonly observer: CoreObserver;
  /** Why the last flip of the running request was refused; 0 when none was. */
  private refusal = 0;

  constructor(parts: CoreParts, parameters: FreetypeParameters) {
    super(parts, 1);
    this.rules = SERIES[parameters.series];
    this.directMap = parts.directMap;
    this.observer = parts.observer;
    this.allocator.watermarks.seesUnmappedLists = this.rules.watermarkSeesUnmapped;
    this.allocator.compactsUnmapped = this.rules.compactsUnmapped;
    this.allocator.lastResort = (zone, order, freetype, flags) => this.flip(zone, order, freetype, flags);
    this.loadStart(parts);
  }

  alloc(request: AllocRequest): number {
    return request.pageClass === UNMAPPED ? this.allocUnmapped(request) : this.allocMapped(request);
  }

  free(pfn: number, order: number, context: FreeContext): void {
    // A page of the pool stays unmapped: no change, no flush (freetype-series §3.3).
    const { pageClass } = context;
    if (pageClass !== PLAIN && pageClass !== UNMAPPED) this.perPage.undo(pfn, 2 ** order, pageClass);
    this.allocator.free(pfn, order, context.cpu);
  }

  validate(): void {
    checkLists(this.allocator);
    checkUnmappedBlocks(this.allocator, this.directMap);
  }

  describe(): CoreInfo {
    return FREETYPE_INFO;
  }

  measures(): CoreMeasures {
    const { lists } = this.allocator;
    return {
      counters: this.allocator.counters,
      memory: this.view,
      pool: {
        pages: () => lists.unmappedPages,
        most: () => lists.unmappedPagesMost,
        uselessFor: (pageClass) =>
          pageClass === UNMAPPED ? this.view.mappedFreePages() : lists.unmappedPages,
      },
    };
  }

  private allocUnmapped(request: AllocRequest): number {
    // Only unmovable pages have an unmapped list (§2.2): anything else is a usage error, answered with NULL.
    if (request.migratetype !== MIGRATE_UNMOVABLE) return FAILED_CLASS_NOT_SERVED;
    if (this.rules.refusesZero && !request.isMarked && (request.gfp & GFP_ZERO_BIT) !== 0)
      return FAILED_ZERO_REFUSED;
    const { order, gfp, cpu } = request;
    return this.allocFrom(order, FREETYPE_UNMAPPED_UNMOVABLE, gfp, cpu, MIGRATE_UNMOVABLE);
  }

  private allocMapped(request: AllocRequest): number {
    const { order, migratetype, gfp, cpu, pageClass } = request;
    const pfn = this.allocFrom(order, migratetype, gfp, cpu, migratetype);
    return pfn < 0 ? pfn : this.protect(pfn, order, pageClass, cpu);
  }

  private allocFrom(order: number, freetype: number, gfp: number, cpu: number, migratetype: number): number {
    const outerRefusal = this.refusal;
    this.refusal = 0;
    const pfn = this.allocator.alloc(order, freetype, gfp, cpu, migratetype);
    if (this.refusal !== 0) this.allocator.counters.flipsRefused[-this.refusal]++;
    const reason = pfn === FAILED_NO_BLOCK && this.refusal !== 0 ? this.refusal : pfn;
    this.refusal = outerRefusal;
    return reason;
  }

  /**
   * __rmqueue_direct_map() (freetype-series §4.2; steps by its numbers). Re-entrant: the page table of a
   * split is asked for while the block is on no list and no lock is held, so the nested request can at
   * most map another block back, which needs no page table (§4.6).
   */
  private flip(zone: number, order: number, freetype: number, flags: number): number {
    const { lists, rmqueue, frames, counters } = this.allocator;
    const toMapped = freetype !== FREETYPE_UNMAPPED_UNMOVABLE;
    // 1, 2: only unmovable requests have a freetype on the other side.
    if (toMapped && freetype !== MIGRATE_UNMOVABLE) return NONE;
    const from = toMapped ? FREETYPE_UNMAPPED_UNMOVABLE : MIGRATE_UNMOVABLE;
    // 3: a change of the direct map may sleep and flushes with interrupts on.
    if ((flags & ALLOC_NOBLOCK) !== 0) return this.refuse(FAILED_CONTEXT_FORBIDS_FLIP, toMapped);
    // 5, 6
    const allocOrder = Math.max(order, PAGEBLOCK_ORDER);
    const pages = 2 ** allocOrder;
    rmqueue.begin();
    // v4 looks a second time in CLAIM mode, which can find nothing that the first call did not (§4.2 step 6).
    const block = rmqueue.take(zone, allocOrder, from, flags);
    if (block === NONE) return this.refuse(FAILED_NO_BLOCK, toMapped);
    const pfn = frames.pfnOf(block);
    // 7, 8
    if (this.directMap.setDirectMapValid(pfn, pages, toMapped) !== 0) {
      this.allocator.counters.zoneLockTakes++;
      if (this.rules.undoesFailedFlip) this.directMap.setDirectMapValid(pfn, pages, !toMapped);
      lists.freeOnePage(zone, block, allocOrder, from, false);
      return this.refuse(FAILED_PAGE_TABLE, false);
    }
    // 9, 10
    const blocks = pages / PAGEBLOCK_PAGES;
    if (toMapped) {
      if (this.rules.clearsOnMap) counters.zeroedPages += pages;
      counters.flipsToMapped++;
      counters.blocksToMapped += blocks;
    } else {
      this.directMap.flushKernelRange(pfn, pages, 'flipToUnmapped');
      counters.flipsToUnmapped++;
      counters.blocksToUnmapped += blocks;
    }
    const first = frames.blockOf(block);
    for (let each = first; each < first + blocks; each++) lists.setBlockUnmapped(each, !toMapped);
    this.observer.flip(
      pfn,
      pages,
      toMapped ? 'toMapped' : 'toUnmapped',
      toMapped ? 'mappedRequest' : 'unmappedRequest',
    );
    // 11, 12
    return order >= allocOrder ? block : this.keepPart(zone, block, order, allocOrder, freetype);
  }

  /** The request keeps the lowest part; the rest goes on the lists of the block's new side. */
  private keepPart(zone: number, block: number, order: number, allocOrder: number, freetype: number): number {
    const { lists, frames } = this.allocator;
    this.allocator.counters.zoneLockTakes++;
    if (this.rules.expandsRest) {
      const node = lists.expand(zone, block, order, allocOrder, freetype);
      lists.account(zone, 2 ** allocOrder - 2 ** order, freetype);
      return node;
    }
    const node = frames.slabOf(frames.blockOf(block));
    for (let o = order; o < allocOrder; o++) lists.freeOnePage(zone, node + (1 << o), o, freetype, false);
    return node;
  }

  /** A mapped request that finds no pool to flip was refused nothing. */
  private refuse(reason: number, toMapped: boolean): number {
    if (toMapped && this.allocator.lists.unmappedPages === 0) return NONE;
    // The first zone's reason is the request's: later zones are second choices.
    if (this.refusal === 0) this.refusal = reason;
    return NONE;
  }
}
