/**
 * When kswapd's balance of a node is over. It begins at mm_vmscan_kswapd_wake; its end has no event, but what
 * kswapd does next has (page-allocator §5.6, §7.7): it asks whether kcompactd should gather whole pageblocks,
 * if there was a boost, and on its way to sleep it resets the scanners' hints (a probe). Where the next that
 * is seen of it is a sleep or another wake, the balance was over with its event before: it naps first.
 */

import { PAGEBLOCK_ORDER } from '../kernel/orders.js';
import type { EventColumns } from './columns.js';
import { KIND } from './events.js';
import { type LineValues, LineValuesBuilder } from './line-values.js';

/** Whether kswapd, whose event this is, has its last balance behind it. */
export function isAfterBalance({ kind, order }: EventColumns, i: number): boolean {
  switch (kind[i]) {
    case KIND.kswapdWake:
    case KIND.kswapdSleep:
    case KIND.isolationSuitableReset:
      return true;
    case KIND.compactionSuitable:
      return order[i] === PAGEBLOCK_ORDER;
    default:
      return false;
  }
}

/** The balance was over with kswapd's event before this one. */
export function endsUnseen(kind: number): boolean {
  return kind === KIND.kswapdSleep || kind === KIND.kswapdWake;
}

/** Collects the lines with which balances ended unseen, for a replay that cannot look ahead. */
export class UnseenBalanceEnds {
  private readonly builder = new LineValuesBuilder();
  /** kswapd's last event while it balances, by pid. */
  private readonly balancing = new Map<number, { file: number; line: number }>();

  add(columns: EventColumns): void {
    const { length, kind, pid, file, line } = columns;
    for (let i = 0; i < length; i++) {
      const isWake = kind[i] === KIND.kswapdWake;
      if (!isWake && (this.balancing.size === 0 || !this.balancing.has(pid[i]))) continue;
      const before = this.balancing.get(pid[i]);
      if (before !== undefined && endsUnseen(kind[i])) this.builder.add(before.file, before.line, 1);
      if (isWake || (before !== undefined && !isAfterBalance(columns, i)))
        this.balancing.set(pid[i], { file: file[i], line: line[i] });
      else this.balancing.delete(pid[i]);
    }
  }

  finish(): LineValues {
    return this.builder.build();
  }
}
