/** Refill sizes, counters and drains of the pcp lists where the vectors do not reach: page-allocator §4. */

import { describe, expect, test } from 'vitest';
import { rulesFor } from '../../src/kernel/rules.js';
import { VectorZone } from './vector-zone.js';
import type { ZoneSetting } from './zone-fixture.js';

const FREE_ZONE = 'types MMMM; o10 M: 1000 1400';

function zoneWith(state: string, pcp: ZoneSetting['pcp'], kernel = '7.3'): VectorZone {
  return new VectorZone({ state, pcp }, rulesFor(kernel)!.rules);
}

/** Pages of order 0 freed two pfns apart, so that none of them merge. */
function freeApart(zone: VectorZone, count: number): void {
  for (let i = 0; i < count; i++) zone.freePages(0x1000 + 2 * i, 0);
}

describe('§4.3 refill size', () => {
  test('with batch 63: 63, 31, 15, 7 pages for orders 0 to 3, 2 for order 9', () => {
    for (const [order, pages] of [
      [0, 63],
      [1, 31],
      [2, 15],
      [3, 7],
      [9, 2],
    ]) {
      const zone = zoneWith(FREE_ZONE, { batch: 63, highMin: 252, highMax: 30000 });
      zone.pcpAlloc(order, 1, 'M');
      expect(zone.allocator.pcp.count[0]).toBe((pages - 1) * 2 ** order);
    }
  });

  test('order 0 without frees: 63, 126, 252, 504, then what high - count - batch allows', () => {
    const zone = zoneWith(FREE_ZONE, { batch: 63, highMin: 252, highMax: 1000 });
    const { pcp } = zone.allocator;
    const refills: number[] = [];
    while (refills.length < 5) {
      const before = pcp.count[0];
      zone.pcpAlloc(0, 1, 'M');
      if (before === 0) refills.push(pcp.count[0] + 1);
    }
    // high grows by each batch that was wanted: 252 + 63 + 126 + 252 + 504, up to 1000; 1000 - 63 = 937.
    expect(refills).toEqual([63, 126, 252, 504, 937]);
  });

  test('a high mark below the batch brings one page', () => {
    const zone = zoneWith(FREE_ZONE, { batch: 7, highMin: 4, highMax: 4 });
    expect(zone.pcpAlloc(0, 1, 'M')).toEqual(['1000']);
    zone.expectState(
      `types MMMM; o0..o9 M: 1001 1002 1004 1008 1010 1020 1040 1080 1100 1200; o10 M: 1400;
        count 0, high 4, alloc_factor 0`,
    );
  });

  test('below the high watermark high does not grow', () => {
    const zone = zoneWith(FREE_ZONE, { batch: 63, highMin: 252, highMax: 1000 });
    zone.allocator.watermarks.belowHigh[0] = 1;
    zone.pcpAlloc(0, 1, 'M');
    expect(zone.allocator.pcp.high[0]).toBe(252);
  });
});

test('§4.2 each allocation halves free_count, each free halves alloc_factor', () => {
  const zone = zoneWith(FREE_ZONE, { batch: 63, highMin: 252, highMax: 30000 });
  const { pcp } = zone.allocator;
  const pfns = zone.pcpAlloc(0, 13, 'M').map((pfn) => Number.parseInt(pfn, 16));
  expect(pcp.allocFactor[0]).toBe(1);
  for (const pfn of pfns) zone.freePages(pfn, 0);
  expect([pcp.allocFactor[0], pcp.freeCount[0]]).toEqual([0, 13]);
  zone.pcpAlloc(0, 2, 'M');
  expect(pcp.freeCount[0]).toBe(3);
});

describe('§4.5, §4.6 drains on a free', () => {
  test('below the high watermark the first free above high_min drains free_count, and ends the state', () => {
    const zone = zoneWith('types MMMM', { batch: 2, highMin: 8, highMax: 100 });
    const { pcp, watermarks } = zone.allocator;
    watermarks.belowHigh[0] = 1;
    freeApart(zone, 7);
    expect([pcp.count[0], watermarks.belowHigh[0]]).toEqual([7, 1]);
    zone.freePages(0x100e, 0);
    expect([pcp.count[0], watermarks.belowHigh[0]]).toEqual([2, 0]);
  });

  test('while kswapd reclaims, four batches are the most that stay', () => {
    const zone = zoneWith('types MMMM', { batch: 2, highMin: 20, highMax: 100 });
    zone.allocator.watermarks.reclaimActive[0] = 1;
    freeApart(zone, 7);
    expect(zone.allocator.pcp.count[0]).toBe(7);
    zone.freePages(0x100e, 0);
    expect(zone.allocator.pcp.count[0]).toBe(2);
  });

  test('high rises to free_count + batch when the mark is reached', () => {
    const zone = zoneWith('types MMMM', { batch: 4, highMin: 16, highMax: 100 });
    freeApart(zone, 16);
    const { pcp } = zone.allocator;
    // The 16th free drains by the mark before the raise: clamp(16, 4, 12).
    expect([pcp.high[0], pcp.count[0]]).toEqual([20, 4]);
  });

  test('frees of order 1 to 3 in a row drain the lists; FREE_HIGH_BATCH asks for a batch first', () => {
    const setting = { state: 'types MMMM', pcp: { batch: 4, highMin: 40, highMax: 40 } };
    const zone = new VectorZone(setting, rulesFor('6.12')!.rules);
    const { pcp } = zone.allocator;
    zone.freePages(0x1000, 2);
    expect(pcp.count[0]).toBe(4);
    // free_count is 4, the limit of 6.12: all 8 pages go, and high is lowered no further than high_min.
    zone.freePages(0x1010, 2);
    expect([pcp.count[0], pcp.high[0]]).toEqual([0, 40]);

    // An order-0 free in between ends the row.
    const broken = new VectorZone(setting, rulesFor('6.12')!.rules);
    broken.freePages(0x1000, 2);
    broken.freePages(0x1020, 0);
    broken.freePages(0x1010, 2);
    expect(broken.allocator.pcp.count[0]).toBe(9);
  });
});

test('§4.4 pages of highatomic blocks go to the movable lists, orders 4 to 8 past the pcp lists', () => {
  const zone = zoneWith('types HMMM', { batch: 4, highMin: 16, highMax: 16 });
  zone.freePages(0x1000, 0);
  zone.freePages(0x1040, 4);
  zone.expectState('types HMMM; pcp 1: 1000; o4 H: 1040; count 1');
  zone.allocator.drainAll();
  zone.expectState('types HMMM; o0 H: 1000; o4 H: 1040; count 0');
});

test('§4.8 a drain beginning at a list of high order goes on with list 0', () => {
  const zone = zoneWith('types MMMM', { batch: 4, highMin: 100, highMax: 100 });
  for (const pfn of [0x1000, 0x1002]) zone.freePages(pfn, 0);
  zone.freePages(0x1010, 3);
  // Index 10 is (order 3, M): 8 pages overshoot by 1, so nothing of list 1 goes.
  zone.allocator.pcp.bulkFree(0, 0, 7, 10);
  zone.expectState('types MMMM; o3 M: 1010; pcp 1: 1002 1000; count 2');
  zone.freePages(0x1010 + 8, 3);
  zone.allocator.pcp.bulkFree(0, 0, 9, 10);
  zone.expectState('types MMMM; o4 M: 1010; o0 M: 1000; pcp 1: 1002; count 1');
});
