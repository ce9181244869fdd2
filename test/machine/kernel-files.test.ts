import { describe, expect, test } from 'vitest';
import { findCapture } from '../../src/machine/capture.js';
import {
  parseBuddyinfo,
  parseFragmentationIndex,
  parsePagetypeinfo,
  parseZoneinfo,
} from '../../src/machine/kernel-files.js';
import { captureCases, haveCaptures } from './shared.js';

test('buddyinfo', () => {
  const text =
    'Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      3 \n';
  expect(parseBuddyinfo(text, 'buddyinfo')).toEqual([
    { node: 0, zone: 'DMA', values: [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 3] },
  ]);
  expect(() => parseBuddyinfo('Node 0, zone DMA 1 2 3\n', 'buddyinfo')).toThrow(
    "'Node 0, zone DMA 1 2 3' is not a line of this kind of file",
  );
});

// page-allocator §8.4: C division cuts toward zero, so that the sign of a small negative value moves.
test('fragmentation indexes', () => {
  const text = `Node 0, zone   Normal -1.000  0.-500  0.000  0.998  0.515  0.001 -1.000 -1.000 -1.000 -1.000 -1.000 \n`;
  expect(parseFragmentationIndex(text, 'extfrag_index')[0].values.slice(0, 6)).toEqual([
    -1000, -500, 0, 998, 515, 1,
  ]);
});

test('pagetypeinfo: capped lists, kernels without CMA', () => {
  const text = `Page block order: 9
Pages per block:  512

Free pages count per migrate type at order       0      1      2      3      4      5      6      7      8      9     10 
Node    0, zone    DMA32, type    Unmovable >100000      1      1      1      0      0      1      0      1      1      0 
Node    0, zone    DMA32, type      Isolate      0      0      0      0      0      0      0      0      0      0      0 

Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic      Isolate 
Node 0, zone    DMA32            4         1524            1            2            3 

Number of mixed blocks    Unmovable      Movable  Reclaimable   HighAtomic      Isolate 
Node 0, zone    DMA32            9            9            9            9            9 
`;
  const { lists, blocks } = parsePagetypeinfo(text, 'pagetypeinfo');
  expect(lists).toMatchObject([
    { type: 'Unmovable', capped: 1, values: [100000, 1, 1, 1, 0, 0, 1, 0, 1, 1, 0] },
    { type: 'Isolate', capped: 0 },
  ]);
  expect(blocks).toEqual([{ node: 0, zone: 'DMA32', byMigratetype: [4, 1524, 1, 2, 0, 3] }]);
});

describe.skipIf(!haveCaptures)('recorded copies', () => {
  test.each(captureCases)('%s', async (_name, folder) => {
    const capture = (await findCapture(folder))!;
    for (const end of ['before', 'after'] as const) {
      const text = async (name: string) => (await capture.copy(end, name)) ?? '';
      const zones = parseZoneinfo(await text('zoneinfo'), 'zoneinfo').map((zone) => zone.name);
      const buddyinfo = parseBuddyinfo(await text('buddyinfo'), 'buddyinfo');
      const { lists, blocks } = parsePagetypeinfo(await text('pagetypeinfo'), 'pagetypeinfo');
      expect(buddyinfo.map((row) => row.zone)).toEqual(zones);
      expect(blocks.map((row) => row.zone)).toEqual(zones);
      const types =
        capture.info.series === undefined ? (capture.info.kernel.release.startsWith('6') ? 5 : 6) : 7;
      expect(lists).toHaveLength(zones.length * types);
      // Recorded by one script, one after the other: small differences only where tasks still ran.
      const extfrag = await text('extfrag_index');
      if (extfrag === '') continue;
      expect(parseFragmentationIndex(extfrag, 'extfrag_index').map((row) => row.zone)).toEqual(zones);
      const unusable = parseFragmentationIndex(await text('unusable_index'), 'unusable_index');
      for (const row of unusable)
        for (const value of row.values) expect(value >= 0 && value <= 1000).toBe(true);
    }
  });
});
