/**
 * A model with a wrong rule must not pass: each test breaks one rule of the allocator and validates a bundled
 * capture that exercises it. Without these, "all exact" could mean that nothing is compared.
 */

import { afterEach, describe, expect, test, vi } from 'vitest';
import { FreeLists } from '../../src/pagealloc/free-lists.js';
import { PageFrames } from '../../src/pagealloc/page-frames.js';
import { PcpLists } from '../../src/pagealloc/pcp-lists.js';
import { Watermarks } from '../../src/pagealloc/watermarks.js';
import { validateCapture } from '../../src/validate/validate.js';
import type { Validation } from '../../src/validate/validation.js';

afterEach(() => vi.restoreAllMocks());

async function validated(name: string): Promise<Validation> {
  const options = { version: '0.0.0', withoutProbes: false, firstMiss: false };
  return (await validateCapture({ ...options, path: `traces/${name}` })).result;
}

const { simulated: unbroken } = await validated('linux-7.3-compaction-1cpu-probes');

function differs({ simulated }: Validation): boolean {
  const { sameBuddyEvents, buddyEvents } = simulated.freeRunning;
  return (
    simulated.missed > unbroken.missed ||
    simulated.pcpListsEqual < unbroken.pcpListsEqual ||
    sameBuddyEvents < buddyEvents
  );
}

describe('one step', () => {
  test('a freed page behind the head of its pcp list (page-allocator §4.5)', async () => {
    const { linkHead } = PageFrames.prototype;
    vi.spyOn(PageFrames.prototype, 'linkHead').mockImplementation(function (this: PageFrames, list, node) {
      const first = this.next[list];
      // Pcp lists are the last of the heads: 19 for each of the two zones.
      const isPcp = list < this.listHeads && list >= this.listHeads - 38;
      linkHead.call(this, isPcp && first !== list ? first : list, node);
    });
    const { simulated } = await validated('linux-7.3-secretmem-1cpu');
    expect(simulated.missed).toBeGreaterThan(0);
  });

  test('free pages at the tail of their list (§2.3)', async () => {
    const { add } = FreeLists.prototype;
    vi.spyOn(FreeLists.prototype, 'add').mockImplementation(function (
      this: FreeLists,
      zone,
      order,
      type,
      node,
    ) {
      add.call(this, zone, order, type, node, true);
    });
    const { recorded, simulated } = await validated('linux-7.3-compaction-1cpu-probes');
    expect(recorded.exact).toBeLessThan(recorded.allocations);
    expect(simulated.missed).toBeGreaterThan(0);
  });

  test('a drain that takes one page too many (§4.8)', async () => {
    const { bulkFree } = PcpLists.prototype;
    vi.spyOn(PcpLists.prototype, 'bulkFree').mockImplementation(function (
      this: PcpLists,
      slot,
      zone,
      pages,
      pindex,
    ) {
      return bulkFree.call(this, slot, zone, pages + 1, pindex);
    });
    expect(differs(await validated('linux-7.3-compaction-1cpu-probes'))).toBe(true);
  });

  test('watermarks that never fail (§5.2)', async () => {
    vi.spyOn(Watermarks.prototype, 'isOkFast').mockReturnValue(true);
    expect(differs(await validated('linux-7.3-compaction-1cpu-probes'))).toBe(true);
  });
});

test('buddy level: no retyping of a block that is claimed below a pageblock (§3.5)', async () => {
  vi.spyOn(FreeLists.prototype, 'moveBlock').mockImplementation(() => {});
  const { recorded } = await validated('linux-7.3-freetype-fill-1cpu');
  expect(recorded.exact).toBeLessThan(recorded.allocations);
});
