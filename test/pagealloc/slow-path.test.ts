/** Which requests drain pcp lists and take highatomic blocks back after they failed (page-allocator §5.5). */

import { expect, test } from 'vitest';
import { GFP_COMPOSITES, GFP_KERNEL, GFP_NORETRY_BIT, GFP_THISNODE_BIT } from '../../src/kernel/gfp.js';
import { MIGRATE_MOVABLE, MIGRATE_UNMOVABLE } from '../../src/kernel/migratetypes.js';
import { NO_OBSERVER } from '../../src/pagealloc/core.js';
import { loadSnapshot } from '../../src/pagealloc/load-state.js';
import { PageAllocator } from '../../src/pagealloc/page-allocator.js';
import { machineOf, snapshotOf, type ZoneSetting } from './zone-fixture.js';

/** Pages on a pcp list, and no block of the order that is asked for. */
function allocatorWithPcpPages(): PageAllocator {
  const setting: ZoneSetting = { state: 'types MMMM; o0 M: 1001 1003 1005; pcp 1: 1010 1012; count 2' };
  const allocator = new PageAllocator(machineOf([setting]), NO_OBSERVER);
  loadSnapshot(allocator, snapshotOf([setting]));
  return allocator;
}

const HUGE_PAGE_FAULT = GFP_COMPOSITES.GFP_TRANSHUGE | GFP_THISNODE_BIT | GFP_NORETRY_BIT;

test.each([
  ['a huge-page fault compacts at most: nothing is drained', 9, HUGE_PAGE_FAULT, MIGRATE_MOVABLE, 2],
  ['an ordinary request of high order reclaims, and then drains', 3, GFP_KERNEL, MIGRATE_UNMOVABLE, 0],
  ['an atomic one has no slow path to go', 3, GFP_COMPOSITES.GFP_ATOMIC, MIGRATE_UNMOVABLE, 2],
])('%s', (_title, order, gfp, migratetype, left) => {
  const allocator = allocatorWithPcpPages();
  expect(allocator.alloc(order, migratetype, gfp, 0, migratetype)).toBeLessThan(0);
  expect(allocator.pcp.pages()).toBe(left);
});

test('a page that is freed while it is free is an error, not a knot in a list', () => {
  const allocator = allocatorWithPcpPages();
  expect(() => allocator.free(0x1001, 0, 0)).toThrow(/freed while it is free/);
  expect(() => allocator.free(0x1010, 0, 0)).toThrow(/freed while it is free/);
});
