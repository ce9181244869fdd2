/**
 * A hand-made machine, two runs and their result: small enough to check every number on paper, large enough to have
 * thousands separators. test/metrics uses the inputs, test/output the result.
 */

import { DirectMapCounts, FLUSH_CAUSE_INDEX, type FlushCause } from '../../src/directmap/counts.js';
import { UNMAPPED } from '../../src/kernel/classes.js';
import { rulesFor } from '../../src/kernel/rules.js';
import type { Machine, Zone } from '../../src/machine/machine.js';
import { Accounting } from '../../src/metrics/accounting.js';
import { DEFAULT_COST_PRESET } from '../../src/metrics/cost.js';
import type { RunInputs } from '../../src/metrics/metric.js';
import { makeResult, type Result, type ResultHead, type Run, readRun } from '../../src/metrics/result.js';
import { FAILED_CONTEXT_FORBIDS_FLIP, FAILED_NO_BLOCK } from '../../src/pagealloc/core.js';
import { AllocatorCounters, FALLBACK_CLAIM, FALLBACK_STEAL } from '../../src/pagealloc/counters.js';
import type { MemoryView } from '../../src/pagealloc/memory-view.js';

/** DMA and DMA32 after the capture linux-7.3-pressure-2cpu-probes, and a zone Normal made up. */
const MOVABLE_BLOCKS = [
  [168, 106, 30, 17, 5, 8, 2, 0, 1, 0, 0],
  [4685, 2687, 1536, 680, 266, 109, 30, 13, 6, 3, 2],
  [123_456, 40_321, 9_876, 1_204, 310, 77, 40, 12, 5, 0, 0],
];
const UNMOVABLE_BLOCKS = [
  [3, 3, 3, 2, 2, 0, 0, 0, 0, 0, 0],
  [18, 17, 6, 3, 0, 1, 0, 1, 0, 0, 0],
  [1_000, 500, 250, 0, 0, 0, 0, 0, 0, 0, 0],
];

function zone(index: number, name: string, startPfn: number, managed: number): Zone {
  return {
    index,
    name,
    startPfn,
    endPfn: startPfn + managed,
    present: managed,
    managed,
    watermark: { min: 0, low: 0, high: 0, promo: 0 },
    boost: 0,
    lowmemReserve: [0, 0, 0, 0, 0],
    pcp: { batch: 63, highMin: 0, highMax: 0 },
    statThreshold: 0,
    hasDriftMark: false,
  };
}

export const MACHINE: Machine = {
  name: 'fixture',
  rules: rulesFor('7.3')!.rules,
  cpus: 4,
  ram: [{ start: 0, end: 2 ** 22 }],
  reserved: [],
  zones: [zone(0, 'DMA', 1, 3_840), zone(1, 'DMA32', 4_096, 503_808), zone(2, 'Normal', 2 ** 20, 3_538_944)],
  endPfn: 2 ** 22,
  minFreeKbytes: 16_384,
  watermarkBoostFactor: 15_000,
  gbPages: true,
  tlbFlushCeiling: 33,
  invlpgb: false,
  freeHighBatch: false,
};

/** Free lists of the tables above, and so many free pages of order 0 on unmapped blocks of zone Normal. */
export function memory({ unmapped = 0, free2M = 7 } = {}): MemoryView {
  return {
    zones: MACHINE.zones,
    freeListLength: (position, order, freetype) => {
      if (freetype === 0) return UNMOVABLE_BLOCKS[position][order];
      if (freetype === 1) return MOVABLE_BLOCKS[position][order];
      return freetype === 6 && position === 2 && order === 0 ? unmapped : 0;
    },
    pageblocksByFreetype: () => [412, 7_310, 180, 0, 0, 0, unmapped === 0 ? 0 : 14],
    mixedPageblocks: () => 241,
    free2M: () => free2M,
    unmovableRanges: (order) => (order === 9 ? [1_204, 7_902] : order === 13 ? [310, 494] : [16, 16]),
    pcpPages: () => 900,
  };
}

interface Flushes {
  level2: number;
  level3: number;
  ranged: number;
  byCause: { [cause in FlushCause]?: number };
}

function directMapCounts({ level2, level3, ranged, byCause }: Flushes): DirectMapCounts {
  const counts = new DirectMapCounts();
  counts.level2Splits = level2;
  counts.level3Splits = level3;
  counts.pageTablePages = level2 + level3;
  for (const [cause, count] of Object.entries(byCause))
    counts.byCause[FLUSH_CAUSE_INDEX[cause as FlushCause]] = count;
  const flushes = counts.byCause.reduce((sum, count) => sum + count, 0);
  counts.fullFlushes = flushes - ranged;
  counts.rangedFlushes = ranged;
  counts.pagesFlushed = ranged;
  counts.entriesChanged = 2 * ranged;
  return counts;
}

function accounting(failed: number, reason: number): Accounting {
  const counted = new Accounting();
  counted.requests = 812_343;
  counted.failed = failed;
  counted.served = counted.requests - failed;
  counted.failedByReason[-reason] = failed;
  counted.failedByOrder[9] = failed;
  counted.freedPages = 790_002;
  counted.livePages = 118_402;
  counted.peakPages = 240_117;
  counted.pagesServed = 1_206_016 - failed * 512;
  counted.classRequests[UNMAPPED] = 6_112;
  counted.classServed[UNMAPPED] = 6_112;
  counted.classPages[UNMAPPED] = 6_112;
  counted.classPeakPages[UNMAPPED] = 5_000;
  counted.free2MMin = 3;
  return counted;
}

/** Per-page unmapping: a ranged flush a page, and splits all over memory. */
export function baselineInputs({ failed = 0 } = {}): RunInputs {
  const counters = new AllocatorCounters();
  counters.pcpRefills = 20_112;
  counters.pcpDrains = 1_830;
  counters.zoneLockTakes = 22_410;
  counters.listSteps = 1_620_334;
  for (let n = 0; n < 3; n++) counters.countFallback(FALLBACK_CLAIM, 0, 1, 10);
  for (let n = 0; n < 5; n++) counters.countFallback(FALLBACK_STEAL, 0, 1, 3);
  for (let n = 0; n < 2; n++) counters.countFallback(FALLBACK_STEAL, 0, 2, 0);
  for (let n = 0; n < 4; n++) counters.countFallback(FALLBACK_CLAIM, 1, 0, 9);
  counters.countFallback(FALLBACK_CLAIM, 2, 1, 8);
  return {
    accounting: accounting(failed, FAILED_NO_BLOCK),
    counters,
    memory: memory(),
    directMap: {
      counts: directMapCounts({
        level2: 1_204,
        level3: 2,
        ranged: 6_112,
        byCause: { split: 1_206, perPage: 6_112 },
      }),
      before: { '4K': 512, '2M': 2_047, '1G': 14 },
      after: { '4K': 616_960, '2M': 1_867, '1G': 12 },
      mappedPages: 4_718_592,
      nonGlobal2M: 0,
    },
    tlbCpus: [1, 8, 64, 256],
    machine: MACHINE,
    costPreset: DEFAULT_COST_PRESET,
    probe: null,
    pool: null,
  };
}

/** Whole pageblocks: a full flush a flip, no 2M split, free pages that others cannot use. */
export function freetypeInputs({ failed = 0, probe = false } = {}): RunInputs {
  const base = baselineInputs();
  const counters = new AllocatorCounters();
  counters.pcpRefills = 20_201;
  counters.pcpDrains = 1_844;
  counters.zoneLockTakes = 22_530;
  counters.listSteps = 1_621_002;
  counters.countFallback(FALLBACK_CLAIM, 0, 1, 10);
  counters.flipsToUnmapped = 18;
  counters.blocksToUnmapped = 20;
  counters.flipsToMapped = 6;
  counters.blocksToMapped = 6;
  counters.flipsRefused[-FAILED_CONTEXT_FORBIDS_FLIP] = 4;
  counters.zeroedPages = 3_072;
  const counted = accounting(failed, FAILED_CONTEXT_FORBIDS_FLIP);
  counted.nestedPageTables = 2;
  counted.nestedDepthMax = 1;
  counted.strandedAtFailures = failed > 0 ? 1_200 : 0;
  return {
    ...base,
    accounting: counted,
    counters,
    memory: memory({ unmapped: 2_168, free2M: 5 }),
    directMap: {
      counts: directMapCounts({ level2: 0, level3: 2, ranged: 0, byCause: { split: 2, flipToUnmapped: 18 } }),
      before: { '4K': 512, '2M': 2_047, '1G': 14 },
      after: { '4K': 512, '2M': 3_071, '1G': 12 },
      mappedPages: 4_718_592,
      nonGlobal2M: 6,
    },
    probe: probe ? { tried: 412, served: 400, failedByReason: [0, 2, 10, 0, 0, 0, 0, 0, 0] } : null,
    pool: { pages: () => 2_168, most: () => 5_120, uselessFor: () => 0 },
  };
}

export const HEAD: Omit<ResultHead, 'schema'> = {
  tool: { version: '0.1.0' },
  trace: {
    name: 'secretmem.txt.gz',
    sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    format: 'ftrace',
    kernel: '7.3-cloud-amd64',
    events: 1_604_118,
    cpus: 4,
    spanNs: 41_204_118_000,
    grade: 'B',
    reasons: [
      'no start state lies beside the trace, so 118,402 pages are taken as live by their first event',
    ],
  },
  machine: {
    pages: 4_046_592,
    zones: MACHINE.zones.map(({ name, startPfn, managed }) => ({ zone: name, startPfn, managed })),
    cpus: 4,
    kernel: '7.3',
    start: 'trace',
  },
  marks: [
    {
      class: 'unmapped',
      expression: 'comm == "secretmem" && migratetype == 0 && gfp_flags & __GFP_HARDWALL',
      requests: 6_112,
    },
  ],
  recorded: {
    splits: { level2: 1_204, level3: 2 },
    shootdowns: { full: 1_206, ranged: 6_112 },
    extfrag: { all: 15, fragmenting: 8, forUnmovable: 7, unmovableIntoMovable: 5 },
  },
};

export function baselineRun(options = {}): Run {
  return readRun(baselineInputs(options), { name: 'baseline', params: {}, spec: 'baseline' });
}

export function freetypeRun(options = {}, spec = 'freetype'): Run {
  return readRun(freetypeInputs(options), { name: 'freetype', params: { series: 'v4' }, spec });
}

export function result(runs: readonly Run[], head: Omit<ResultHead, 'schema'> = HEAD): Result {
  return makeResult(head, runs);
}
