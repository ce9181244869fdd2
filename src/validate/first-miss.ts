/**
 * `--first-miss`: what a kernel developer wants to see of the first event where model and kernel differ: the
 * lines before it as the kernel printed them, and the model's lists at that moment.
 *
 * The lists are those before the choice: the replay is run a second time, up to the event.
 */

import { FREETYPE_NAMES, NR_FREETYPE_IDXS } from '../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, NR_PAGE_ORDERS } from '../kernel/orders.js';
import { orderOfPcpList } from '../machine/state-check.js';
import type { PageAllocator } from '../pagealloc/page-allocator.js';
import { isPcpOrder, NR_PCP_LISTS_FREETYPE, pindexOf } from '../pagealloc/pcp-lists.js';
import { openBytes } from '../trace/byte-source.js';
import { LF } from '../trace/bytes.js';
import type { LoadedCapture } from './load-capture.js';
import type { Miss } from './recorded.js';
import { newRecordedReplay } from './recorded-level.js';
import { modelBefore } from './simulated-level.js';
import { inSlices } from './slices.js';

/** Lines of the trace, the last one being that of the miss. */
const LINES = 11;
/** Entries shown from the head of a list. */
const ENTRIES = 8;

export interface ModelList {
  readonly name: string;
  readonly length: number;
  /** The first ones, head first. */
  readonly pfns: readonly number[];
}

export interface FirstMissContext {
  readonly lines: readonly { readonly line: number; readonly text: string }[];
  /** Where the model has the page that the kernel took; null for an event without a page. */
  readonly kernelPage: string | null;
  /** Those that had to serve, by zone and type, from the order on; then that of the kernel's page. */
  readonly lists: readonly ModelList[];
}

/** A miss and the level of the replay that missed. */
export interface LevelMiss extends Miss {
  readonly level: 'recorded' | 'simulated';
}

export async function missContext(
  loaded: LoadedCapture,
  { at, level }: LevelMiss,
): Promise<FirstMissContext> {
  const { events } = loaded;
  const model = level === 'recorded' ? await recordedBefore(loaded, at) : await modelBefore(loaded, at);
  const pfn = events.pfn[at];
  const order = Math.max(events.order[at], 0);
  const lines = await linesBefore(loaded.capture.traceFile, events.line[at]);
  if (pfn < 0) return { lines, kernelPage: null, lists: [] };
  const lists = servingLists(model, pfn, order, events.migratetype[at]);
  if (level === 'simulated')
    lists.unshift(...pcpLists(model, pfn, order, events.migratetype[at], events.cpu[at]));
  const place = placeOfPage(model, pfn);
  if (place !== null && !lists.some(({ name }) => name === place.list.name)) lists.push(place.list);
  return { lines, kernelPage: place === null ? 'on no list' : place.words, lists };
}

async function recordedBefore(loaded: LoadedCapture, at: number): Promise<PageAllocator> {
  const replay = newRecordedReplay(loaded);
  await inSlices(0, at, (from, to) => replay.run(from, to));
  return replay.allocator;
}

/** The smallest lists that are not empty would serve; what is above them explains a fallback. */
function servingLists(
  allocator: PageAllocator,
  pfn: number,
  order: number,
  migratetype: number,
): ModelList[] {
  const zone = allocator.lists.zoneOf(pfn);
  const type = Math.max(migratetype, 0);
  const lists: ModelList[] = [];
  for (let each = order; each <= MAX_PAGE_ORDER && lists.length < 3; each++) {
    const list = freeList(allocator, zone, each, type);
    if (list.length > 0) lists.push(list);
  }
  return lists;
}

/** The pcp list that had to serve, even if it is empty: then it was refilled from the lists below. */
function pcpLists(model: PageAllocator, pfn: number, order: number, type: number, cpu: number): ModelList[] {
  return isPcpOrder(order)
    ? [pcpList(model, model.lists.zoneOf(pfn), cpu, pindexOf(order, Math.max(type, 0)))]
    : [];
}

function pcpList({ machine, pcp }: PageAllocator, zone: number, cpu: number, pindex: number): ModelList {
  const name = `${machine.zones[zone].name} pcp list ${pindex}, CPU ${cpu}`;
  return listed(name, pcp.pfns(pcp.slotOf(cpu, zone), pindex));
}

function freeList(
  { machine, lists }: PageAllocator,
  zone: number,
  order: number,
  freetype: number,
): ModelList {
  const name = `${machine.zones[zone].name} order ${order} ${FREETYPE_NAMES[freetype]}`;
  return listed(name, lists.pfns(zone, order, freetype));
}

function listed(name: string, pfns: readonly number[]): ModelList {
  return { name, length: pfns.length, pfns: pfns.slice(0, ENTRIES) };
}

/** The list of the model that has a page, in whatever block. */
function placeOfPage(model: PageAllocator, pfn: number): { list: ModelList; words: string } | null {
  const { lists, pcp, machine } = model;
  const zone = lists.zoneOf(pfn);
  for (let order = 0; order < NR_PAGE_ORDERS; order++) {
    const first = pfn - (pfn % 2 ** order);
    for (let freetype = 0; freetype < NR_FREETYPE_IDXS; freetype++) {
      const at = lists.pfns(zone, order, freetype).indexOf(first);
      if (at >= 0) return placed(freeList(model, zone, order, freetype), at);
    }
  }
  for (let cpu = 0; cpu < machine.cpus; cpu++) {
    for (let pindex = 0; pindex < NR_PCP_LISTS_FREETYPE; pindex++) {
      const order = orderOfPcpList(pindex);
      const at = pcp.pfns(pcp.slotOf(cpu, zone), pindex).indexOf(pfn - (pfn % 2 ** order));
      if (at >= 0) return placed(pcpList(model, zone, cpu, pindex), at);
    }
  }
  return null;
}

function placed(list: ModelList, at: number): { list: ModelList; words: string } {
  return { list, words: `${list.name}, entry ${at + 1} of ${list.length}` };
}

/** Lines as the kernel printed them, up to one. Read again: a trace is not kept. */
async function linesBefore(file: string, last: number): Promise<{ line: number; text: string }[]> {
  const source = await openBytes(file);
  const lines: { line: number; text: string }[] = [];
  let line = 1;
  let rest = '';
  try {
    for await (const chunk of source.chunks) {
      let start = 0;
      for (let end = chunk.indexOf(LF); end >= 0 && line <= last; end = chunk.indexOf(LF, start)) {
        if (line > last - LINES) lines.push({ line, text: rest + latin1(chunk, start, end) });
        rest = '';
        start = end + 1;
        line++;
      }
      if (line > last) break;
      rest += latin1(chunk, start, chunk.length);
    }
    return lines;
  } finally {
    await source.close();
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
