/**
 * What a kernel with the series was seen to do: the requests of capture vectors-1cpu in zone DMA
 * (freetype-observed §9, V1 to V18, one sequence), and the pcp numbers of pcp-1cpu (§7, items 1 to 3).
 */

import { expect, test } from 'vitest';
import { FreetypeMachine } from './core-fixture.js';

/** The workload's GFP_DMA requests: with NORETRY, and without direct reclaim. */
const DMA = 0x12cc1;
const DMA_NOBLOCK = 0x28c1;

/** Zone DMA as vectors-1cpu found it. */
function zoneDma(): FreetypeMachine {
  return new FreetypeMachine(
    [
      {
        state: 'types UMMMMMMM; o8 U: 100; o9 M: 200; o10 M: 400 800 c00',
        startPfn: 0,
        index: 0,
        min: 36,
        low: 45,
        high: 54,
        pcp: { batch: 1, highMin: 45, highMax: 480 },
      },
    ],
    { freeHighBatch: true, largest: 2 },
  );
}

test('freetype-observed §9: the vectors of vectors-1cpu', () => {
  const on = zoneDma();
  const unmapped = (order: number, gfp = DMA) => on.alloc(order, 'U*', gfp);
  const unmovable = (order: number, gfp = DMA) => on.alloc(order, 'U', gfp);
  const free = (pfn: number, order: number) => on.free(pfn, order, 'U*');
  const times = (count: number, request: () => string) => Array.from({ length: count }, request);

  expect(times(2, () => unmapped(4))).toEqual(['400', '410']);
  free(0x400, 4);
  free(0x410, 4);
  const v1 = 'types UMU*UMMMM; o8 U: 100; o9 U: 600; o9 M: 200; o9 U*: 400; o10 M: 800 c00; free 3840, F 1';
  on.expectState(v1);

  expect(unmapped(9)).toBe('400');
  free(0x400, 9);
  on.expectState(v1);

  expect(unmovable(4)).toBe('100');
  on.free(0x100, 4, 'U');
  on.expectState(v1);

  expect(unmapped(10)).toBe('800');
  free(0x800, 10);
  const v4 = `types UMU*UU*U*MM; o8 U: 100; o9 U: 600; o9 M: 200; o9 U*: 400; o10 M: c00; o10 U*: 800;
    free 3840, F 2`;
  on.expectState(v4);

  expect(times(2, () => unmapped(10, DMA_NOBLOCK))).toEqual(['800', 'contextForbidsFlip']);
  free(0x800, 10);

  expect([unmapped(0), unmapped(1), unmapped(3), unmapped(8)]).toEqual(['400', '402', '408', '500']);
  free(0x400, 0);
  free(0x402, 1);
  free(0x408, 3);
  free(0x500, 8);
  on.expectState(v4);

  expect(times(3, () => unmapped(10))).toEqual(['800', 'c00', 'noBlock']);
  expect(times(4, () => unmapped(9))).toEqual(['400', '600', '200', 'watermark']);
  on.expectState('types UU*U*U*U*U*U*U*; o8 U: 100; free 256, F 5');

  for (const pfn of [0x800, 0xc00]) free(pfn, 10);
  for (const pfn of [0x400, 0x600, 0x200]) free(pfn, 9);
  const v8 = 'types UU*U*U*U*U*U*U*; o8 U: 100; o9 U*: 200; o10 U*: 400 c00 800; free 3840, F 5';
  on.expectState(v8);

  expect(unmovable(8, DMA_NOBLOCK)).toBe('100');
  for (let order = 7; order >= 0; order--) expect(unmovable(order, DMA_NOBLOCK)).toBe('contextForbidsFlip');
  for (const [order, type] of [
    [4, 'M'],
    [4, 'R'],
    [0, 'M'],
    [0, 'R'],
  ] as const) {
    expect(on.alloc(order, type, DMA)).toBe('noBlock');
  }
  expect(unmovable(4, DMA_NOBLOCK)).toBe('contextForbidsFlip');
  const v10 = 'types UU*U*U*U*U*U*U*; o9 U*: 200; o10 U*: 400 c00 800; free 3584, F 5';
  on.expectState(v10);

  expect(unmapped(4, DMA_NOBLOCK)).toBe('200');
  free(0x200, 4);
  on.expectState(v10);

  expect(unmovable(4)).toBe('200');
  on.expectState(
    'types UUU*U*U*U*U*U*; o4..o8 U: 210 220 240 280 300; o10 U*: 400 c00 800; free 3568, F 5, Z 512',
  );

  expect(unmovable(10)).toBe('400');
  on.free(0x400, 10, 'U');
  on.expectState(
    'types UUUUU*U*U*U*; o4..o8 U: 210 220 240 280 300; o10 U: 400; o10 U*: c00 800; free 3568, F 5, Z 1536',
  );

  expect([on.alloc(9, 'M', DMA), on.alloc(4, 'M', DMA)]).toEqual(['400', '600']);
  on.expectState(
    `types UUMMU*U*U*U*; o4 U: 210; o5 U: 220; o6 U: 240; o7 U: 280; o8 U: 300;
      o4..o8 M: 610 620 640 680 700; o10 U*: c00 800; free 3040, F 5, Z 1536`,
  );

  expect(times(3, () => unmapped(9))).toEqual(['c00', 'e00', '800']);
  expect(times(3, () => unmovable(9))).toEqual(['a00', 'noBlock', 'noBlock']);
  for (const pfn of [0xc00, 0xe00, 0x800]) free(pfn, 9);
  expect(times(3, () => unmovable(9))).toEqual(['800', 'c00', 'e00']);

  on.free(0x400, 9, 'M');
  on.free(0x600, 4, 'M');
  expect(times(2, () => unmapped(0))).toEqual(['400', '401']);
  on.expectState(
    `types UUU*UUUUU; o0 U*: 403; o2..o8 U*: 404 408 410 420 440 480 500;
      o4..o8 U: 210 220 240 280 300; o9 U: 600; pcp 14: 402; free 1517, F 6, Z 3584, unmaps 6, maps 6`,
  );
});

/** The zone of pcp-1cpu in small: its pcp, and blocks of each type. */
function zoneOfPcp1cpu(): FreetypeMachine {
  return new FreetypeMachine(
    [
      {
        state: `types UMRMMMMM; o9 U: 1000; o9 M: 1200; o9 R: 1400; o10 M: 1800 1c00; high 5110`,
        min: 458,
        low: 572,
        high: 686,
        pcp: { batch: 15, highMin: 572, highMax: 7053 },
      },
    ],
    { freeHighBatch: true },
  );
}

test('freetype-observed §7: a refill that finds nothing still moves high and alloc_factor', () => {
  const on = zoneOfPcp1cpu();
  const { pcp } = on.core.allocator;
  const listed = (index: number) => pcp.pfns(0, index).length;
  const knobs = () => ({ high: pcp.high[0], allocFactor: pcp.allocFactor[0] });
  expect(knobs()).toEqual({ high: 5110, allocFactor: 0 });
  expect(on.alloc(0, 'U*')).toBe('1000');
  expect(knobs()).toEqual({ high: 5125, allocFactor: 1 });
  expect(listed(14)).toBe(0);

  // All lists share the knobs: 30 unmapped pages, 60 unmovable, 120 movable, 240 reclaimable, one taken of each.
  for (const type of ['U*', 'U', 'M', 'R'] as const) on.alloc(0, type);
  expect([14, 0, 1, 2].map(listed)).toEqual([29, 59, 119, 239]);

  for (const order of [1, 2, 3]) on.alloc(order, 'U*');
  expect([15, 16, 17].map(listed)).toEqual([7 - 1, 3 - 1, 2 - 1]);

  expect(pcp.high[0]).toBe(5620);
  const huge = [on.alloc(9, 'U*'), on.alloc(9, 'U*')];
  expect(pcp.high[0]).toBe(5650);
  for (const pfn of huge) on.free(pfn, 9, 'U*');
  // Last freed first.
  expect(pcp.pfns(0, 18).map((pfn) => pfn.toString(16))).toEqual(huge.reverse());
});

test('freetype-observed §7: an order-9 refill takes two unmapped blocks, or one if there is but one', () => {
  for (const blocks of [1, 2]) {
    const on = new FreetypeMachine([
      {
        state: ['types U*MU*M; o9 U*: 1000', 'types U*MU*M; o9 U*: 1000 1400'][blocks - 1],
        pcp: { batch: 15, highMin: 572, highMax: 7053 },
      },
    ]);
    expect(on.alloc(9, 'U*')).toBe('1000');
    expect(on.core.allocator.pcp.pfns(0, 18)).toEqual(blocks === 1 ? [] : [0x1400]);
  }
});
