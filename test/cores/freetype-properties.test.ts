/** The invariants of freetype-series §7 that take more than the state of one instant, by their numbers. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BaselineCore } from '../../src/cores/baseline.js';
import { FREETYPE_INFO, type FreetypeCore } from '../../src/cores/freetype.js';
import { CORES } from '../../src/cores/registry.js';
import { PLAIN, READONLY, UNMAPPED } from '../../src/kernel/classes.js';
import { GFP_DIRECT_RECLAIM_BIT } from '../../src/kernel/gfp.js';
import { MIGRATE_PCPTYPES, MIGRATE_UNMOVABLE, NR_FREETYPE_IDXS } from '../../src/kernel/migratetypes.js';
import type { Machine } from '../../src/machine/machine.js';
import { type AllocRequest, NO_OBSERVER } from '../../src/pagealloc/core.js';
import type { PageAllocator } from '../../src/pagealloc/page-allocator.js';
import { BLOCK_UNMAPPED } from '../../src/pagealloc/page-frames.js';
import { anyMachine, anySteps, Bench, type Block, perform } from './random-machine.js';

const ENTRY = CORES.find(({ info }) => info.name === 'freetype')!;

class FreetypeBench extends Bench {
  private readonly series: string;
  private readonly allocator: PageAllocator;
  private readonly gibsFlipped: Set<number>;

  constructor(series: string, machine: Machine) {
    const gibsFlipped = new Set<number>();
    super(ENTRY, { series }, machine, {
      ...NO_OBSERVER,
      flip: (pfn) => gibsFlipped.add(Math.floor(pfn / 0x40000)),
    });
    this.series = series;
    this.gibsFlipped = gibsFlipped;
    this.allocator = (this.core as FreetypeCore).allocator;
  }

  override alloc(request: AllocRequest): number {
    const before = this.changes();
    const pfn = super.alloc(request);
    // 13, 14: only unmovable requests that may block change anything.
    const mayFlip = request.migratetype === MIGRATE_UNMOVABLE && (request.gfp & GFP_DIRECT_RECLAIM_BIT) !== 0;
    if (!mayFlip && this.changes() !== before)
      throw new Error('a request that may not flip did (§7.13, §7.14)');
    return pfn;
  }

  override free(block: Block, cpu: number): void {
    const before = this.changes();
    super.free(block, cpu);
    if (this.changes() !== before) throw new Error('a free changed the direct map (§7.7)');
  }

  override check(): void {
    super.check();
    const { counters, frames } = this.allocator;
    const { level2Splits, level3Splits, pageTablePages, fullFlushes, rangedFlushes } = this.directMap.counts;
    const unmapped = frames.blockBits.reduce((sum, bits) => sum + Number((bits & BLOCK_UNMAPPED) !== 0), 0);
    const counts = {
      '9': unmapped,
      '10': fullFlushes,
      'ranged flushes': rangedFlushes,
      '11: level 2': level2Splits,
      '11: level 3': level3Splits <= this.gibsFlipped.size,
      '12': pageTablePages,
      'granted tables': this.pageTables.length,
      '21': counters.zeroedPages,
    };
    expect(counts).toEqual({
      '9': counters.blocksToUnmapped - counters.blocksToMapped,
      '10': counters.flipsToUnmapped + level3Splits,
      'ranged flushes': 0,
      '11: level 2': 0,
      '11: level 3': true,
      '12': level3Splits,
      'granted tables': pageTablePages,
      '21': this.series === 'v4' ? 512 * counters.blocksToMapped : 0,
    });
    this.checkMerged();
  }

  /** Blocks that a flip left unmapped are the only ones that are not as at boot. */
  checkEnd(): void {
    const { blockBits } = this.allocator.frames;
    this.checkPlainPages((pfn) => (blockBits[Math.floor(pfn / 512)] & BLOCK_UNMAPPED) !== 0);
  }

  /** Two free buddies of order 9 differ in their flag, or one may not merge (§3.3; page-allocator §1.3 I2). */
  private checkMerged(): void {
    const { lists, highatomic } = this.allocator;
    for (let zone = 0; zone < lists.zones.length; zone++) {
      // Giving back a highatomic block retypes it without merging it.
      if (lists.zones[zone].managed >= 51200 || highatomic.reserved[zone] > 0) continue;
      const freetypeOf = new Map<number, number>();
      for (let freetype = 0; freetype < NR_FREETYPE_IDXS; freetype++) {
        for (const pfn of lists.pfns(zone, 9, freetype)) freetypeOf.set(pfn / 512, freetype);
      }
      for (const [block, freetype] of freetypeOf) {
        const other = freetypeOf.get(block ^ 1);
        const isMergeable = other === freetype || Math.max(other ?? 9, freetype) < MIGRATE_PCPTYPES;
        if (isMergeable) throw new Error(`blocks ${block} and ${block ^ 1} should have merged`);
      }
    }
  }

  /** Everything that only a flip may change. */
  private changes(): string {
    const { counters } = this.allocator;
    const { counts } = this.directMap;
    return `${counters.flipsToUnmapped} ${counters.flipsToMapped} ${counters.zeroedPages} ${counts.entriesChanged}
      ${counts.level3Splits} ${counts.level2Splits} ${counts.fullFlushes} ${counts.rangedFlushes}`;
  }
}

describe.each([...FREETYPE_INFO.parameters.series.values!])('freetype:series=%s', (series) => {
  test('the invariants of freetype-series §7 hold after every step', () => {
    fc.assert(
      fc.property(anyMachine, anySteps([PLAIN, UNMAPPED, UNMAPPED], [0, 0, 0, 0, 1]), (machine, steps) => {
        const bench = new FreetypeBench(series, machine);
        for (const step of steps) perform(bench, step);
        bench.checkMarks();
        bench.freeAll();
        bench.check();
        bench.checkEnd();
      }),
      { seed: 2026, numRuns: 150 },
    );
  });

  // §7.22. Page tables come from the core in both.
  test('without an unmapped request the pages are those of the baseline', () => {
    fc.assert(
      fc.property(anyMachine, anySteps([PLAIN, PLAIN, READONLY], [0, 1, 2]), (machine, all) => {
        // Only the baseline can place a block where it is told.
        const steps = all.filter(({ name }) => name !== 'allocAt');
        const freetype = new Bench(ENTRY, { series }, machine);
        const baseline = new Bench(
          CORES.find(({ info }) => info.name === 'baseline')!,
          { flush: 'page' },
          machine,
        );
        for (const step of steps) {
          perform(freetype, step);
          perform(baseline, step);
        }
        expect(freetype.answers).toEqual(baseline.answers);
        expect(allLists((freetype.core as FreetypeCore).allocator)).toEqual(
          allLists((baseline.core as BaselineCore).allocator),
        );
      }),
      { seed: 2026, numRuns: 60 },
    );
  });
});

/** Every list of every zone and CPU, in order. */
function allLists({ lists, pcp, machine }: PageAllocator): number[][] {
  const all: number[][] = [];
  for (let zone = 0; zone < machine.zones.length; zone++) {
    for (let order = 0; order <= 10; order++) {
      for (let freetype = 0; freetype < NR_FREETYPE_IDXS; freetype++)
        all.push(lists.pfns(zone, order, freetype));
    }
    for (let cpu = 0; cpu < machine.cpus; cpu++) {
      for (let index = 0; index < 19; index++) all.push(pcp.pfns(pcp.slotOf(cpu, zone), index));
    }
  }
  return all;
}
