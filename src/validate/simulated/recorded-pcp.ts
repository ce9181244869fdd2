/**
 * The recorded kernel's pcp lists, as its events tell them (page-allocator §9.5 R1, R7, R8, R13 to R15): which
 * pages are on which list, head first.
 */

import type { Snapshot } from '../../machine/snapshot.js';
import type { PageAllocator } from '../../pagealloc/page-allocator.js';
import { INFO_PCP } from '../../pagealloc/page-frames.js';
import { isPageInUse } from '../../pagealloc/page-in-use.js';
import { orderOfPindex } from '../../pagealloc/pcp-lists.js';

/** An entry of a list; the ring's anchor has pfn -1. */
interface Entry {
  readonly pfn: number;
  readonly order: number;
  previous: Entry;
  next: Entry;
}

export class RecordedPcpLists {
  private readonly anchors = new Map<number, Entry>();
  private readonly entries = new Map<number, Entry>();

  constructor(allocator: PageAllocator, snapshot: Snapshot) {
    const { machine, pcp } = allocator;
    for (const { zone, cpu, lists } of snapshot.pcps) {
      const position = machine.zones.findIndex(({ index }) => index === zone);
      for (const { index, pfns } of lists) {
        const list = pcp.list(pcp.slotOf(cpu, position), index);
        for (const pfn of pfns) this.add(list, pfn, orderOfPindex(index), true);
      }
    }
  }

  has(pfn: number, order: number): boolean {
    return this.entries.get(pfn)?.order === order;
  }

  /** `list` is the node of the list's head, as PcpLists names it. */
  add(list: number, pfn: number, order: number, toTail: boolean): void {
    this.remove(pfn);
    const anchor = this.anchorOf(list);
    const previous = toTail ? anchor.previous : anchor;
    const entry: Entry = { pfn, order, previous, next: previous.next };
    previous.next.previous = entry;
    previous.next = entry;
    this.entries.set(pfn, entry);
  }

  /** The page is on no list any more; nothing happens if it was on none. */
  remove(pfn: number): void {
    const entry = this.entries.get(pfn);
    if (entry === undefined) return;
    this.entries.delete(pfn);
    entry.previous.next = entry.next;
    entry.next.previous = entry.previous;
  }

  /** Puts all entries on the lists of an allocator that has them on none. */
  linkInto(allocator: PageAllocator): void {
    const { frames, pcp } = allocator;
    for (const [list, anchor] of this.anchors) {
      for (let entry = anchor.next; entry !== anchor; entry = entry.next) {
        // What the buddy lists hold by now is on no pcp list, whatever a line says.
        if (!areInUse(allocator, entry)) continue;
        const node = frames.nodeAt(entry.pfn, entry.order);
        frames.clearAllocated(node, entry.order);
        frames.info[node] = INFO_PCP | entry.order;
        frames.linkTail(list, node);
      }
    }
    pcp.recount();
  }

  private anchorOf(list: number): Entry {
    let anchor = this.anchors.get(list);
    if (anchor === undefined) {
      const made: { pfn: number; order: number; previous?: Entry; next?: Entry } = { pfn: -1, order: 0 };
      made.previous = made as Entry;
      made.next = made as Entry;
      anchor = made as Entry;
      this.anchors.set(list, anchor);
    }
    return anchor;
  }
}

function areInUse(allocator: PageAllocator, { pfn, order }: Entry): boolean {
  for (let page = pfn; page < pfn + 2 ** order; page++) if (!isPageInUse(allocator, page)) return false;
  return true;
}
