/** The events of each CPU as a chain: what stands directly before and after an event on its own CPU (page-allocator §9.4). */

import type { EventColumns } from '../../trace/columns.js';

/** No event of that CPU. */
export const NO_NEIGHBOUR = -1;

export class CpuOrder {
  readonly next: Int32Array;
  readonly previous: Int32Array;

  constructor({ length, cpu }: EventColumns) {
    this.next = new Int32Array(length).fill(NO_NEIGHBOUR);
    this.previous = new Int32Array(length);
    const last = new Map<number, number>();
    for (let i = 0; i < length; i++) {
      const before = last.get(cpu[i]) ?? NO_NEIGHBOUR;
      this.previous[i] = before;
      if (before !== NO_NEIGHBOUR) this.next[before] = i;
      last.set(cpu[i], i);
    }
  }
}
