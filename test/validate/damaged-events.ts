/** Event streams as no kernel would emit them, made from recorded ones: what a lost or torn line does to a replay. */

import { EventColumns } from '../../src/trace/columns.js';

/** Numbers from 0 to 1, the same ones for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The events at these indexes, in this order. */
export function pick(events: EventColumns, indexes: readonly number[]): EventColumns {
  const picked = new EventColumns(indexes.length);
  picked.length = indexes.length;
  const columns = Object.keys(events).filter((key) =>
    ArrayBuffer.isView(events[key as keyof EventColumns]),
  ) as (keyof EventColumns)[];
  for (const column of columns) {
    const from = events[column] as unknown as { [row: number]: number };
    const to = picked[column] as unknown as { [row: number]: number };
    for (let row = 0; row < indexes.length; row++) to[row] = from[indexes[row]];
  }
  return picked;
}

/** Drops events, swaps neighbours and overwrites fields, each with this chance. */
export function damaged(events: EventColumns, chance: number, random: () => number): EventColumns {
  const indexes: number[] = [];
  for (let i = 0; i < events.length; i++) {
    if (random() < chance) continue;
    indexes.push(i);
    const last = indexes.length - 1;
    if (last > 0 && random() < chance)
      [indexes[last - 1], indexes[last]] = [indexes[last], indexes[last - 1]];
  }
  const result = pick(events, indexes);
  for (let row = 0; row < result.length; row++) {
    if (random() >= chance) continue;
    const value = Math.floor(random() * 16) - 2;
    switch (Math.floor(random() * 8)) {
      case 0:
        result.order[row] = value;
        break;
      case 1:
        result.migratetype[row] = value;
        break;
      case 2:
        result.cpu[row] = value & 0xffff;
        break;
      case 3:
        result.pfn[row] = random() < 0.5 ? value : result.pfn[row] + value;
        break;
      case 4:
        result.pfn[row] = random() * 2 ** 40;
        break;
      case 5:
        result.a[row] = value;
        break;
      case 6:
        result.b[row] = value;
        break;
      default:
        result.c[row] = value;
    }
  }
  return result;
}
