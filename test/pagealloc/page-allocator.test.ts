/** From a request to a zone: passes, reserves, and the reason of a failure (page-allocator §5.3 to §5.5, §3.8). */

import { describe, expect, test } from 'vitest';
import { GFP_COMPOSITES, GFP_KERNEL } from '../../src/kernel/gfp.js';
import { MIGRATE_MOVABLE, MIGRATE_UNMOVABLE } from '../../src/kernel/migratetypes.js';
import { rulesFor } from '../../src/kernel/rules.js';
import { ZONE_DMA, ZONE_NORMAL } from '../../src/machine/machine.js';
import { FAILURE_NAMES, NO_OBSERVER } from '../../src/pagealloc/core.js';
import { loadSnapshot } from '../../src/pagealloc/load-state.js';
import { PageAllocator } from '../../src/pagealloc/page-allocator.js';
import { expectState, hex, machineOf, snapshotOf, type ZoneSetting } from './zone-fixture.js';

const { GFP_ATOMIC, GFP_HIGHUSER_MOVABLE } = GFP_COMPOSITES;

function allocatorOf(zones: readonly ZoneSetting[], kernel = '7.3'): PageAllocator {
  const allocator = new PageAllocator(machineOf(zones, { rules: rulesFor(kernel)!.rules }), NO_OBSERVER);
  loadSnapshot(allocator, snapshotOf(zones));
  return allocator;
}

/** The pfn, or the name of the failure. */
function alloc(allocator: PageAllocator, order: number, gfp = GFP_KERNEL, type = MIGRATE_UNMOVABLE): string {
  const pfn = allocator.alloc(order, type, gfp, 0, type);
  return pfn < 0 ? FAILURE_NAMES[-pfn] : hex(pfn);
}

describe('§5.4 NOFRAGMENT', () => {
  const normal = { state: 'types MM; o3 M: 100008', startPfn: 0x100000, index: ZONE_NORMAL };

  test('own lists of a lower zone come before a steal in Normal', () => {
    const on = allocatorOf([
      { state: 'types UM; o3 U: 1008', usedPagesMovable: true },
      { ...normal, usedPagesMovable: true },
    ]);
    expect(alloc(on, 3)).toBe('1008');
  });

  test('a whole-block claim in Normal comes first', () => {
    const on = allocatorOf([
      { state: 'types UM; o3 U: 1008' },
      { ...normal, state: 'types MM; o9 M: 100200' },
    ]);
    expect(alloc(on, 3)).toBe('100200');
  });

  test('the second pass steals, from Normal again', () => {
    const on = allocatorOf([
      { state: 'types UM; o3 M: 1208', usedPagesMovable: true },
      { ...normal, usedPagesMovable: true },
    ]);
    expect(alloc(on, 3)).toBe('100008');
  });

  test('the second pass keeps the LOW mark: Normal below it is left to the slow path', () => {
    const on = allocatorOf([
      { state: 'types UM; o3 M: 1208', usedPagesMovable: true },
      { ...normal, low: 600, usedPagesMovable: true },
    ]);
    expect(alloc(on, 3)).toBe('1208');
    expect(alloc(on, 3)).toBe('100008');
  });

  test('without a zone Normal the steal comes before the next zone', () => {
    const on = allocatorOf([
      { state: 'types UM; o3 U: 808', startPfn: 0x800, index: ZONE_DMA },
      { state: 'types MM; o3 M: 1008', usedPagesMovable: true },
    ]);
    expect(alloc(on, 3)).toBe('1008');
  });
});

describe('§5.3 ZONE_BELOW_HIGH', () => {
  test('an order without a page sets it, though plenty is free', () => {
    const on = allocatorOf([{ state: 'types MMMM; o8 M: 1000 1200 1400 1600' }]);
    expect(alloc(on, 9, GFP_KERNEL, MIGRATE_MOVABLE)).toBe('noBlock');
    expect(on.watermarks.belowHigh[0]).toBe(1);
  });
});

describe('§5.5 the reason of a failure', () => {
  test('too little free is the watermark, no page of the order is fragmentation', () => {
    const state = 'types MMMM; o8 M: 1000 1200 1400 1600';
    expect(alloc(allocatorOf([{ state, min: 1100 }]), 0)).toBe('watermark');
    expect(alloc(allocatorOf([{ state, min: 100 }]), 9)).toBe('noBlock');
    // 1024 - 511 pages are not above the mark: the watermark, whatever the lists hold.
    expect(alloc(allocatorOf([{ state, min: 600 }]), 9)).toBe('watermark');
  });
});

describe('§3.8 highatomic blocks', () => {
  const zone = { state: 'types MM; o10 M: 1000', managed: 51200, min: 1000, low: 2000 };
  const whole = 'types HU; o1..o8 H: 1002 1004 1008 1010 1020 1040 1080 1100; o9 U: 1200; nr_reserved 512';

  function expectReserve(allocator: PageAllocator, text: string): void {
    expectState(allocator, 0, text, { nr_reserved: allocator.highatomic.reserved[0] }, []);
  }

  test('an atomic request of order 1 that needs the slow path reserves its block', () => {
    const on = allocatorOf([zone]);
    expect(alloc(on, 1, GFP_ATOMIC)).toBe('1000');
    expectReserve(on, whole);
    // The next one is served from the reserve; one of no such right gets the block back before it fails.
    expect(alloc(on, 1, GFP_ATOMIC)).toBe('1002');
    expect(on.highatomic.reserved[0]).toBe(512);
    expect(alloc(on, 1)).toBe('1004');
    expect(on.highatomic.reserved[0]).toBe(0);
  });

  test('order 0 and the fast path reserve nothing', () => {
    const on = allocatorOf([zone]);
    expect(alloc(on, 0, GFP_ATOMIC)).toBe('1000');
    expect(on.highatomic.reserved[0]).toBe(0);
    const rich = allocatorOf([{ ...zone, min: 0, low: 0 }]);
    expect(alloc(rich, 1, GFP_ATOMIC)).toBe('1000');
    expect(rich.highatomic.reserved[0]).toBe(0);
  });

  test('6.12 reserves for a page of the pcp list too, 7.3 takes none from there to begin with', () => {
    const pcp = { batch: 4, highMin: 16, highMax: 16 };
    const old = allocatorOf([{ ...zone, pcp }], '6.12');
    expect(alloc(old, 1, GFP_ATOMIC)).toBe('1000');
    expectReserve(
      old,
      'types HU; o2..o8 H: 1004 1008 1010 1020 1040 1080 1100; o9 U: 1200; pcp 3: 1002; nr_reserved 512',
    );
    const now = allocatorOf([{ ...zone, pcp }], '7.3');
    expect(alloc(now, 1, GFP_ATOMIC)).toBe('1000');
    expectReserve(now, whole);
  });

  test('a request that reclaims gets the reserve back, one block of one zone', () => {
    const on = allocatorOf([
      { state: 'types HM; o1 H: 802', startPfn: 0x800, index: ZONE_DMA },
      { state: 'types HM; o1 H: 1002' },
    ]);
    for (const position of [0, 1]) on.highatomic.reserved[position] = 512;
    expect(alloc(on, 1)).toBe('1002');
    expectState(on, 0, 'types HM; o1 H: 802', {}, []);
    expectState(on, 1, 'types UM', {}, []);
  });
});

// The half rule reads who holds a page (§3.5), also after its block was split and freed in part.
test('§2.9 a piece that is freed leaves the marks of the others', () => {
  for (const order of [1, 2, 5, 9, 10]) {
    for (const piece of [0, 1, 2]) {
      if (piece > order) continue;
      const pages = 2 ** order;
      for (let offset = 0; offset < pages; offset += Math.max(2 ** piece, pages / 16)) {
        const on = allocatorOf([{ state: 'types MMMM; o10 M: 1000 1400' }]);
        on.alloc(order, MIGRATE_MOVABLE, GFP_HIGHUSER_MOVABLE, 0, MIGRATE_MOVABLE);
        on.free(0x1000 + offset, piece, 0);
        const marked = on.frames.movablePagesIn(8) + on.frames.movablePagesIn(9);
        expect([order, piece, offset, marked]).toEqual([order, piece, offset, pages - 2 ** piece]);
      }
    }
  }
});

test('§2.9 halves of a block that is freed in parts merge again', () => {
  const on = allocatorOf([{ state: 'types MMMM; o10 M: 1000 1400' }]);
  expect(alloc(on, 10, GFP_KERNEL, MIGRATE_MOVABLE)).toBe('1000');
  for (let order = 9; order >= 0; order--) on.free(0x1000 + 2 ** order, order, 0);
  on.free(0x1000, 0, 0);
  expectState(on, 0, 'types MMMM; o10 M: 1000 1400', {}, []);
  expect(on.frames.slabsInUse).toBe(0);
});

// Bit operators cut a pfn to 32 bits; a pfn has 36.
test('pages above pfn 2^32', () => {
  const state = 'types MMMM; o10 M: 100000000 100000400';
  const on = allocatorOf([{ state, startPfn: 2 ** 32, index: ZONE_NORMAL }]);
  const orders = [10, 9, 8, 0, 3];
  const pfns = orders.map((order) => alloc(on, order));
  expect(pfns).toEqual(['100000000', '100000400', '100000600', '100000700', '100000708']);
  for (const [i, order] of orders.entries()) on.free(Number.parseInt(pfns[i], 16), order, 0);
  expectState(on, 0, 'types UUUU; o10 U: 100000400 100000000', {}, []);
});
