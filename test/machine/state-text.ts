/** A small state file with all kinds of records, to be damaged by tests: 8 MiB, one CPU. */

export interface StateTextOptions {
  /** 6.12 has no CMA: Isolate is 4. Default 7.3. */
  readonly kernel?: '6.12' | '7.3' | 'freetype';
}

export function stateText({ kernel = '7.3' }: StateTextOptions = {}): string {
  const where = 'node=0 zone=DMA';
  const types = kernel === '6.12' ? ['0', '1', '2', '3', '4'] : ['0', '1', '2', '3', '4', '5'];
  const release = {
    '6.12': '6.12.117+deb13-cloud-amd64',
    '7.3': '7.3-cloud-amd64',
    freetype: '7.3.0-rc7-port+',
  };
  const series = kernel === 'freetype';
  const isolate = types.length - 1;
  const lines = [
    'mm-sim-state 1',
    'snapshot 1',
    `kernel ${release[kernel]}`,
    'cpus 1',
    'page_size 4096',
    'vmemmap 0xffffea0000000000',
    'struct_page 64',
    'page_offset 0xffff888000000000',
    'last_pfn 0x800',
    'max_order 10',
    'pageblock_order 9',
    kernel === '6.12'
      ? 'migratetypes Unmovable=0 Movable=1 Reclaimable=2 HighAtomic=3 Isolate=4'
      : 'migratetypes Unmovable=0 Movable=1 Reclaimable=2 HighAtomic=3 CMA=4 Isolate=5',
    ...(series ? ['freetypes flags=1 Unmapped_bit=5 idxs=7 pcp_lists=19'] : []),
    'pcp_batch_scale_max 5',
    'var min_free_kbytes 300',
    'var watermark_boost_factor 15000',
    'var tlb_single_page_flush_ceiling 33',
    'var direct_gbpages 1',
    'node id=0 start_pfn=0x1 spanned=2047 present=1950 kswapd_order=0 kswapd_highest_zoneidx=4',
    `zone ${where} index=0 addr=0xffff88800bfd8e80 start_pfn=0x1 spanned=2047 present=1950 managed=1792 cma=0`,
    `watermark ${where} min=75 low=93 high=111 promo=129 boost=512`,
    `reserve ${where} lowmem_reserve=0,0,0,0,0`,
    `zonestate ${where} flags=0x0 boosted=1 reclaim_active=0 below_high=0 nr_reserved_highatomic=0 nr_free_highatomic=0 percpu_drift_mark=0 pageset_high_min=93 pageset_high_max=224 pageset_batch=1`,
    `compact ${where} cached_free_pfn=0x0`,
    `zonestat ${where} item=nr_free_pages value=530 percpu=-2`,
    `zonestat ${where} item=nr_free_cma value=0 percpu=0`,
    `zonestat_threshold ${where} percpu=2`,
  ];
  for (let order = 0; order <= 10; order++) {
    const at = (type: number, pfns: number[]) => {
      const extra = series ? ` freetype_idx=${type} unmapped=0` : '';
      lines.push(`free ${where} order=${order} migratetype=${type} n=${pfns.length}${extra}`, ...rows(pfns));
    };
    const movable =
      order === 0 ? Array.from({ length: 17 }, (_, i) => 0x401 + 2 * i) : order === 9 ? [0x600] : [];
    const isolated = order === 0 ? [0x1ff] : [];
    const unmapped = series && order === 3 ? [0x208] : [];
    lines.push(
      `freearea ${where} order=${order} nr_free=${movable.length + isolated.length + unmapped.length}`,
    );
    for (const type of types.keys()) at(type, type === 1 ? movable : type === isolate ? isolated : []);
    if (series) {
      lines.push(
        `free ${where} order=${order} migratetype=0 n=${unmapped.length} freetype_idx=6 unmapped=1`,
        ...rows(unmapped),
      );
    }
  }
  lines.push(
    `pcp ${where} cpu=0 addr=0xffff88800b82b100 count=3 high=93 high_min=93 high_max=224 batch=1 flags=0x2 alloc_factor=1 free_count=-4 expire=3`,
    `pcplist ${where} cpu=0 index=0 order=0 migratetype=0 n=1`,
    '+ 0x300',
    `pcplist ${where} cpu=0 index=4 order=1 migratetype=1 n=1`,
    '+ 0x302',
    `pcplist ${where} cpu=0 index=12 order=9 migratetype=0,2 n=0`,
    ...(series ? [`pcplist ${where} cpu=0 index=18 order=9 migratetype=0 n=0 unmapped=1`] : []),
    `pageblocks ${where} start=0x0 blocks=1 migratetype=${isolate} skip=0 isolate=0 raw=0x4`,
    `pageblocks ${where} start=0x200 blocks=1 migratetype=0 skip=1 isolate=0${series ? ' unmapped=1' : ''} raw=0x8`,
    `pageblocks ${where} start=0x400 blocks=2 migratetype=1 skip=0 isolate=1 raw=0x11`,
    `pageblocks ${where} start=0x800 blocks=64 absent=1`,
    'vmevent pgfree 119030',
    'directmap start=0x0 pages=512 level=4K flags=0x8000000000000103 pt=0x1d5',
    'directmap start=0x200 pages=1536 level=2M flags=0x8000000000000183 pt=0x0',
    'directmap start=0x800 pages=512 level=none',
    `pages ${where} start=0x1 n=255 class=reserved order=0`,
    'newkind that=nobody knows=yet',
    'end cut=0',
  );
  return `${lines.join('\n')}\n`;
}

function rows(pfns: number[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < pfns.length; i += 16) {
    const words = pfns.slice(i, i + 16).map((pfn) => `0x${pfn.toString(16)}`);
    lines.push(`+ ${words.join(' ')}`);
  }
  return lines;
}
