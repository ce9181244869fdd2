/**
 * Zones for vectors: a text form of a zone's state, close to that of the facts, and the machines and
 * snapshots that it stands for.
 *
 *   types U*MM; o4 U*: 1010 1020; o0..o2 M: 1201 1202 1204; pcp 1: 14af..1000; free 544, count 1200
 *
 * `types` are the pageblocks in pfn order, `U*` an unmapped one. `oN T:` is list (N, T), head first, and
 * `o0..o2 T:` three lists of one entry each; `pcp N:` is the first CPU's list N. pfns are hexadecimal,
 * `a..b` counts up or down. Lists that are not named are empty. What is left are numbers by their names.
 * freetype-series §11 writes the lists o4[UU] and o4[Um]; here they are `o4 U*` and `o4 U`.
 */

import { expect } from 'vitest';
import { NR_FREETYPE_IDXS } from '../../src/kernel/migratetypes.js';
import { NR_PAGE_ORDERS, PAGEBLOCK_PAGES } from '../../src/kernel/orders.js';
import { rulesFor } from '../../src/kernel/rules.js';
import { type Machine, ZONE_DMA32, ZONE_NAMES, type Zone } from '../../src/machine/machine.js';
import type { PageUseRun, PcpState, Snapshot } from '../../src/machine/snapshot.js';
import type { PageAllocator } from '../../src/pagealloc/page-allocator.js';
import { NR_PCP_LISTS_FREETYPE, orderOfPindex } from '../../src/pagealloc/pcp-lists.js';

/** By freetype index. */
const LETTERS = ['U', 'M', 'R', 'H', 'C', 'I', 'U*'];

/**
 * A boot pageset: `high` is 0, so that a refill brings one page and a free is drained at once
 * (page-allocator §4.3, §4.6). No page stays on a pcp list: "pcp off" of freetype-series §11.
 */
export const PCP_OFF = { batch: 1, highMin: 0, highMax: 0 };

export interface ZoneSetting {
  /** Text form of the start state. */
  readonly state: string;
  readonly startPfn?: number;
  /** Kernel zone index; only Normal sets ALLOC_NOFRAGMENT (page-allocator §5.4). */
  readonly index?: number;
  /** Watermarks; LOW and HIGH are as the one below them when not given, MIN is 0. */
  readonly min?: number;
  readonly low?: number;
  readonly high?: number;
  readonly pcp?: { readonly batch: number; readonly highMin: number; readonly highMax: number };
  /** Managed pages, when they are not those of the blocks. */
  readonly managed?: number;
  /** Pages that are neither free nor on a pcp list are on an LRU; else they are of no movable kind. */
  readonly usedPagesMovable?: boolean;
}

interface State {
  types: string[];
  /** By order * 7 + freetype. */
  lists: Map<number, number[]>;
  pcpLists: Map<number, number[]>;
  numbers: Map<string, number>;
}

/** A machine of these zones, zones ascending. */
export function machineOf(settings: readonly ZoneSetting[], changes: Partial<Machine> = {}): Machine {
  const zones = settings.map(zoneOf);
  return {
    name: 'vector',
    rules: rulesFor('7.3')!.rules,
    cpus: 1,
    // Whole GiB, so that the direct map has 1G leaves; the zones are a part of it.
    ram: [{ start: 0, end: Math.ceil(zones[zones.length - 1].endPfn / 0x40000) * 0x40000 }],
    reserved: [],
    zones,
    endPfn: zones[zones.length - 1].endPfn,
    minFreeKbytes: 0,
    watermarkBoostFactor: 15000,
    gbPages: true,
    tlbFlushCeiling: 33,
    invlpgb: false,
    freeHighBatch: false,
    ...changes,
  };
}

/** The exact start state of a machine of these zones. */
export function snapshotOf(settings: readonly ZoneSetting[], freeHighBatch = false): Snapshot {
  const states = settings.map(({ state }) => parse(state));
  const zones = settings.map(zoneOf);
  return {
    number: 0,
    kernel: '7.3',
    cpus: 1,
    vmemmap: 0,
    structPage: 64,
    pageOffset: 0,
    lastPfn: 0,
    freetypes: true,
    hasCma: true,
    variables: new Map(),
    zones: states.map((state, i) => ({
      zone: zones[i].index,
      address: 0,
      boost: 0,
      boosted: false,
      reclaimActive: false,
      belowHigh: false,
      nrReservedHighatomic: state.numbers.get('nr_reserved') ?? 0,
      nrFreeHighatomic: pagesOf(state, 'H'),
      nrFreePages: LETTERS.reduce((sum, type) => sum + (type === 'I' ? 0 : pagesOf(state, type)), 0),
      nrFreePagesPerCpu: [0],
      nrFreeCma: pagesOf(state, 'C'),
      statThreshold: 0,
      percpuDriftMark: 0,
    })),
    freeLists: states.flatMap((state, i) =>
      [...state.lists].map(([key, pfns]) => ({
        zone: zones[i].index,
        order: Math.floor(key / NR_FREETYPE_IDXS),
        freetype: key % NR_FREETYPE_IDXS,
        pfns: Float64Array.from(pfns),
      })),
    ),
    pcps: states.map((state, i) => pcpOf(state, zones[i], freeHighBatch)),
    pageblocks: states.flatMap((state, i) =>
      state.types.map((type, block) => ({
        zone: zones[i].index,
        startPfn: zones[i].startPfn + block * PAGEBLOCK_PAGES,
        blocks: 1,
        migratetype: LETTERS.indexOf(type[0]),
        skip: false,
        isolate: false,
        unmapped: type.endsWith('*'),
      })),
    ),
    directMap: [],
    pageUses: states.flatMap((state, i) =>
      settings[i].usedPagesMovable ? movableUses(state, zones[i]) : [],
    ),
    vmevents: new Map(),
  };
}

/**
 * Compares everything a zone's lists hold with a text. Of the numbers those are compared that the text
 * names, and those of `zero`, which are 0 when it does not name them.
 */
export function expectState(
  allocator: PageAllocator,
  zone: number,
  text: string,
  numbers: Readonly<Record<string, number>>,
  zero: readonly string[],
): void {
  const expected = parse(text);
  for (const name of zero) if (!expected.numbers.has(name)) expected.numbers.set(name, 0);
  const actual = stateOf(allocator, zone);
  for (const name of expected.numbers.keys()) actual.numbers.set(name, numbers[name]);
  expect(print(actual)).toBe(print(expected));
}

export function hex(pfn: number): string {
  return pfn.toString(16);
}

export function typeLetter(freetype: number): string {
  return LETTERS[freetype];
}

export function freetypeOf(letter: string): number {
  return LETTERS.indexOf(letter);
}

function zoneOf(setting: ZoneSetting): Zone {
  const {
    state,
    startPfn = 0x1000,
    index = ZONE_DMA32,
    min = 0,
    low = min,
    high = low,
    pcp = PCP_OFF,
  } = setting;
  const pages = parse(state).types.length * PAGEBLOCK_PAGES;
  return {
    index,
    name: ZONE_NAMES[index],
    startPfn,
    endPfn: startPfn + pages,
    present: pages,
    managed: setting.managed ?? pages,
    watermark: { min, low, high, promo: high },
    boost: 0,
    lowmemReserve: [0, 0, 0, 0, 0],
    pcp,
    statThreshold: 0,
    hasDriftMark: false,
  };
}

function pcpOf(state: State, zone: Zone, freeHighBatch: boolean): PcpState {
  let count = 0;
  for (const [index, pfns] of state.pcpLists) count += pfns.length * 2 ** orderOfPindex(index);
  return {
    zone: zone.index,
    cpu: 0,
    address: 0,
    count,
    high: state.numbers.get('high') ?? 0,
    ...zone.pcp,
    flags: freeHighBatch ? 2 : 0,
    allocFactor: 0,
    freeCount: 0,
    lists: [...state.pcpLists].map(([index, pfns]) => ({ index, pfns: Float64Array.from(pfns) })),
  };
}

/** Every page that is on no list, one by one, on an LRU. */
function movableUses(state: State, zone: Zone): PageUseRun[] {
  const isUnused = new Set<number>();
  const leaveOut = (pfns: readonly number[], order: number) => {
    for (const pfn of pfns) for (let page = pfn; page < pfn + 2 ** order; page++) isUnused.add(page);
  };
  for (const [key, pfns] of state.lists) leaveOut(pfns, Math.floor(key / NR_FREETYPE_IDXS));
  for (const [index, pfns] of state.pcpLists) leaveOut(pfns, orderOfPindex(index));
  const uses: PageUseRun[] = [];
  for (let pfn = zone.startPfn; pfn < zone.endPfn; pfn++) {
    if (!isUnused.has(pfn)) uses.push({ startPfn: pfn, pages: 1, use: 'lru_anon', order: 0 });
  }
  return uses;
}

function pagesOf(state: State, type: string): number {
  let pages = 0;
  for (const [key, pfns] of state.lists) {
    if (LETTERS[key % NR_FREETYPE_IDXS] === type)
      pages += pfns.length * 2 ** Math.floor(key / NR_FREETYPE_IDXS);
  }
  return pages;
}

function stateOf(allocator: PageAllocator, zone: number): State {
  const { lists, pcp, frames } = allocator;
  const state: State = { types: [], lists: new Map(), pcpLists: new Map(), numbers: new Map() };
  const { startPfn, endPfn } = lists.zones[zone];
  for (let pfn = startPfn; pfn < endPfn; pfn += PAGEBLOCK_PAGES) {
    const bits = frames.blockBits[pfn / PAGEBLOCK_PAGES];
    state.types.push(LETTERS[bits & 7] + ((bits & 0x20) !== 0 ? '*' : ''));
  }
  for (let order = 0; order < NR_PAGE_ORDERS; order++) {
    for (let freetype = 0; freetype < NR_FREETYPE_IDXS; freetype++) {
      const pfns = lists.pfns(zone, order, freetype);
      if (pfns.length > 0) state.lists.set(order * NR_FREETYPE_IDXS + freetype, pfns);
    }
  }
  for (let index = 0; index < NR_PCP_LISTS_FREETYPE; index++) {
    const pfns = pcp.pfns(pcp.slotOf(0, zone), index);
    if (pfns.length > 0) state.pcpLists.set(index, pfns);
  }
  return state;
}

function print(state: State): string {
  const lines = [`types ${state.types.join(' ')}`];
  const sorted = (map: Map<number, number[]>) => [...map].sort(([a], [b]) => a - b);
  for (const [key, pfns] of sorted(state.lists)) {
    const order = Math.floor(key / NR_FREETYPE_IDXS);
    lines.push(`o${order} ${LETTERS[key % NR_FREETYPE_IDXS]}: ${pfns.map(hex).join(' ')}`);
  }
  for (const [index, pfns] of sorted(state.pcpLists)) lines.push(`pcp ${index}: ${pfns.map(hex).join(' ')}`);
  for (const name of [...state.numbers.keys()].sort()) lines.push(`${name} ${state.numbers.get(name)}`);
  return lines.join('\n');
}

function parse(text: string): State {
  const state: State = { types: [], lists: new Map(), pcpLists: new Map(), numbers: new Map() };
  for (const part of text.split(';').map((each) => each.trim())) {
    if (part === '') continue;
    const colon = part.indexOf(':');
    const pfns =
      colon < 0
        ? []
        : part
            .slice(colon + 1)
            .trim()
            .split(/\s+/)
            .flatMap(pfnsOf);
    const list = /^o(\d+)(?:\.\.o(\d+))? (U\*|[UMRHCI]):/.exec(part);
    const pcp = /^pcp (\d+):/.exec(part);
    const types = /^types ((?:[UMRHCI]\*?\s*)+)$/.exec(part);
    if (types !== null) state.types = types[1].match(/[UMRHCI]\*?/g)!;
    else if (pcp !== null) state.pcpLists.set(Number(pcp[1]), pfns);
    else if (list !== null) addLists(state, list, pfns);
    else for (const item of part.split(',')) addNumber(state, item.trim());
  }
  return state;
}

function addLists(state: State, [text, first, last, letter]: RegExpExecArray, pfns: number[]): void {
  const freetype = LETTERS.indexOf(letter);
  if (last === undefined) {
    state.lists.set(Number(first) * NR_FREETYPE_IDXS + freetype, pfns);
    return;
  }
  if (pfns.length !== Number(last) - Number(first) + 1) throw new Error(`${text} wants one entry a list`);
  for (const [i, pfn] of pfns.entries())
    state.lists.set((Number(first) + i) * NR_FREETYPE_IDXS + freetype, [pfn]);
}

function addNumber(state: State, item: string): void {
  const match = /^(\w+) (\d+)$/.exec(item);
  if (match === null) throw new Error(`no list, no number: '${item}'`);
  state.numbers.set(match[1], Number(match[2]));
}

function pfnsOf(word: string): number[] {
  const [first, last] = word.split('..').map((each) => Number.parseInt(each, 16));
  if (last === undefined) return [first];
  const step = last < first ? -1 : 1;
  return Array.from({ length: Math.abs(last - first) + 1 }, (_, i) => first + i * step);
}
