import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT, UserError } from '../../src/kernel/errors.js';
import { findCapture } from '../../src/machine/capture.js';
import { countPages } from '../../src/machine/pfn-ranges.js';
import { machineOfSnapshot } from '../../src/machine/snapshot-machine.js';
import { parseState, readStateFile } from '../../src/machine/state-file.js';
import { captureCases, haveCaptures } from './shared.js';
import { type StateTextOptions, stateText } from './state-text.js';

const parse = (text: string) => parseState(Buffer.from(text), 'state.txt');
const read = (options: StateTextOptions = {}) => parse(stateText(options));

/** The error as the command line words it. */
function errorOf(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof UserError) || error.exitCode !== EXIT.badInput) throw error;
    return `${error.place?.file}:${error.place?.line ?? '-'}: ${error.message}`;
  }
  throw new Error('no error');
}

describe('what a state file says', () => {
  test('head and variables', () => {
    const state = read();
    expect(state).toMatchObject({
      number: 1,
      kernel: '7.3-cloud-amd64',
      cpus: 1,
      structPage: 64,
      lastPfn: 0x800,
    });
    expect(state.vmemmap).toBe(0xea0000000000);
    expect(state.pageOffset).toBe(0x888000000000);
    expect(state.freetypes).toBe(false);
    expect(state.variables.get('min_free_kbytes')).toBe('300');
    expect(state.vmevents.get('pgfree')).toBe(119030);
  });

  test('zone', () => {
    expect(read().zones).toEqual([
      {
        zone: 0,
        address: 0x88800bfd8e80,
        startPfn: 1,
        spanned: 2047,
        present: 1950,
        managed: 1792,
        watermark: { min: 75, low: 93, high: 111, promo: 129 },
        boost: 512,
        lowmemReserve: [0, 0, 0, 0, 0],
        boosted: true,
        reclaimActive: false,
        belowHigh: false,
        nrReservedHighatomic: 0,
        nrFreeHighatomic: 0,
        pcpSizes: { batch: 1, highMin: 93, highMax: 224 },
        nrFreePages: 530,
        nrFreePagesPerCpu: [-2],
        nrFreeCma: 0,
        statThreshold: 2,
        percpuDriftMark: 0,
      },
    ]);
  });

  test('free lists, head first, over several lines', () => {
    const movable = read().freeLists.find((list) => list.order === 0 && list.freetype === 1)!;
    expect([...movable.pfns]).toEqual(Array.from({ length: 17 }, (_, i) => 0x401 + 2 * i));
  });

  // captures/README §3: 6.12 has no CMA, its Isolate is 4 and must not be read as CMA.
  test.each(['6.12', '7.3'] as const)('migratetypes of %s are renumbered', (kernel) => {
    const state = read({ kernel });
    expect(state.freeLists.filter((list) => list.pfns[0] === 0x1ff).map((list) => list.freetype)).toEqual([
      5,
    ]);
    expect(state.pageblocks[0]).toMatchObject({ migratetype: 5, isolate: true });
    expect(state.freeLists.some((list) => list.freetype === 4)).toBe(kernel !== '6.12');
  });

  // captures/FREETYPE.md: the row of idx 6 says migratetype=0, and is not part of the row of idx 0.
  test('unmapped lists and blocks of the freetype kernel', () => {
    const state = read({ kernel: 'freetype' });
    expect(state.freetypes).toBe(true);
    const holding = state.freeLists.filter((list) => list.pfns.includes(0x208));
    expect(holding).toMatchObject([{ order: 3, freetype: 6 }]);
    expect(state.pageblocks.map((run) => run.unmapped)).toEqual([false, true, false]);
    expect(state.pcps[0].lists.map((list) => list.index)).toEqual([0, 4, 12, 18]);
  });

  test('pcp lists and pageblocks', () => {
    const state = read();
    const { lists, ...pcp } = state.pcps[0];
    expect(pcp).toEqual({
      zone: 0,
      cpu: 0,
      address: 0x88800b82b100,
      count: 3,
      high: 93,
      highMin: 93,
      highMax: 224,
      batch: 1,
      flags: 2,
      allocFactor: 1,
      freeCount: -4,
    });
    expect(lists.map((list) => [list.index, ...list.pfns])).toEqual([[0, 0x300], [4, 0x302], [12]]);
    expect(state.pageblocks).toMatchObject([
      { startPfn: 0, blocks: 1 },
      { startPfn: 0x200, blocks: 1, migratetype: 0, skip: true, isolate: false },
      { startPfn: 0x400, blocks: 2, migratetype: 1, skip: false, isolate: true },
    ]);
  });

  test('direct map and uses of pages', () => {
    const state = read();
    expect(state.directMap).toEqual([
      { startPfn: 0, pages: 512, level: '4K', bits: 0x103, nx: true, pageTable: 0x1d5 },
      { startPfn: 0x200, pages: 1536, level: '2M', bits: 0x183, nx: true, pageTable: 0 },
      { startPfn: 0x800, pages: 512, level: 'none', bits: 0, nx: false, pageTable: 0 },
    ]);
    expect(state.pageUses).toEqual([{ startPfn: 1, pages: 255, use: 'reserved', order: 0 }]);
  });
});

describe('damage', () => {
  const text = stateText();
  const lineOf = (start: string) => text.split('\n').findIndex((line) => line.startsWith(start)) + 1;

  test.each([
    ['mm-sim-state 1', 'mm-sim-state 2', '1: state format 2 is not known; this mm-sim reads format 1'],
    ['mm-sim-state 1', '# tracer: nop', "1: this is no state file: the first line must be 'mm-sim-state 1'"],
    ['end cut=0', 'end cut=1', `${lineOf('end')}: the dump was cut when it was made`],
    ['end cut=0\n', '', `${lineOf('end') - 1}: the file stops before its 'end' line`],
    ['+ 0x600', '+ 0x601', '-: page 0x601 is on a list of order 9, but not aligned'],
    ['+ 0x600', '+ 0x800', '-: page 0x800 is on a list of zone DMA, but outside of it'],
    ['+ 0x300', '+ 0x401', '-: page 0x401 is in two free blocks'],
    ['+ 0x300', '+ 0x3g0', `${lineOf('+ 0x300')}: pfn: '0x3g0' is not an integer`],
    ['+ 0x300\n', '', `${lineOf('+ 0x300') - 1}: the list has n=1, but 0 pfns follow`],
    ['count=3 ', 'count=4 ', '-: pcp of CPU 0, zone DMA: count=4, but its lists hold 3 pages'],
    [
      'order=0 nr_free=18',
      'order=0 nr_free=19',
      `${lineOf('freearea')}: nr_free=19, but the lists of the order hold 18 entries`,
    ],
    [
      'index=12 order=9',
      'index=12 order=8',
      `${lineOf('pcplist node=0 zone=DMA cpu=0 index=12')}: pcp list 12 is not of order 8`,
    ],
    [
      'page_size 4096',
      'page_size 16384',
      `${lineOf('page_size')}: page_size is 16384; mm-sim models 4096 alone`,
    ],
    [' low=93 ', ' ', `${lineOf('watermark')}: a 'watermark' line has no low=`],
    [
      'zone node=0 zone=DMA index=0',
      'zone node=1 zone=DMA index=0',
      `${lineOf('zone ')}: the machine has more than one node; mm-sim models one`,
    ],
  ])('%j to %j', (from, to, expected) => {
    expect(text).toContain(from);
    expect(errorOf(text.replace(from, to))).toBe(`state.txt:${expected}`);
  });

  test('cut at every byte: an error, never half a state', () => {
    const bytes = Buffer.from(text);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseState(bytes.subarray(0, length), 'state.txt')).toThrow(UserError);
    }
    expect(() => parseState(bytes, 'state.txt')).not.toThrow();
  });

  test('one bit flipped: a state or one clear error', () => {
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (position, bit) => {
        const damaged = Buffer.from(bytes);
        damaged[position] ^= 1 << bit;
        try {
          parseState(damaged, 'state.txt');
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          expect(error.exitCode).toBe(EXIT.badInput);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('files', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mm-sim-state-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const problemOf = (path: string) =>
    readStateFile(path).then(
      () => 'none',
      (error: UserError) => `${basename(error.place?.file ?? '')}: ${error.message}`,
    );

  test('gzipped or not, whatever the name', async () => {
    const text = stateText();
    await writeFile(join(folder, 'state.txt.gz'), text);
    await writeFile(join(folder, 'state'), gzipSync(text));
    const [plain, packed] = await Promise.all([
      readStateFile(join(folder, 'state.txt.gz')),
      readStateFile(join(folder, 'state')),
    ]);
    expect(packed).toEqual(plain);
  });

  test('missing, cut and damaged', async () => {
    const packed = gzipSync(stateText());
    await writeFile(join(folder, 'cut.gz'), packed.subarray(0, packed.length - 100));
    const damaged = Buffer.from(packed);
    damaged[packed.length >> 1] ^= 0x10;
    await writeFile(join(folder, 'damaged.gz'), damaged);
    expect(await problemOf(join(folder, 'none.gz'))).toBe('none.gz: cannot be read (there is no such file)');
    expect(await problemOf(join(folder, 'cut.gz'))).toBe('cut.gz: the gzip data ends too early');
    expect(await problemOf(join(folder, 'damaged.gz'))).toBe('damaged.gz: the gzip data is damaged');
  });
});

test('the machine of a snapshot', () => {
  const machine = machineOfSnapshot(read({ kernel: 'freetype' }), { name: 'small' });
  expect(machine).toMatchObject({
    name: 'small',
    cpus: 1,
    minFreeKbytes: 300,
    watermarkBoostFactor: 15000,
    gbPages: true,
    tlbFlushCeiling: 33,
    freeHighBatch: true,
    endPfn: 0x800,
    ram: [
      { start: 1, end: 0xa0 },
      { start: 0x100, end: 0x800 },
    ],
    reserved: [{ start: 1, end: 0xa0 }],
  });
  expect(machine.rules.version).toBe('7.3');
  expect(machine.zones).toMatchObject([
    { name: 'DMA', startPfn: 1, endPfn: 0x800, managed: 1792, boost: 512 },
  ]);
});

// DESIGN §2: a capture of a kernel below 6.12 does not fit; --kernel is the way out.
test('a snapshot of an old kernel is refused unless rules are named', () => {
  const old = parse(stateText().replace('7.3-cloud-amd64', '6.1.0-18-amd64'));
  expect(() => machineOfSnapshot(old, { name: 'old' })).toThrow(
    expect.objectContaining({
      exitCode: EXIT.doesNotFit,
      message: 'old is of kernel 6.1.0-18-amd64, whose rules are not known',
    }),
  );
  expect(machineOfSnapshot(old, { name: 'old', kernel: '6.12' }).rules.version).toBe('6.12');
});

// page-allocator §6.5: the sizes of each CPU's lists depend on the number of CPUs; the marks do not.
test('another number of CPUs', () => {
  const machine = machineOfSnapshot(read(), { name: 'small', cpus: 4 });
  expect(machine.cpus).toBe(4);
  // (low 93 + boost 512) / 4 and (1792 / 8) / 4.
  expect(machine.zones[0].pcp).toEqual({ batch: 1, highMin: 151, highMax: 56 });
  expect(machine.zones[0].watermark.low).toBe(93);
});

describe.skipIf(!haveCaptures)('recorded states', () => {
  test.each(captureCases)('%s', async (_name, folder) => {
    const capture = (await findCapture(folder))!;
    const before = await capture.before();
    const after = (await capture.after())!;
    const middle = await Promise.all(capture.middle.map((state) => state.read()));
    expect([before.number, after.number]).toEqual([1, 2]);
    expect(middle.map((state) => state.number)).toEqual(capture.middle.map((state) => state.number));
    // The recorder counted the same pages (captures/README §5).
    const raw = capture.info.pages!;
    expect(freePages(before)).toBe(raw.freeBefore);
    expect(freePages(after)).toBe(raw.freeAfter);
    expect(pcpPages(before)).toBe(raw.pcpBefore);
    expect(pcpPages(after)).toBe(raw.pcpAfter);

    const machine = machineOfSnapshot(before, { name: capture.name, iomem: await capture.iomem() });
    expect(machine.rules.version).toBe(capture.info.kernel.release.startsWith('6.12') ? '6.12' : '7.3');
    for (const zone of machine.zones) {
      // Three sources agree: iomem gives present, the uses of pages give what is reserved.
      const inZone = (range: { start: number; end: number }) =>
        Math.max(0, Math.min(range.end, zone.endPfn) - Math.max(range.start, zone.startPfn));
      const present = machine.ram.reduce((sum, range) => sum + inZone(range), 0);
      const reserved = machine.reserved.reduce((sum, range) => sum + inZone(range), 0);
      expect([present, present - reserved]).toEqual([zone.present, zone.managed]);
    }
    expect(machine.endPfn).toBe(machine.ram.at(-1)!.end);
    expect(countPages(machine.ram)).toBeGreaterThan(0);
  });
});

type State = ReturnType<typeof parseState>;

/** NR_FREE_PAGES counts no isolated pages; the recorder's sum is of all lists. */
function freePages(state: State): number {
  return state.freeLists.reduce((sum, list) => sum + list.pfns.length * 2 ** list.order, 0);
}

function pcpPages(state: State): number {
  return state.pcps.reduce((sum, pcp) => sum + pcp.count, 0);
}
