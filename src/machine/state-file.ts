/**
 * Reads a state file (state.txt, state.txt.gz) of a capture: every free list, pcp list and pageblock of a
 * kernel at one instant. Format: captures/README §3, additions of the freetype kernel: captures/FREETYPE.md.
 *
 * Kinds that are not known are skipped, as the format demands. Kinds that are known must be whole: a list
 * with one page too few gives wrong answers long after, so each count is compared here (state-check.ts).
 * Migratetypes leave this file in the numbering of kernel/migratetypes.ts.
 */

import { FREETYPE_UNMAPPED_UNMOVABLE, MIGRATE_ISOLATE } from '../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, PAGE_SIZE, PAGEBLOCK_ORDER } from '../kernel/orders.js';
import { MAX_NR_ZONES } from './machine.js';
import { readBytes } from './read-file.js';
import type {
  DirectMapRun,
  FreeListState,
  PageblockRun,
  PageUseRun,
  PcpListState,
  PcpState,
  StateSnapshot,
  ZoneRecord,
} from './snapshot.js';
import { checkFreeLists, checkNrFree, checkPcps, orderOfPcpList } from './state-check.js';
import { StateLine } from './state-line.js';
import {
  checkHeader,
  checkOrder,
  completeZone,
  type Draft,
  directMapRun,
  NO_STATE_FILE,
  pageUseRun,
  RECORD_AGAIN,
  renumbering,
} from './state-rows.js';

/** Kinds with one value and no name for it. */
const BARE_KINDS = [
  'snapshot',
  'kernel',
  'cpus',
  'page_size',
  'vmemmap',
  'struct_page',
  'page_offset',
  'last_pfn',
  'max_order',
  'pageblock_order',
];

/** The snapshot in `path`; what is wrong with the file is a UserError with its line. */
export async function readStateFile(path: string): Promise<StateSnapshot> {
  return parseState(await readBytes(path), path);
}

/** The same from bytes already read; `file` is the name for messages. */
export function parseState(bytes: Uint8Array, file: string): StateSnapshot {
  const builder = new StateBuilder(file);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = 0;
  // Line by line from the bytes: a string of the whole file has a limit, 512 MB, which large machines reach.
  while (start < text.length) {
    const newline = text.indexOf(10, start);
    // A last line without its end is cut: it is left out, and finish() misses the 'end' record.
    if (newline < 0) break;
    const end = newline > start && text[newline - 1] === 13 ? newline - 1 : newline;
    builder.line(text.toString('latin1', start, end));
    start = newline + 1;
  }
  return builder.finish();
}

/** A list while its `+` lines arrive. */
interface OpenList {
  readonly announced: number;
  readonly pfns: number[];
  readonly line: StateLine;
  close(pfns: Float64Array): void;
}

class StateBuilder {
  private readonly file: string;
  private lineNumber = 0;
  private readonly bare = new Map<string, StateLine>();
  /** Migratetype number of this kernel to ours. */
  private migratetypes: number[] | null = null;
  private freetypes = false;
  private readonly variables = new Map<string, string>();
  private readonly zones: Draft<ZoneRecord>[] = [];
  private readonly freeLists: FreeListState[] = [];
  private readonly pcps: PcpState[] = [];
  private readonly pageblocks: PageblockRun[] = [];
  private readonly directMap: DirectMapRun[] = [];
  private readonly pageUses: PageUseRun[] = [];
  private readonly vmevents = new Map<string, number>();
  private open: OpenList | null = null;
  /** The `freearea` line whose lists are being read. */
  private nrFree: { line: StateLine; zone: number; order: number; nrFree: number } | null = null;
  private zoneName = '';
  private ended = false;
  private readonly kinds: ReadonlyMap<string, (line: StateLine) => void>;

  constructor(file: string) {
    this.file = file;
    const bare = (line: StateLine) => void this.bare.set(line.kind, line);
    this.kinds = new Map<string, (line: StateLine) => void>([
      ...BARE_KINDS.map((kind): [string, typeof bare] => [kind, bare]),
      ['migratetypes', (line) => this.nameMigratetypes(line)],
      ['freetypes', () => this.withFreetypes()],
      ['var', (line) => this.variable(line)],
      ['zone', (line) => this.zone(line)],
      ['watermark', (line) => this.watermark(line)],
      ['reserve', (line) => this.reserve(line)],
      ['zonestate', (line) => this.zoneState(line)],
      ['zonestat', (line) => this.zoneStat(line)],
      ['zonestat_threshold', (line) => this.statThreshold(line)],
      ['freearea', (line) => this.freeArea(line)],
      ['free', (line) => this.freeList(line)],
      ['pcp', (line) => this.pcp(line)],
      ['pcplist', (line) => this.pcpList(line)],
      ['pageblocks', (line) => this.blocks(line)],
      ['vmevent', (line) => this.vmevent(line)],
      ['directmap', (line) => void this.directMap.push(directMapRun(line))],
      ['pages', (line) => void this.pageUses.push(pageUseRun(line))],
      ['end', (line) => this.end(line)],
    ]);
  }

  line(text: string): void {
    this.lineNumber++;
    const line = new StateLine(text, this.file, this.lineNumber);
    if (this.lineNumber === 1) {
      checkHeader(line);
    } else if (this.ended) {
      throw line.problem("there is text after the 'end' line", RECORD_AGAIN);
    } else if (line.kind === '+') {
      this.moreOfList(line);
    } else {
      this.closeList();
      this.record(line);
    }
  }

  finish(): StateSnapshot {
    const last = new StateLine('', this.file, Math.max(this.lineNumber, 1));
    if (this.lineNumber === 0) throw last.problem(NO_STATE_FILE);
    if (!this.ended) throw last.problem("the file stops before its 'end' line", RECORD_AGAIN);
    for (const [kind, value] of [
      ['page_size', PAGE_SIZE],
      ['max_order', MAX_PAGE_ORDER],
      ['pageblock_order', PAGEBLOCK_ORDER],
    ] as const) {
      const line = this.needed(kind);
      // Other values are other architectures or other builds; nothing here models them (page-allocator §0.3).
      if (line.bareCount() !== value)
        throw line.problem(`${kind} is ${line.rest}; mm-sim models ${value} alone`);
    }
    if (this.zones.length === 0) throw last.problem("there is no 'zone' line", RECORD_AGAIN);
    const snapshot: StateSnapshot = {
      number: this.needed('snapshot').bareCount(),
      kernel: this.needed('kernel').rest,
      cpus: this.needed('cpus').bareCount(),
      vmemmap: this.needed('vmemmap').bareAddress(),
      structPage: this.needed('struct_page').bareCount(),
      pageOffset: this.needed('page_offset').bareAddress(),
      lastPfn: this.needed('last_pfn').bareCount(),
      freetypes: this.freetypes,
      hasCma: this.migratetypes === null || this.migratetypes[4] !== MIGRATE_ISOLATE,
      variables: this.variables,
      zones: this.zones.map((zone) => completeZone(zone, last)),
      freeLists: this.freeLists,
      pcps: this.pcps,
      pageblocks: this.pageblocks,
      directMap: this.directMap,
      pageUses: this.pageUses,
      vmevents: this.vmevents,
    };
    checkFreeLists(snapshot, this.file);
    checkPcps(snapshot, this.file);
    return snapshot;
  }

  private record(line: StateLine): void {
    // Kinds without an entry are skipped: more may come (captures/README §3).
    this.kinds.get(line.kind)?.(line);
  }

  private nameMigratetypes(line: StateLine): void {
    this.migratetypes = renumbering(line);
  }

  private withFreetypes(): void {
    this.freetypes = true;
  }

  private reserve(line: StateLine): void {
    this.currentZone(line).lowmemReserve = line.integers('lowmem_reserve');
  }

  private freeArea(line: StateLine): void {
    const zone = this.zoneIndex(line);
    checkNrFree(this.freeLists, this.nrFree);
    this.nrFree = { line, zone, order: checkOrder(line), nrFree: line.count('nr_free') };
  }

  private variable(line: StateLine): void {
    const blank = line.rest.indexOf(' ');
    if (blank < 1) throw line.problem(`'var ${line.rest}' has no value`);
    this.variables.set(line.rest.slice(0, blank), line.rest.slice(blank + 1));
  }

  private vmevent(line: StateLine): void {
    const match = /^(\S+) (\d+)$/.exec(line.rest);
    if (match === null) throw line.problem(`'vmevent ${line.rest}' is not a counter and its value`);
    this.vmevents.set(match[1], Number(match[2]));
  }

  private zone(line: StateLine): void {
    const index = line.count('index');
    if (index >= MAX_NR_ZONES)
      throw line.problem(`zone index ${index} is above the largest, ${MAX_NR_ZONES - 1}`);
    if (line.word('node') !== '0')
      throw line.problem('the machine has more than one node; mm-sim models one');
    if (this.zones.some((zone) => zone.zone === index)) throw line.problem(`zone ${index} stands here twice`);
    this.zones.push({
      zone: index,
      address: line.address('addr'),
      startPfn: line.pfn('start_pfn'),
      spanned: line.count('spanned'),
      present: line.count('present'),
      managed: line.count('managed'),
      nrFreeCma: 0,
    });
    this.zoneName = line.word('zone');
  }

  /** The zone that a record belongs to: the last `zone` line, whose name it repeats. */
  private currentZone(line: StateLine): Draft<ZoneRecord> {
    const zone = this.zones.at(-1);
    if (zone === undefined || line.word('zone') !== this.zoneName || line.word('node') !== '0') {
      throw line.problem(
        `a '${line.kind}' line of zone ${line.word('zone')} stands among those of another zone`,
      );
    }
    return zone;
  }

  private zoneIndex(line: StateLine): number {
    return this.currentZone(line).zone!;
  }

  private watermark(line: StateLine): void {
    const zone = this.currentZone(line);
    zone.watermark = {
      min: line.count('min'),
      low: line.count('low'),
      high: line.count('high'),
      promo: line.count('promo'),
    };
    zone.boost = line.count('boost');
  }

  private zoneState(line: StateLine): void {
    const zone = this.currentZone(line);
    zone.boosted = line.flag('boosted');
    zone.reclaimActive = line.flag('reclaim_active');
    zone.belowHigh = line.flag('below_high');
    zone.nrReservedHighatomic = line.count('nr_reserved_highatomic');
    zone.nrFreeHighatomic = line.count('nr_free_highatomic');
    zone.percpuDriftMark = line.count('percpu_drift_mark');
    zone.pcpSizes = {
      batch: line.count('pageset_batch'),
      highMin: line.count('pageset_high_min'),
      highMax: line.count('pageset_high_max'),
    };
  }

  private statThreshold(line: StateLine): void {
    // The CPUs agree but for the instant in which kswapd changes them: the larger is the resting value.
    this.currentZone(line).statThreshold = Math.max(...line.integers('percpu'));
  }

  private zoneStat(line: StateLine): void {
    const zone = this.currentZone(line);
    const item = line.word('item');
    if (item === 'nr_free_pages') {
      zone.nrFreePages = line.integer('value');
      zone.nrFreePagesPerCpu = line.integers('percpu');
    } else if (item === 'nr_free_cma') {
      zone.nrFreeCma = line.integer('value');
    }
  }

  private freeList(line: StateLine): void {
    const zone = this.zoneIndex(line);
    const order = checkOrder(line);
    const migratetype = this.renumber(line, line.count('migratetype'));
    const unmapped = line.has('unmapped') && line.flag('unmapped');
    if (unmapped && migratetype !== 0) throw line.problem('an unmapped list that is not of unmovable pages');
    const freetype = unmapped ? FREETYPE_UNMAPPED_UNMOVABLE : migratetype;
    this.openList(line, (pfns) => this.freeLists.push({ zone, order, freetype, pfns }));
  }

  private pcp(line: StateLine): void {
    this.pcps.push({
      zone: this.zoneIndex(line),
      cpu: line.count('cpu'),
      address: line.address('addr'),
      count: line.count('count'),
      high: line.count('high'),
      highMin: line.count('high_min'),
      highMax: line.count('high_max'),
      batch: line.count('batch'),
      flags: line.count('flags'),
      allocFactor: line.count('alloc_factor'),
      freeCount: line.integer('free_count'),
      lists: [],
    });
  }

  private pcpList(line: StateLine): void {
    const pcp = this.pcps.at(-1);
    if (pcp === undefined || pcp.zone !== this.zoneIndex(line) || pcp.cpu !== line.count('cpu')) {
      throw line.problem("a 'pcplist' line does not follow its 'pcp' line");
    }
    const index = line.count('index');
    if (line.count('order') !== orderOfPcpList(index)) {
      throw line.problem(`pcp list ${index} is not of order ${line.word('order')}`);
    }
    const lists = pcp.lists as PcpListState[];
    this.openList(line, (pfns) => lists.push({ index, pfns }));
  }

  private blocks(line: StateLine): void {
    const zone = this.zoneIndex(line);
    // Sections without struct pages have no blocks.
    if (line.has('absent')) return;
    const migratetype = this.renumber(line, line.count('migratetype'));
    this.pageblocks.push({
      zone,
      startPfn: line.pfn('start'),
      blocks: line.count('blocks'),
      migratetype,
      skip: line.flag('skip'),
      // 6.12 has no isolate bit: isolation overwrites the type (page-allocator §0.3).
      isolate: line.flag('isolate') || migratetype === MIGRATE_ISOLATE,
      unmapped: line.has('unmapped') && line.flag('unmapped'),
    });
  }

  private end(line: StateLine): void {
    if (line.word('cut') !== '0') throw line.problem('the dump was cut when it was made', 'record it again');
    checkNrFree(this.freeLists, this.nrFree);
    this.ended = true;
  }

  private openList(line: StateLine, close: (pfns: Float64Array) => void): void {
    this.open = { announced: line.count('n'), pfns: [], line, close };
  }

  private moreOfList(line: StateLine): void {
    if (this.open === null) throw line.problem("a '+' line follows no list");
    line.pushPfns(this.open.pfns);
  }

  private closeList(): void {
    const list = this.open;
    if (list === null) return;
    this.open = null;
    if (list.pfns.length !== list.announced) {
      throw list.line.problem(
        `the list has n=${list.announced}, but ${list.pfns.length} pfns follow`,
        RECORD_AGAIN,
      );
    }
    list.close(Float64Array.from(list.pfns));
  }

  private renumber(line: StateLine, migratetype: number): number {
    if (this.migratetypes === null) throw line.problem("no 'migratetypes' line stands before the first list");
    const ours = this.migratetypes[migratetype];
    if (ours === undefined) throw line.problem(`migratetype ${migratetype} has no name in this file`);
    return ours;
  }

  private needed(kind: string): StateLine {
    const line = this.bare.get(kind);
    if (line !== undefined) return line;
    throw new StateLine('', this.file, 1).problem(`there is no '${kind}' line`, RECORD_AGAIN);
  }
}
