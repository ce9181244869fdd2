import { describe, expect, test } from 'vitest';
import {
  byOrder,
  fragmentationIndex,
  freePagesOf,
  suitableBlocks,
  unusableFreeIndex,
} from '../../src/metrics/kernel-indices.js';

const none = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/**
 * /proc/buddyinfo with debugfs extfrag/unusable_index and extfrag_index beside it, from running kernels. Only
 * lines that were read at one instant: of the 116 recorded pairs 12 differ by a few thousandths, because
 * pages moved between the two reads (page-allocator §12.4).
 */
const RECORDED = [
  {
    from: 'linux-7.3-pressure-2cpu-probes, DMA',
    free: [171, 109, 33, 19, 7, 8, 2, 0, 1, 0, 0],
    unusable: '0.000 0.120 0.272 0.365 0.472 0.550 0.730 0.820 0.820 1.000 1.000',
    extfrag: '-1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 0.990 0.994',
  },
  {
    from: 'linux-7.3-pressure-2cpu-probes, DMA32',
    free: [4703, 2704, 1542, 683, 266, 110, 30, 14, 6, 3, 2],
    unusable: '0.000 0.122 0.263 0.424 0.566 0.677 0.769 0.819 0.866 0.906 0.946',
    extfrag: '-1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000',
  },
  {
    from: 'a zone with few blocks',
    free: [0, 1, 0, 0, 1, 1, 3, 2, 2, 2, 0],
    unusable: null,
    extfrag: '-1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 0.752',
  },
  {
    from: 'DMA, nothing above order 8',
    free: [1, 1, 1, 2, 2, 1, 2, 2, 1, 0, 0],
    unusable: null,
    extfrag: '-1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 0.814 0.869',
  },
  {
    from: 'zone Normal, much in small blocks',
    free: [2245, 2, 4, 8, 81, 0, 1, 0, 0, 3, 0],
    unusable: null,
    extfrag: '-1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 0.998',
  },
];

function thousandths(line: string): number[] {
  return line.split(' ').map((word) => Math.round(Number(word) * 1000));
}

describe('page-allocator §8.1, §8.2: the kernel printed the same', () => {
  test.each(RECORDED)('$from', ({ free, unusable, extfrag }) => {
    expect(byOrder(fragmentationIndex, free)).toEqual(thousandths(extfrag));
    if (unusable !== null) expect(byOrder(unusableFreeIndex, free)).toEqual(thousandths(unusable));
  });
});

describe('page-allocator §8.1: fragmentation_index', () => {
  test('a zone without free blocks has index 0, whatever the order', () => {
    expect(byOrder(fragmentationIndex, none)).toEqual(none);
  });

  test('a request that would succeed has -1000', () => {
    expect(fragmentationIndex([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 0)).toBe(-1000);
  });

  test('one free page: lack of memory, and so below 0 at order 1', () => {
    // 1000 - (1000 + 1 * 1000 / 2) / 1
    expect(fragmentationIndex([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1)).toBe(-500);
  });

  test('both divisions truncate', () => {
    // F = 3, B = 3: 3000 / 8 = 375; 1375 / 3 = 458.33
    expect(fragmentationIndex([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 3)).toBe(542);
  });
});

describe('page-allocator §8.2: unusable_free_index', () => {
  test('a zone without free memory is wholly unusable', () => {
    expect(byOrder(unusableFreeIndex, none)).toEqual(new Array(11).fill(1000));
  });

  test('truncates', () => {
    // 1 of 3 pages is of no use for order 1
    expect(unusableFreeIndex([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1)).toBe(333);
  });
});

test('sums stay exact where bit operators would be cut to 32 bits: 16 TiB in blocks of 4M', () => {
  const free = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 ** 22];
  expect(freePagesOf(free)).toBe(2 ** 32);
  expect(suitableBlocks(free, 0)).toBe(2 ** 32);
  expect(unusableFreeIndex(free, 10)).toBe(0);
});
