/**
 * The vectors of freetype-series §11 that a core alone can answer: 1 to 32. 33 and 34 are gates of
 * compaction. Each compares the whole resulting state, and validates after every request and free.
 *
 * "pcp off" is a boot pageset (PCP_OFF), page tables come from elsewhere unless a vector says otherwise,
 * and zone DMA32 stands for requests without ALLOC_NOFRAGMENT, Normal for those with it.
 */

import { describe, expect, test } from 'vitest';
import { GFP_KERNEL, GFP_ZERO_BIT } from '../../src/kernel/gfp.js';
import { ZONE_NORMAL } from '../../src/machine/machine.js';
import { orderOfPindex, pindexOf } from '../../src/pagealloc/pcp-lists.js';
import { freetypeOf, type ZoneSetting } from '../pagealloc/zone-fixture.js';
import { FreetypeMachine, type FreetypeSetting, NOBLOCK } from './core-fixture.js';

const START = 0x100000;
const S0 = 'types MMMMMMMM; o10 M: 100000 100400 100800 100c00';
const SU = 'types U*U*U*U*U*U*U*U*; o10 U*: 100000 100400 100800 100c00';

function machine(
  state: string,
  zone: Partial<ZoneSetting> = {},
  setting: FreetypeSetting = {},
): FreetypeMachine {
  return new FreetypeMachine([{ state, startPfn: START, ...zone }], setting);
}

/** Rows of a vector: what the request gave, and the state after it. */
function expectStep(on: FreetypeMachine, given: string, wanted: string, after: string): void {
  expect(given).toBe(wanted);
  on.expectState(after);
}

const STATE_4 = `types U*UMMMMMM; o9 U: 100200; o9 U*: 100000; o10 M: 100400 100800 100c00;
  free 4096, bM 3584, bU 512, L3 1, PTP 1, F 2`;

/** Vectors 1 to 4: two requests of order 4, freed in order. */
function state4(): FreetypeMachine {
  const on = machine(S0);
  for (let i = 0; i < 2; i++) on.alloc(4, 'U*');
  on.free('100000', 4, 'U*');
  on.free('100010', 4, 'U*');
  return on;
}

describe('freetype-series §11: the pool fills and empties', () => {
  test('1 to 4: a flip by claim, the pool serves, pages come back', () => {
    const on = machine(S0);
    expectStep(
      on,
      on.alloc(4, 'U*'),
      '100000',
      `types U*UMMMMMM; o4..o8 U*: 100010 100020 100040 100080 100100; o9 U: 100200;
        o10 M: 100400 100800 100c00; free 4080, bM 3584, bU 0, L3 1, PTP 1, F 2`,
    );
    expectStep(
      on,
      on.alloc(4, 'U*'),
      '100010',
      `types U*UMMMMMM; o5..o8 U*: 100020 100040 100080 100100; o9 U: 100200;
        o10 M: 100400 100800 100c00; free 4064, bM 3584, bU 0, L3 1, PTP 1, F 2`,
    );
    on.free('100000', 4, 'U*');
    on.expectState(
      `types U*UMMMMMM; o4..o8 U*: 100000 100020 100040 100080 100100; o9 U: 100200;
        o10 M: 100400 100800 100c00; free 4080, bM 3584, bU 0, L3 1, PTP 1, F 2`,
    );
    on.free('100010', 4, 'U*');
    on.expectState(STATE_4);
  });

  test('5: an unmapped order 9 from the pool', () => {
    const on = state4();
    expectStep(
      on,
      on.alloc(9, 'U*'),
      '100000',
      `types U*UMMMMMM; o9 U: 100200; o10 M: 100400 100800 100c00;
        free 3584, bM 3584, bU 0, L3 1, PTP 1, F 2`,
    );
    on.free('100000', 9, 'U*');
    on.expectState(STATE_4);
  });

  test('6: a mapped request leaves the pool alone', () => {
    const on = state4();
    expectStep(
      on,
      on.alloc(4, 'U'),
      '100200',
      `types U*UMMMMMM; o4..o8 U: 100210 100220 100240 100280 100300; o9 U*: 100000;
        o10 M: 100400 100800 100c00; free 4080, bM 3072, bU 512, L3 1, PTP 1, F 2`,
    );
  });

  test('7: order 10 flips two blocks in one operation', () => {
    const on = machine(S0);
    expectStep(
      on,
      on.alloc(10, 'U*'),
      '100000',
      `types U*U*MMMMMM; o10 M: 100400 100800 100c00; free 3072, bM 3072, bU 0, L3 1, PTP 1, F 2, unmaps 1`,
    );
    on.free('100000', 10, 'U*');
    on.expectState(
      `types U*U*MMMMMM; o10 U*: 100000; o10 M: 100400 100800 100c00;
        free 4096, bM 3072, bU 1024, L3 1, PTP 1, F 2`,
    );
  });

  test('8: a mapped request maps a block back and clears it', () => {
    const on = machine(SU);
    expectStep(
      on,
      on.alloc(4, 'U'),
      '100000',
      `types UU*U*U*U*U*U*U*; o4..o8 U: 100010 100020 100040 100080 100100; o9 U*: 100200;
        o10 U*: 100400 100800 100c00; free 4080, bM 0, bU 3584, Z 512`,
    );
  });
});

describe('freetype-series §11: refusals leave the state as it was', () => {
  const unchangedSU = `${SU}; free 4096, bM 0, bU 4096`;

  test('9, 10: no unmapped lists for movable and reclaimable requests', () => {
    for (const type of ['M', 'R'] as const) {
      const on = machine(SU);
      expectStep(on, on.alloc(4, type), 'noBlock', unchangedSU);
    }
  });

  test('11: NOBLOCK forbids the flip', () => {
    const on = machine(S0);
    expectStep(on, on.alloc(4, 'U*', NOBLOCK), 'contextForbidsFlip', `${S0}; free 4096, bM 4096, bU 0`);
  });

  test('12: NOBLOCK may use what is unmapped already', () => {
    const on = machine(SU);
    expectStep(
      on,
      on.alloc(4, 'U*', NOBLOCK),
      '100000',
      `types U*U*U*U*U*U*U*U*; o4..o8 U*: 100010 100020 100040 100080 100100; o9 U*: 100200;
        o10 U*: 100400 100800 100c00; free 4080, bM 0, bU 3584`,
    );
  });

  test('13: without a page table the block goes back, retyped', () => {
    const on = machine(S0);
    on.directMap.pageTableSource = () => false;
    expectStep(
      on,
      on.alloc(4, 'U*'),
      'pageTable',
      `types UUMMMMMM; o10 U: 100000; o10 M: 100400 100800 100c00; free 4096, bM 4096, bU 0`,
    );
  });

  test('13 with more blocks on the list: the block goes back to the head (§4.2 step 8)', () => {
    const on = machine('types UUUUMM; o10 U: 100000 100400; o10 M: 100800');
    on.directMap.pageTableSource = () => false;
    for (const order of [10, 4]) {
      expectStep(
        on,
        on.alloc(order, 'U*'),
        'pageTable',
        'types UUUUMM; o10 U: 100000 100400; o10 M: 100800; free 3072, bM 3072, bU 0',
      );
    }
  });

  // Not of §11. The block that is being flipped is off the lists, so the nested request may fail a mark
  // that the outer one passed; once the outer failure was then reported as one of its own watermark.
  test('13 by the watermark: the nested request fails it, the outer one did not', () => {
    const on = machine('types MMMM; o10 M: 100000 100400', { min: 1600 });
    on.takePageTablesFromCore();
    expectStep(
      on,
      on.alloc(4, 'U*'),
      'pageTable',
      'types UUMM; o10 U: 100000; o10 M: 100400; free 2048, bM 2048, bU 0',
    );
  });

  test('17: no whole block free', () => {
    const lists = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((o) => {
      const offset = 2 ** o;
      return `o${o} M: ${(START + offset).toString(16)} ${(START + 512 + offset).toString(16)}`;
    });
    const start = `types MM; ${lists.join('; ')}`;
    const on = machine(start, { usedPagesMovable: true });
    expectStep(on, on.alloc(0, 'U*'), 'noBlock', `${start}; free 1022, bM 0, bU 0`);
  });

  test('23: the half rule of claims is none of flips', () => {
    const start = 'types R; o8 R: 100100';
    const on = machine(start);
    expectStep(on, on.alloc(0, 'U*'), 'noBlock', `${start}; free 256, bM 0, bU 0`);
  });

  test('31: __GFP_ZERO is refused by v4, and served by v1 and v2', () => {
    const gfp = GFP_KERNEL | GFP_ZERO_BIT;
    const on = machine(S0);
    expectStep(on, on.alloc(4, 'U*', gfp), 'zeroRefused', `${S0}; free 4096, bM 4096, bU 0`);
    for (const series of ['v1', 'v2-dev']) {
      const early = machine(S0, {}, { series });
      expectStep(
        early,
        early.alloc(4, 'U*', gfp),
        '100000',
        `types U*UMMMMMM; o4..o8 U*: 100010 100020 100040 100080 100100; o9 U: 100200;
          o10 M: 100400 100800 100c00; free 4080, bM 3584, bU 0, L3 1, PTP 1, F 2`,
      );
    }
  });
});

describe('freetype-series §11: where a block comes from', () => {
  const half = 'types MU*; o5 M: 100020; o9 U*: 100200';

  test('14: with NOFRAGMENT mapping a block back comes before a steal', () => {
    const on = machine(half, { index: ZONE_NORMAL, usedPagesMovable: true });
    expectStep(
      on,
      on.alloc(4, 'U'),
      '100200',
      'types MU; o4..o8 U: 100210 100220 100240 100280 100300; o5 M: 100020; free 528, bM 0, bU 0, Z 512',
    );
  });

  test('15: without NOFRAGMENT the steal comes first', () => {
    const on = machine(half, { usedPagesMovable: true });
    expectStep(
      on,
      on.alloc(4, 'U'),
      '100020',
      'types MU*; o4 M: 100030; o9 U*: 100200; free 528, bM 0, bU 512',
    );
  });

  test('16: no fallback across the flag; reclaimable before movable', () => {
    const on = machine('types U*RM; o3 U*: 100008; o9 R: 100200; o9 M: 100400');
    expectStep(
      on,
      on.alloc(4, 'U*'),
      '100200',
      `types U*U*M; o3 U*: 100008; o4..o8 U*: 100210 100220 100240 100280 100300; o9 M: 100400;
        free 1016, bM 512, bU 0, F 1`,
    );
  });

  test('19: the claimed neighbour serves the next flip', () => {
    const on = machine(S0);
    expect([on.alloc(9, 'U*'), on.alloc(9, 'U*'), on.alloc(9, 'U*')]).toEqual(['100000', '100200', '100400']);
    on.expectState(
      'types U*U*U*UMMMM; o9 U: 100600; o10 M: 100800 100c00; free 2560, bM 2560, bU 0, L3 1, PTP 1, F 4',
    );
  });

  test('20: each 1G leaf is split once', () => {
    const on = machine('types MMMM; o10 M: 13fc00 140000', { startPfn: 0x13fc00 });
    expect([on.alloc(10, 'U*'), on.alloc(10, 'U*')]).toEqual(['13fc00', '140000']);
    on.expectState('types U*U*U*U*; free 0, bM 0, bU 0, L3 2, PTP 2, F 4');
  });

  test('21: a flip in the first zone comes before the pool of the next', () => {
    const on = new FreetypeMachine([
      { state: 'types U*U*; o10 U*: 80000', startPfn: 0x80000 },
      { state: 'types MM; o10 M: 100000', startPfn: START, index: ZONE_NORMAL },
    ]);
    expect(on.alloc(4, 'U*')).toBe('100000');
    on.expectState('types U*U*; o10 U*: 80000; free 1024, bM 0, bU 1024, L3 1, PTP 1, F 2', 0);
    on.expectState(
      `types U*U; o4..o8 U*: 100010 100020 100040 100080 100100; o9 U: 100200;
        free 1008, bM 512, bU 0, L3 1, PTP 1, F 2`,
      1,
    );
  });

  test('22: the page table comes from the rest of the claimed block', () => {
    const on = machine(S0);
    on.takePageTablesFromCore();
    expectStep(
      on,
      on.alloc(4, 'U*'),
      '100000',
      `types U*UMMMMMM;
        o0..o8 U: 100201 100202 100204 100208 100210 100220 100240 100280 100300;
        o4..o8 U*: 100010 100020 100040 100080 100100; o10 M: 100400 100800 100c00;
        free 4079, bM 3072, bU 0, L3 1, PTP 1, F 2`,
    );
    expect(on.pageTables).toEqual(['100200']);
  });

  test('24: ping-pong of one block', () => {
    const on = machine('types MM; o9 M: 100200', { index: ZONE_NORMAL });
    const round = () => {
      const unmapped = on.alloc(9, 'U*');
      on.free('100200', 9, 'U*');
      const mapped = on.alloc(9, 'U');
      on.free('100200', 9, 'U');
      return [unmapped, mapped];
    };
    expect(round()).toEqual(['100200', '100200']);
    on.expectState('types MU; o9 U: 100200; unmaps 1, maps 1, L3 1, PTP 1, F 2, Z 512');
    expect(round()).toEqual(['100200', '100200']);
    on.expectState('types MU; o9 U: 100200; unmaps 2, maps 2, L3 1, PTP 1, F 3, Z 1024');
    expectStep(on, on.alloc(9, 'M'), '100200', 'types MM; unmaps 2, maps 2, L3 1, PTP 1, F 3, Z 1024');
  });

  test('25: an order 8 leaves a piece that is no whole block', () => {
    const on = machine(SU);
    expectStep(
      on,
      on.alloc(8, 'U*'),
      '100000',
      `types U*U*U*U*U*U*U*U*; o8 U*: 100100; o9 U*: 100200; o10 U*: 100400 100800 100c00;
        free 3840, bM 0, bU 3584`,
    );
  });

  test('26: the own type first', () => {
    const on = machine('types MMMU; o9 M: 100400; o9 U: 100600; o10 M: 100000');
    expectStep(
      on,
      on.alloc(5, 'U*'),
      '100600',
      `types MMMU*; o5..o8 U*: 100620 100640 100680 100700; o9 M: 100400; o10 M: 100000;
        free 2016, bM 1536, bU 0, L3 1, PTP 1, F 2`,
    );
  });

  test('27: order 10 of any type before order 9', () => {
    const on = machine('types MMRM; o9 R: 100400; o10 M: 100000');
    expectStep(
      on,
      on.alloc(5, 'U*'),
      '100000',
      `types U*URM; o5..o8 U*: 100020 100040 100080 100100; o9 U: 100200; o9 R: 100400;
        free 1504, bM 1024, bU 0, L3 1, PTP 1, F 2`,
    );
  });

  test('28: blocks of different flag do not merge, of different type they do', () => {
    const unmapped = machine('types U*M; o9 M: 100200');
    unmapped.free('100000', 9, 'U*');
    unmapped.expectState('types U*M; o9 U*: 100000; o9 M: 100200; free 1024, bM 512, bU 512');
    const mapped = machine('types UM; o9 M: 100200');
    mapped.free('100000', 9, 'U');
    mapped.expectState('types UU; o10 U: 100000; free 1024, bM 1024, bU 0');
  });

  test('29: a direct map of 2M or 4K leaves needs no split', () => {
    for (const largest of [2, 1] as const) {
      const on = machine(S0, {}, { largest });
      expectStep(
        on,
        on.alloc(4, 'U*'),
        '100000',
        `types U*UMMMMMM; o4..o8 U*: 100010 100020 100040 100080 100100; o9 U: 100200;
          o10 M: 100400 100800 100c00; free 4080, bM 3584, bU 0, F 1`,
      );
      const present = [0x100000, 0x1001ff, 0x100200].map((pfn) => on.directMap.isPresent(pfn));
      expect(present).toEqual([false, false, true]);
    }
  });
});

describe('freetype-series §11: with pcp lists', () => {
  // Batch 4 and high 8 make every refill one of 4 pages: alloc_factor grows after a refill that found
  // nothing (freetype-observed §7.1), and high - batch holds it down.
  test('18: a refill of 4, lists 14 and 0, and a drain', () => {
    const on = machine(S0, { pcp: { batch: 4, highMin: 8, highMax: 8 } });
    const costs = 'L3 1, PTP 1, F 2';
    const rest = 'o10 M: 100400 100800 100c00';
    expectStep(
      on,
      on.alloc(0, 'U*'),
      '100000',
      `types U*UMMMMMM; o0..o8 U*: 100001 100002 100004 100008 100010 100020 100040 100080 100100;
        o9 U: 100200; ${rest}; free 4095, ${costs}`,
    );
    const pool = 'o0..o1 U*: 100005 100006; o3..o8 U*: 100008 100010 100020 100040 100080 100100';
    expectStep(
      on,
      on.alloc(0, 'U*'),
      '100001',
      `types U*UMMMMMM; ${pool}; o9 U: 100200; ${rest}; pcp 14: 100002..100004; free 4091, ${costs}`,
    );
    on.free('100000', 0, 'U*');
    on.expectState(
      `types U*UMMMMMM; ${pool}; o9 U: 100200; ${rest}; pcp 14: 100000 100002..100004; free 4091, ${costs}`,
    );
    expectStep(
      on,
      on.alloc(0, 'U'),
      '100200',
      `types U*UMMMMMM; ${pool}; o2..o8 U: 100204 100208 100210 100220 100240 100280 100300; ${rest};
        pcp 0: 100201..100203; pcp 14: 100000 100002..100004; free 4087, ${costs}`,
    );
    on.free('100001', 0, 'U*');
    on.core.drain(-1);
    on.expectState(
      `types U*UMMMMMM; o0..o8 U: 100201 100202 100204 100208 100210 100220 100240 100280 100300;
        o9 U*: 100000; ${rest}; free 4095, bU 512, ${costs}`,
    );
  });

  test('30: 513 requests, a flip at the first and at the last', () => {
    const on = machine(S0, { pcp: { batch: 63, highMin: 126, highMax: 126 } });
    const given = Array.from({ length: 513 }, () => on.alloc(0, 'U*'));
    expect(given).toEqual(Array.from({ length: 513 }, (_, i) => (START + i).toString(16)));
    on.expectState(
      `types U*U*MMMMMM; o0..o8 U*: 100201 100202 100204 100208 100210 100220 100240 100280 100300;
        o10 M: 100400 100800 100c00; free 3583, L3 1, PTP 1, F 3, unmaps 2`,
    );
  });

  // The clause on kernels without huge pages is left out: order 9 always has its lists here.
  test('32: pindex and back', () => {
    const indexOf = (order: number, type: string) => pindexOf(order, freetypeOf(type));
    expect([indexOf(0, 'U'), indexOf(3, 'M'), indexOf(3, 'R'), indexOf(9, 'R'), indexOf(9, 'M')]).toEqual([
      0, 10, 11, 12, 13,
    ]);
    expect([0, 1, 2, 3, 9].map((order) => indexOf(order, 'U*'))).toEqual([14, 15, 16, 17, 18]);
    expect([18, 17, 13, 11].map(orderOfPindex)).toEqual([9, 3, 9, 3]);
    // freetype-series §9.1 item 2: every index belongs to a pair, and gives its order back.
    const used = new Set<number>();
    for (const order of [0, 1, 2, 3, 9]) {
      for (const type of ['U', 'M', 'R', 'U*']) {
        expect(orderOfPindex(indexOf(order, type))).toBe(order);
        used.add(indexOf(order, type));
      }
    }
    expect(used.size).toBe(19);
  });
});

// Bit operators cut a pfn to 32 bits; a pfn has 36.
test('vectors 1 and 8 above pfn 2^32', () => {
  const zone = { startPfn: 2 ** 32 };
  const on = machine('types MM; o10 M: 100000000', zone);
  expectStep(
    on,
    on.alloc(4, 'U*'),
    '100000000',
    `types U*U; o4..o8 U*: 100000010 100000020 100000040 100000080 100000100; o9 U: 100000200;
      free 1008, L3 1, PTP 1, F 2`,
  );
  expect([0, 511, 512].map((page) => on.directMap.isPresent(2 ** 32 + page))).toEqual([false, false, true]);
  on.free(2 ** 32, 4, 'U*');
  on.alloc(9, 'U');
  expectStep(on, on.alloc(9, 'U'), '100000000', 'types UU; free 0, L3 1, PTP 1, F 2, Z 512');
  expect(on.directMap.isPresent(2 ** 32)).toBe(true);
});

// freetype-series §9.1 item 1: more than half of memory unmapped, freed, and more than half of it mapped.
test("the author's own test: both flips run", () => {
  const on = machine(S0);
  const count = 2049;
  const unmapped = Array.from({ length: count }, () => on.alloc(0, 'U*'));
  expect(new Set(unmapped).size).toBe(count);
  for (const pfn of unmapped) {
    expect(on.directMap.isPresent(Number.parseInt(pfn, 16))).toBe(false);
  }
  for (const pfn of unmapped.reverse()) on.free(pfn, 0, 'U*');
  on.expectState(
    `types U*U*U*U*U*UMM; o9 U: 100a00; o9 U*: 100800; o10 M: 100c00; o10 U*: 100000 100400;
      L3 1, PTP 1, F 6, unmaps 5, maps 0`,
  );
  const mapped = Array.from({ length: count }, () => on.alloc(0, 'U'));
  expect(new Set(mapped).size).toBe(count);
  for (const pfn of mapped) expect(on.directMap.isPresent(Number.parseInt(pfn, 16))).toBe(true);
  on.expectState(
    `types UU*U*U*UUUU; o0..o8 U: 100001 100002 100004 100008 100010 100020 100040 100080 100100;
      o9 U*: 100200; o10 U*: 100400; free 2047, L3 1, PTP 1, F 6, Z 1024, unmaps 5, maps 2`,
  );
});
