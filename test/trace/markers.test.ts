// Markers of the capture kit (captures README §2, FREETYPE.md).
import { describe, expect, test } from 'vitest';
import { PLAIN, UNMAPPED } from '../../src/kernel/classes.js';
import { UNKNOWN_MIGRATETYPE } from '../../src/trace/columns.js';
import { KIND } from '../../src/trace/events.js';
import { type ReadRow, readTrace } from './read-trace.js';

const marker = (text: string) =>
  `          ftload-75      [001] d..1.     5.818939: marker: mm-sim: ${text}\n`;

describe('one row each', () => {
  test.each<[string, Partial<ReadRow>]>([
    ['snapshot 8', { kind: KIND.snapshot, a: 8 }],
    [
      'req 12 alloc order=6 migratetype=0 class=unmapped alloc_flags=0x801 gfp=0x12cc0 cpu=1',
      {
        kind: KIND.requestAlloc,
        order: 6,
        migratetype: 0,
        pageClass: UNMAPPED,
        a: 0x801,
        b: 0x12cc0,
        c: 12,
        cpu: 1,
        pid: 75,
      },
    ],
    [
      'req 13 alloc order=0 migratetype=1 class=mapped alloc_flags=0x0 gfp=0x12cc0 cpu=1',
      { kind: KIND.requestAlloc, order: 0, migratetype: 1, pageClass: PLAIN, c: 13 },
    ],
    [
      'req 14 free pfn=0x6c0c order=2 class=unmapped cpu=0',
      { kind: KIND.requestFree, pfn: 0x6c0c, order: 2, pageClass: UNMAPPED, c: 14 },
    ],
    ['req 15 drain_all', { kind: KIND.requestDrainAll, c: 15 }],
    ['req 16 drain_local', { kind: KIND.requestDrainLocal, c: 16 }],
    [
      'res 12 pfn=0x6c00 blockunmapped=1 present=0',
      { kind: KIND.resultPage, pfn: 0x6c00, a: 1, b: 0, c: 12 },
    ],
    ['res 17 none', { kind: KIND.resultNone, c: 17 }],
  ])('%s', async (text, expected) => {
    const { rows, report } = await readTrace(marker(text));
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject(expected);
    expect(report.malformed.count).toBe(0);
    // Numbers of requests are no pfns: they must not speak for an old kernel.
    expect(report.era.decimalPfns).toBe(0);
  });

  test('notes and texts of others are no rows', async () => {
    const { rows, report } = await readTrace(marker('note phase 2') + marker('req x') + marker('res 1 pfn='));
    expect(rows.filter(({ kind }) => kind !== KIND.resultPage)).toEqual([]);
    expect(report.eventsByName.get('marker')).toBe(3);
  });
});

describe('bulk pages', () => {
  const pfns = Array.from({ length: 20 }, (_, i) => 0x1000 + i);
  const text = (from: number, to: number) =>
    marker(
      `bulk gfp=0x100cc0 nr=24 got=20 pfns=${pfns
        .slice(from, to)
        .map((pfn) => `0x${pfn.toString(16)}`)
        .join(',')}`,
    );

  test.each([8192, 5, 3])('a row each, over lines that go on, in batches of %i', async (batchEvents) => {
    const after =
      '          ftload-75      [001] .....     5.818940: mm_page_free: page=0 pfn=0x1000 order=0\n';
    const { rows } = await readTrace(text(0, 16) + text(16, 20) + after, { batchEvents });
    expect(rows.map(({ pfn }) => pfn)).toEqual([...pfns, 0x1000]);
    expect(rows.map(({ line }) => line)).toEqual([...Array(16).fill(1), ...Array(4).fill(2), 3]);
    expect(rows[19]).toMatchObject({
      kind: KIND.bulkPage,
      a: 20,
      b: 24,
      gfp: '0x100cc0',
      order: 0,
      cpu: 1,
      pid: 75,
      comm: 'ftload',
      migratetype: UNKNOWN_MIGRATETYPE,
    });
  });
});

describe('probes', () => {
  const probe = (text: string) => `          ftload-75      [001] .....     5.821641: ${text}\n`;
  test.each<[string, Partial<ReadRow>]>([
    [
      'set_direct_map_valid: (set_direct_map_valid_noflush+0x4/0x80) page=0xffffea00001b0000 nr=512 valid=0',
      { kind: KIND.setDirectMapValid, pfn: 0xea00001b0000, a: 512, b: 0 },
    ],
    [
      'flush_tlb_kernel_range: (flush_tlb_kernel_range+0x4/0x1b0) start=0xffff888006c00000 end=0xffff888006e00000',
      { kind: KIND.flushTlbKernelRange, a: 0x888006c00000, b: 0x888006e00000 },
    ],
    [
      'claim_block: (try_to_claim_block+0x0/0x6a0) zone=0xffff88800bfd95c0 page=0xffffea00001b0000 current_order=10 order=9 start_mt=0 block_mt=1 unmapped=1',
      {
        kind: KIND.claimBlock,
        a: 0x88800bfd95c0,
        pfn: 0xea00001b0000,
        b: 10,
        order: 9,
        migratetype: 0,
        c: 1,
        pageClass: UNMAPPED,
      },
    ],
    [
      'isolate_free_page_ret: (compaction_alloc+0x4e9/0xfd0 <- __isolate_free_page) got=2',
      { kind: KIND.isolateFreePageRet, a: 2 },
    ],
    [
      'mm_compaction_begin: zone_start=0x1000 migrate_pfn=0x1000 free_pfn=0xbe00 zone_end=0xbfdd, mode=sync',
      { kind: KIND.compactionBegin, a: 0x1000, b: 0x1000, c: 0xbe00 },
    ],
    [
      'mm_vmscan_direct_reclaim_begin: order=9 gfp_flags=GFP_NOFS|__GFP_NOWARN pid=141 memcg_id=0 ',
      { kind: KIND.directReclaimBegin, order: 9, gfp: 'GFP_NOFS|__GFP_NOWARN', pid: 75 },
    ],
  ])('%s', async (text, expected) => {
    const { rows } = await readTrace(probe(text), { format: 'ftrace' });
    expect(rows).toMatchObject([expected]);
  });
});
