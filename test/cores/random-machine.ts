/**
 * Random requests on small random machines, for the property tests of all cores: a plain map of live
 * blocks is the model, the commands are those of a replay.
 */

import fc from 'fast-check';
import { PLAIN, READONLY, UNMAPPED } from '../../src/kernel/classes.js';
import { GFP_KERNEL } from '../../src/kernel/gfp.js';
import { MIGRATE_UNMOVABLE } from '../../src/kernel/migratetypes.js';
import { PAGEBLOCK_PAGES } from '../../src/kernel/orders.js';
import { rulesFor } from '../../src/kernel/rules.js';
import type { CoreEntry, ParameterValues } from '../../src/cores/registry.js';
import { DirectMap } from '../../src/directmap/direct-map.js';
import { type Machine, ZONE_DMA, ZONE_DMA32, ZONE_NAMES, ZONE_NORMAL } from '../../src/machine/machine.js';
import { type AllocRequest, type Core, FAILURE_NAMES, NO_OBSERVER } from '../../src/pagealloc/core.js';

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
    gbPages: fc.boolean(),
    freeHighBatch: fc.boolean(),
    release: fc.constantFrom('7.3', '6.12'),
    /** A zone that counts as large enough reserves highatomic blocks (page-allocator §3.8). */
    reserves: fc.boolean(),
  })
  .map(({ places, cpus, pcps, min, statThreshold, gbPages, freeHighBatch, release, reserves }) => {
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
  });

interface Block {
  readonly pfn: number;
  readonly order: number;
  readonly pageClass: number;
}

/** The model: live blocks, and who has which page. */
export class Model {
  readonly live: Block[] = [];
  private readonly owned = new Set<number>();

  add(block: Block): void {
    for (let pfn = block.pfn; pfn < block.pfn + 2 ** block.order; pfn++) {
      if (this.owned.has(pfn)) throw new Error(`page ${pfn.toString(16)} was handed out twice`);
      this.owned.add(pfn);
    }
    this.live.push(block);
  }

  /** Takes out a block by a random number; null when there is none. */
  take(pick: number): Block | null {
    if (this.live.length === 0) return null;
    const i = pick % this.live.length;
    const block = this.live[i];
    this.live[i] = this.live[this.live.length - 1];
    this.live.pop();
    for (let pfn = block.pfn; pfn < block.pfn + 2 ** block.order; pfn++) this.owned.delete(pfn);
    return block;
  }

  isFree(pfn: number, pages: number): boolean {
    for (let page = pfn; page < pfn + pages; page++) if (this.owned.has(page)) return false;
    return true;
  }
}

/** A core at work, with what is checked at every step. */
export class Bench {
  readonly core: Core;
  readonly directMap: DirectMap;
  readonly machine: Machine;
  readonly pageTables: number[] = [];
  readonly model: Model;
  private cpu = 0;

  constructor(entry: CoreEntry, parameters: ParameterValues, machine: Machine, model: Model) {
    this.machine = machine;
    this.model = model;
    this.directMap = new DirectMap(machine);
    this.core = entry.create(
      { machine, directMap: this.directMap, snapshot: null, live: null, observer: NO_OBSERVER },
      parameters,
    );
    this.directMap.pageTableSource = () => this.takePageTable();
    this.directMap.pageTableReturn = () => this.returnPageTable();
    this.core.validate();
  }

  /** Serves a request and checks the answer: nobody's pages, and of the class that was asked for. */
  alloc(request: AllocRequest): number {
    this.cpu = request.cpu;
    const pfn = this.core.alloc(request);
    if (pfn < 0) {
      if (FAILURE_NAMES[-pfn] === undefined) throw new Error(`no such reason: ${pfn}`);
      return pfn;
    }
    this.admit(pfn, request);
    return pfn;
  }

  allocAt(pfn: number, request: AllocRequest): void {
    this.cpu = request.cpu;
    if (this.core.allocAt!(pfn, request) < 0) return;
    this.admit(pfn, request);
  }

  free(block: Block, cpu: number): void {
    this.cpu = cpu;
    this.core.free(block.pfn, block.order, { pageClass: block.pageClass, cpu, inInterrupt: false });
  }

  /** Every page that the core ever gave, page tables too, goes back, and the pcp lists are emptied. */
  freeAll(): void {
    for (let block = this.model.take(0); block !== null; block = this.model.take(0)) this.free(block, 0);
    this.core.drain?.(-1);
    this.core.validate();
  }

  private admit(pfn: number, { order, pageClass }: AllocRequest): void {
    const pages = 2 ** order;
    if (pfn % pages !== 0) throw new Error(`pfn ${pfn.toString(16)} is not aligned to order ${order}`);
    const inZone = this.machine.zones.some(({ startPfn, endPfn }) => startPfn <= pfn && pfn + pages <= endPfn);
    if (!inZone) throw new Error(`pfn ${pfn.toString(16)} lies in no zone`);
    this.model.add({ pfn, order, pageClass });
    for (let page = pfn; page < pfn + pages; page++) {
      if (this.directMap.isPresent(page) === (pageClass === UNMAPPED)) {
        throw new Error(`page ${page.toString(16)} of class ${pageClass} has the wrong presence`);
      }
    }
  }

  private takePageTable(): boolean {
    const request = requestFor({ order: 0, migratetype: MIGRATE_UNMOVABLE, gfp: GFP_KERNEL, cpu: this.cpu });
    const pfn = this.core.alloc(request);
    if (pfn < 0) return false;
    this.admit(pfn, request);
    this.pageTables.push(pfn);
    return true;
  }

  private returnPageTable(): void {
    const pfn = this.pageTables.pop()!;
    const block = this.model.take(this.model.live.findIndex((each) => each.pfn === pfn))!;
    this.free(block, this.cpu);
  }
}

export function requestFor(fields: Partial<AllocRequest>): AllocRequest {
  return {
    order: 0,
    migratetype: MIGRATE_UNMOVABLE,
    gfp: GFP_KERNEL,
    pageClass: PLAIN,
    cpu: 0,
    inInterrupt: false,
    isMarked: false,
    ...fields,
  };
}

type Step = (bench: Bench) => void;

/** GFP_KERNEL, GFP_ATOMIC, NOWAIT, with ZERO; and those that end in a lower zone. */
const GFP_KINDS = [0xcc0, 0xcc0, 0x820, 0x800, 0xdc0, 0xcc1, 0xcc4, 0x80cc0];

function commandsOf(classes: readonly number[]): fc.Arbitrary<fc.Command<Model, Bench>>[] {
  const cpu = fc.nat({ max: 2 });
  const anyRequest = fc.record({
    order: fc.oneof({ weight: 3, arbitrary: fc.nat({ max: 3 }) }, fc.nat({ max: 10 })),
    migratetype: fc.constantFrom(0, 0, 1, 2),
    // A movable or reclaimable request says so in its gfp as well.
    gfp: fc.constantFrom(...GFP_KINDS),
    pageClass: fc.constantFrom(...classes),
    cpu,
  });
  const pick = fc.nat({ max: 0x7fffffff });
  return [
    ...repeat(5, fc.tuple(anyRequest, fc.integer({ min: 1, max: 20 })).map(([request, times]) => allocate(request, times))),
    ...repeat(4, fc.tuple(pick, cpu, fc.integer({ min: 1, max: 20 })).map(([start, on, times]) => release(start, on, times))),
    fc.tuple(pick, cpu).map(([start, on]) => releaseHalf(start, on)),
    fc.tuple(anyRequest, pick).map(([request, place]) => allocateAt(request, place)),
    fc.tuple(cpu, fc.nat({ max: 2 })).map(([on, zone]) =>
      named(`tick(${on}, ${zone})`, (bench) => bench.core.tick?.(on % bench.machine.cpus, zone % bench.machine.zones.length)),
    ),
    fc.integer({ min: -1, max: 2 }).map((on) =>
      named(`drain(${on})`, (bench) => bench.core.drain?.(on < 0 ? -1 : on % bench.machine.cpus)),
    ),
  ];
}

/** Random requests of these classes. */
export function anyCommands(classes: readonly number[] = [PLAIN, UNMAPPED, UNMAPPED, READONLY]) {
  return fc.commands(commandsOf(classes), { maxCommands: 60, size: 'max' });
}
