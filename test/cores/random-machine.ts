/**
 * Random requests on small random machines, for the property tests of all cores: a plain map of live
 * blocks is the model, the commands are those of a replay.
 */

import fc from 'fast-check';
import type { CoreEntry, ParameterValues } from '../../src/cores/registry.js';
import { DirectMap } from '../../src/directmap/direct-map.js';
import { PRESENT, RW } from '../../src/directmap/leaves.js';
import { UNMAPPED } from '../../src/kernel/classes.js';
import { GFP_HIGHMEM_BIT, GFP_KERNEL } from '../../src/kernel/gfp.js';
import { MIGRATE_MOVABLE } from '../../src/kernel/migratetypes.js';
import { PAGEBLOCK_PAGES } from '../../src/kernel/orders.js';
import { rulesFor } from '../../src/kernel/rules.js';
import { type Machine, ZONE_DMA, ZONE_DMA32, ZONE_NAMES, ZONE_NORMAL } from '../../src/machine/machine.js';
import {
  type AllocRequest,
  type Core,
  type CoreObserver,
  FAILURE_NAMES,
  NO_OBSERVER,
} from '../../src/pagealloc/core.js';
import type { PageAllocator } from '../../src/pagealloc/page-allocator.js';
import { requestOf } from './core-fixture.js';

/** Where a zone may lie: DMA ends at 16 MiB, one zone crosses a GiB, Normal begins at 4 GiB. */
const ZONE_STARTS = [
  { index: ZONE_DMA, startPfn: 0x400, blocks: 6 },
  { index: ZONE_DMA32, startPfn: 0x3fc00, blocks: 5 },
  { index: ZONE_NORMAL, startPfn: 0x100000, blocks: 8 },
];

const anyPcp = fc.constantFrom(
  { batch: 1, highMin: 0, highMax: 0 },
  { batch: 1, highMin: 4, highMax: 60 },
  { batch: 4, highMin: 16, highMax: 16 },
  { batch: 7, highMin: 28, highMax: 500 },
  { batch: 63, highMin: 252, highMax: 1000 },
);

export const anyMachine: fc.Arbitrary<Machine> = fc
  .record({
    places: fc.subarray(ZONE_STARTS, { minLength: 1 }),
    cpus: fc.integer({ min: 1, max: 3 }),
    pcps: fc.tuple(anyPcp, anyPcp, anyPcp),
    min: fc.constantFrom(0, 0, 20, 600),
    statThreshold: fc.constantFrom(0, 2, 8),
    hasDriftMark: fc.boolean(),
    gbPages: fc.boolean(),
    freeHighBatch: fc.boolean(),
    release: fc.constantFrom('7.3', '6.12'),
    /** A zone that counts as large enough reserves highatomic blocks (page-allocator §3.8). */
    reserves: fc.boolean(),
  })
  .map(
    ({ places, cpus, pcps, min, statThreshold, hasDriftMark, gbPages, freeHighBatch, release, reserves }) => {
      const zones = places.map(({ index, startPfn, blocks }, i) => {
        const pages = blocks * PAGEBLOCK_PAGES;
        return {
          index,
          name: ZONE_NAMES[index],
          startPfn,
          endPfn: startPfn + pages,
          present: pages,
          managed: reserves ? 51200 : pages,
          watermark: { min, low: min + (min >> 2), high: min + (min >> 1), promo: min + (min >> 1) },
          boost: 0,
          lowmemReserve: [0, 0, min >> 2, min >> 2, 0],
          pcp: pcps[i],
          statThreshold,
          hasDriftMark,
        };
      });
      const endPfn = zones[zones.length - 1].endPfn;
      return {
        name: 'random',
        rules: rulesFor(release)!.rules,
        cpus,
        // Whole GiB, so that there are 1G leaves; what lies outside of the zones is of no one.
        ram: [{ start: 0, end: Math.ceil(endPfn / 0x40000) * 0x40000 }],
        reserved: [],
        zones,
        endPfn,
        minFreeKbytes: 0,
        watermarkBoostFactor: 15000,
        gbPages,
        tlbFlushCeiling: 33,
        invlpgb: false,
        freeHighBatch,
      };
    },
  );

export interface Block {
  readonly pfn: number;
  readonly order: number;
  readonly pageClass: number;
  /** Counts as movable in the half rule (page-allocator §3.5). */
  readonly isOnLru: boolean;
}

/** The model: who has which page. */
export class Model {
  readonly live: Block[] = [];
  private readonly owned = new Set<number>();

  add(block: Block): void {
    this.own(block);
    this.live.push(block);
  }

  /** Takes out the block at a place of the list. */
  take(i: number): Block {
    const block = this.live[i];
    this.live[i] = this.live[this.live.length - 1];
    this.live.pop();
    this.disown(block);
    return block;
  }

  own({ pfn, order }: Block): void {
    for (let page = pfn; page < pfn + 2 ** order; page++) {
      if (this.owned.has(page)) throw new Error(`page ${page.toString(16)} was handed out twice`);
      this.owned.add(page);
    }
  }

  disown({ pfn, order }: Block): void {
    for (let page = pfn; page < pfn + 2 ** order; page++) this.owned.delete(page);
  }

  isUnowned(pfn: number, order: number): boolean {
    for (let page = pfn; page < pfn + 2 ** order; page++) if (this.owned.has(page)) return false;
    return true;
  }
}

/** A core at work, with what is checked at every answer. */
export class Bench {
  readonly core: Core;
  readonly directMap: DirectMap;
  readonly machine: Machine;
  readonly model = new Model();
  /** Every answer of the core, failures too. */
  readonly answers: number[] = [];
  /** Page tables that the core gave to the direct map: they stay in use to the end. */
  protected readonly pageTables: Block[] = [];
  protected pageTablesRefused = 0;
  private cpu = 0;

  constructor(
    entry: CoreEntry,
    parameters: ParameterValues,
    machine: Machine,
    observer: CoreObserver = NO_OBSERVER,
  ) {
    this.machine = machine;
    this.directMap = new DirectMap(machine);
    this.core = entry.create(
      {
        machine,
        directMap: this.directMap,
        snapshot: null,
        live: null,
        kswapdIsRecorded: false,
        observer,
      },
      parameters,
    );
    this.directMap.pageTableSource = () => this.takePageTable();
    this.directMap.pageTableReturn = () => this.returnPageTable();
    this.core.validate();
  }

  alloc(request: AllocRequest): number {
    this.cpu = request.cpu;
    return this.answer(this.core.alloc(request), request);
  }

  allocAt(pfn: number, request: AllocRequest): void {
    this.cpu = request.cpu;
    this.answer(this.core.allocAt!(pfn, request), request);
  }

  free(block: Block, cpu: number): void {
    this.cpu = cpu;
    this.core.free(block.pfn, block.order, { pageClass: block.pageClass, cpu, inInterrupt: false });
  }

  /** After each step. */
  check(): void {
    this.core.validate();
  }

  /** The marks of pages in use, which fallback decisions read, are those of the model, however they were split. */
  checkMarks(): void {
    const frames = allocatorOf(this.core)?.frames;
    if (frames === undefined) return;
    const onLru = new Map<number, number>();
    for (const { pfn, order, isOnLru } of this.model.live) {
      const pages = isOnLru ? Math.min(2 ** order, PAGEBLOCK_PAGES) : 0;
      for (let page = pfn; page < pfn + 2 ** order; page += PAGEBLOCK_PAGES) {
        const block = Math.floor(page / PAGEBLOCK_PAGES);
        onLru.set(block, (onLru.get(block) ?? 0) + pages);
      }
    }
    for (let block = 0; block < frames.blocks; block++) {
      const marked = frames.movablePagesIn(block);
      const wanted = onLru.get(block) ?? 0;
      if (marked !== wanted)
        throw new Error(`block ${block} has ${marked} pages marked as on an LRU, not ${wanted}`);
    }
  }

  /** All that the core ever gave goes back, page tables last, and the pcp lists are emptied. */
  freeAll(): void {
    while (this.model.live.length > 0) this.free(this.model.take(0), 0);
    for (const block of this.pageTables) this.free(block, 0);
    this.core.drain?.(-1);
    this.core.validate();
    const slabs = allocatorOf(this.core)?.frames.slabsInUse ?? 0;
    if (slabs > 0) throw new Error(`${slabs} pageblocks count as broken though all are whole`);
  }

  /** Pages that a core does not keep unmapped for its next user are as boot made them. */
  checkPlainPages(isKeptUnmapped: (pfn: number) => boolean): void {
    // A free that changes a class back may need a page table as well; without one the pages keep it.
    if (this.pageTablesRefused > 0) return;
    for (const { startPfn, endPfn } of this.machine.zones) {
      for (let pfn = startPfn; pfn < endPfn; pfn++) {
        const isPlain = (this.directMap.flagsOf(pfn) & (PRESENT | RW)) === (PRESENT | RW);
        if (isPlain === isKeptUnmapped(pfn))
          throw new Error(`page ${pfn.toString(16)} was left with a class`);
      }
    }
  }

  private answer(pfn: number, request: AllocRequest): number {
    this.answers.push(pfn);
    if (pfn >= 0) this.model.add(this.admit(pfn, request));
    else if (FAILURE_NAMES[-pfn] === undefined) throw new Error(`no such reason: ${pfn}`);
    return pfn;
  }

  /** A block is aligned, inside of a zone, and of the class that was asked for. */
  private admit(pfn: number, { order, pageClass, migratetype, gfp }: AllocRequest): Block {
    const pages = 2 ** order;
    const inZone = this.machine.zones.some(
      ({ startPfn, endPfn }) => startPfn <= pfn && pfn + pages <= endPfn,
    );
    if (!inZone || pfn % pages !== 0) throw new Error(`no block of order ${order}: ${pfn.toString(16)}`);
    for (let page = pfn; page < pfn + pages; page++) {
      if (this.directMap.isPresent(page) === (pageClass === UNMAPPED)) {
        throw new Error(`page ${page.toString(16)} of class ${pageClass} has the wrong presence`);
      }
    }
    const isOnLru = migratetype === MIGRATE_MOVABLE && (gfp & GFP_HIGHMEM_BIT) !== 0;
    return { pfn, order, pageClass, isOnLru };
  }

  private takePageTable(): boolean {
    const request = requestOf(0, 'U', GFP_KERNEL, this.cpu);
    const pfn = this.core.alloc(request);
    if (pfn < 0) {
      this.pageTablesRefused++;
      return false;
    }
    const block = this.admit(pfn, request);
    this.model.own(block);
    this.pageTables.push(block);
    return true;
  }

  private returnPageTable(): void {
    const block = this.pageTables.pop()!;
    this.model.disown(block);
    this.free(block, this.cpu);
  }
}

/** GFP_KERNEL, ATOMIC, NOWAIT; with ZERO, for lower zones, with NOMEMALLOC; HIGHUSER, on an LRU when movable. */
const GFP_KINDS = [0xcc0, 0x820, 0x800, 0xdc0, 0xcc1, 0xcc4, 0x80820, 0x100cc2, 0x100cc2, 0x100cc2];

const anyOrder = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 3 }) },
  { weight: 2, arbitrary: fc.nat({ max: 10 }) },
);
const anyPlace = fc.nat({ max: 0x7fffffff });
const anyCpu = fc.nat({ max: 2 });
const anyCount = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 80 }));

/** One step; numbers that do not fit the machine are taken modulo what it has. */
export type Step =
  | {
      readonly name: 'alloc';
      order: number;
      type: number;
      gfp: number;
      pageClass: number;
      cpu: number;
      count: number;
    }
  | { readonly name: 'allocAt'; order: number; type: number; pageClass: number; cpu: number; place: number }
  | { readonly name: 'free'; place: number; cpu: number; count: number }
  | { readonly name: 'freePart'; place: number; cpu: number; halvings: number }
  | { readonly name: 'fill'; order: number; type: number; pageClass: number; cpu: number }
  | { readonly name: 'split'; place: number; cpu: number; halvings: number }
  | { readonly name: 'freePair'; place: number; cpu: number }
  | { readonly name: 'tick'; cpu: number; zone: number }
  | { readonly name: 'drain'; cpu: number };

/** Steps with requests of these classes and of these types, each as often as it is named. */
export function anySteps(classes: readonly number[], types: readonly number[]): fc.Arbitrary<Step[]> {
  const anyClass = fc.constantFrom(...classes);
  const anyType = fc.constantFrom(...types);
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        name: fc.constant('alloc' as const),
        order: anyOrder,
        type: anyType,
        gfp: fc.constantFrom(...GFP_KINDS),
        pageClass: anyClass,
        cpu: anyCpu,
        count: anyCount,
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        name: fc.constant('free' as const),
        place: anyPlace,
        cpu: anyCpu,
        count: anyCount,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        name: fc.constant('freePart' as const),
        place: anyPlace,
        cpu: anyCpu,
        halvings: fc.integer({ min: 1, max: 10 }),
      }),
    },
    fc.record({
      name: fc.constant('fill' as const),
      order: fc.integer({ min: 6, max: 10 }),
      type: anyType,
      pageClass: anyClass,
      cpu: anyCpu,
    }),
    fc.record({
      name: fc.constant('split' as const),
      place: anyPlace,
      cpu: anyCpu,
      halvings: fc.integer({ min: 1, max: 5 }),
    }),
    fc.record({ name: fc.constant('freePair' as const), place: anyPlace, cpu: anyCpu }),
    {
      weight: 2,
      arbitrary: fc.record({
        name: fc.constant('allocAt' as const),
        order: anyOrder,
        type: anyType,
        pageClass: anyClass,
        cpu: anyCpu,
        place: anyPlace,
      }),
    },
    fc.record({ name: fc.constant('tick' as const), cpu: anyCpu, zone: fc.nat({ max: 2 }) }),
    fc.record({ name: fc.constant('drain' as const), cpu: fc.integer({ min: -1, max: 2 }) }),
  );
  return fc.array(step, { minLength: 1, maxLength: 40, size: 'max' });
}

export function perform(bench: Bench, step: Step): void {
  const { machine, core, model } = bench;
  const cpu = step.cpu < 0 ? -1 : step.cpu % machine.cpus;
  switch (step.name) {
    case 'alloc': {
      const request = requestFor(step.order, step.type, step.gfp, step.pageClass, cpu);
      for (let i = 0; i < step.count; i++) bench.alloc(request);
      break;
    }
    case 'allocAt':
      allocAt(bench, step.place, requestFor(step.order, step.type, GFP_KERNEL, step.pageClass, cpu));
      break;
    case 'free':
      // A stride that is odd and no small number: the order of frees is neither that of the requests nor its reverse.
      for (let i = 0; i < step.count && model.live.length > 0; i++) {
        bench.free(model.take((step.place + i * 7919) % model.live.length), cpu);
      }
      break;
    case 'fill': {
      const request = requestFor(step.order, step.type, GFP_KERNEL, step.pageClass, cpu);
      while (bench.alloc(request) >= 0);
      break;
    }
    case 'freePart':
      freePart(bench, step.place, step.halvings, cpu);
      break;
    case 'split':
      splitPage(bench, step.place, step.halvings);
      break;
    case 'freePair':
      freePair(bench, step.place, cpu);
      break;
    case 'tick':
      core.tick?.(cpu, step.zone % machine.zones.length);
      break;
    case 'drain':
      core.drain?.(cpu);
      break;
  }
  bench.check();
}

/** The shared parts of a core that is made of them. */
function allocatorOf(core: Core): PageAllocator | undefined {
  return (core as { allocator?: PageAllocator }).allocator;
}

function requestFor(order: number, type: number, gfp: number, pageClass: number, cpu: number): AllocRequest {
  // The type stands in the gfp as well: bits 3 and 4.
  return {
    order,
    migratetype: type,
    gfp: gfp | (type << 3),
    pageClass,
    cpu,
    inInterrupt: false,
    isMarked: false,
  };
}

/** A block that nobody has, wherever it lies: on a buddy list, in a larger free block, or on a pcp list. */
function allocAt(bench: Bench, place: number, request: AllocRequest): void {
  if (bench.core.allocAt === undefined) return;
  const { zones } = bench.machine;
  const { startPfn, endPfn } = zones[place % zones.length];
  const pages = 2 ** request.order;
  const pfn = startPfn + Math.floor((place % (endPfn - startPfn)) / pages) * pages;
  if (pfn + pages > endPfn || !bench.model.isUnowned(pfn, request.order)) return;
  bench.allocAt(pfn, request);
}

/** __free_pages() of a page that somebody else holds: upper halves go, outermost first, and a rest stays (page-allocator §2.9). */
function freePart(bench: Bench, place: number, halvings: number, cpu: number): void {
  const { model } = bench;
  if (model.live.length === 0) return;
  const block = model.take(place % model.live.length);
  const kept = Math.max(0, block.order - halvings);
  model.add({ ...block, order: kept });
  for (let order = block.order - 1; order >= kept; order--) {
    bench.free({ ...block, pfn: block.pfn + 2 ** order, order }, cpu);
  }
}

/** split_page(): no core is told; the pieces are freed one by one, later and in any order (page-allocator §2.9). */
function splitPage({ model }: Bench, place: number, halvings: number): void {
  if (model.live.length === 0) return;
  const block = model.take(place % model.live.length);
  const order = Math.max(0, block.order - halvings);
  const end = block.pfn + 2 ** block.order;
  for (let pfn = block.pfn; pfn < end; pfn += 2 ** order) model.add({ ...block, pfn, order });
}

/** Two buddies go as one, as contiguous frees of 7.3 do (page-allocator §2.10). */
function freePair(bench: Bench, place: number, cpu: number): void {
  const { live } = bench.model;
  for (let i = 0; i < live.length; i++) {
    const lower = live[(place + i) % live.length];
    const pages = 2 ** lower.order;
    if (lower.order === 10 || lower.pfn % (2 * pages) !== 0) continue;
    const isBuddy = (each: Block) =>
      each.pfn === lower.pfn + pages && each.order === lower.order && each.pageClass === lower.pageClass;
    if (!live.some(isBuddy)) continue;
    bench.model.take(live.indexOf(lower));
    bench.model.take(live.findIndex(isBuddy));
    bench.free({ ...lower, order: lower.order + 1 }, cpu);
    return;
  }
}
