/**
 * `--first-miss`: what a kernel developer wants to see of the first event where model and kernel differ: the
 * lines before it as the kernel printed them, and the model's lists at that moment.
 *
 * The lists are those before the choice: the replay is run a second time, up to the event.
 */

import { FREETYPE_NAMES } from '../kernel/migratetypes.js';
import { MAX_PAGE_ORDER, NR_PAGE_ORDERS, pageblockOf } from '../kernel/orders.js';
import type { PageAllocator } from '../pagealloc/page-allocator.js';
import { openBytes } from '../trace/byte-source.js';
import { LF } from '../trace/bytes.js';
import type { LoadedCapture } from './load-capture.js';
import { newRecordedReplay } from './recorded-level.js';
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
  /** Where the model has the page that the kernel took. */
  readonly kernelPage: string;
  /** Those that had to serve: of the event's zone and type, from its order on; then that of the kernel's page. */
  readonly lists: readonly ModelList[];
}

export async function missContext(loaded: LoadedCapture, at: number): Promise<FirstMissContext> {
  const { events } = loaded;
  const replay = newRecordedReplay(loaded);
  await inSlices(0, at, (from, to) => replay.run(from, to));
  const { allocator } = replay;
  const pfn = events.pfn[at];
  const order = Math.max(events.order[at], 0);
  const kernelList = pfn < 0 ? null : listOfPage(allocator, pfn);
  const lists = pfn < 0 ? [] : servingLists(allocator, pfn, order, events.migratetype[at]);
  if (kernelList !== null && !lists.some(({ name }) => name === kernelList.list.name))
    lists.push(kernelList.list);
  return {
    lines: await linesBefore(loaded.capture.traceFile, events.line[at]),
    kernelPage: kernelList === null ? 'on no free list' : kernelList.place,
    lists,
  };
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
    const list = modelList(allocator, zone, each, type);
    if (list.length > 0) lists.push(list);
  }
  return lists;
}

function modelList(allocator: PageAllocator, zone: number, order: number, freetype: number): ModelList {
  const pfns = allocator.lists.pfns(zone, order, freetype);
  const name = `${allocator.machine.zones[zone].name} order ${order} ${FREETYPE_NAMES[freetype]}`;
  return { name, length: pfns.length, pfns: pfns.slice(0, ENTRIES) };
}

/** The free block that holds a page, whatever its order. */
function listOfPage(allocator: PageAllocator, pfn: number): { list: ModelList; place: string } | null {
  const zone = allocator.lists.zoneOf(pfn);
  const freetype = allocator.lists.freetypeOfBlock(pageblockOf(pfn));
  if (freetype < 0) return null;
  for (let order = 0; order < NR_PAGE_ORDERS; order++) {
    const place = allocator.lists.pfns(zone, order, freetype).indexOf(pfn - (pfn % 2 ** order));
    if (place < 0) continue;
    const list = modelList(allocator, zone, order, freetype);
    return { list, place: `${list.name}, entry ${place + 1} of ${list.length}` };
  }
  return null;
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
