/** Numbers as tables print them: the same on every machine, whatever its locale. */

import { group } from '../kernel/counted.js';

const NS_PER_SECOND = 1_000_000_000;
/** +1,000 %, above which a factor says more. */
const MOST_TENTHS = 10_000;

/** Thousandths as percent: 314 is '31.4 %'. */
export function percent(thousandths: number): string {
  return `${fixed(thousandths, 10, 1)} %`;
}

/** An index in thousandths as debugfs prints it: -1000 is '-1.000' (page-allocator §8.4). */
export function index(thousandths: number): string {
  return fixed(thousandths, 1000, 3);
}

/**
 * From one number to another, with a sign: '-96.9 %', '0 %' for no change at all, '+<0.1 %' for one that would
 * round to it. '-100.0 %' is said of nothing left alone. Far above, the factor: 'x235'. From 0 there is neither
 * percentage nor factor: then the difference itself, '+37'.
 */
export function change(before: number, after: number): string {
  const difference = after - before;
  if (difference === 0) return '0 %';
  const sign = difference < 0 ? '-' : '+';
  if (before === 0) return `${sign}${group(Math.abs(difference))}`;
  const tenths = Math.round(Math.abs((difference * 1000) / before));
  if (tenths === 0) return `${sign}<0.1 %`;
  if (tenths > MOST_TENTHS) return `x${ratio(after, before)}`;
  return `${sign}${fixed(difference < 0 && after > 0 ? Math.min(tenths, 999) : tenths, 10, 1)} %`;
}

/** From one share to another, in percentage points: '+13.1 pp'. */
export function points(before: number, after: number): string {
  const difference = after - before;
  if (difference === 0) return '0 pp';
  return `${difference < 0 ? '' : '+'}${fixed(difference, 10, 1)} pp`;
}

/** How many times larger: '5.3', from 100 on without a decimal. */
export function ratio(larger: number, smaller: number): string {
  const tenths = Math.round((larger * 10) / smaller);
  return tenths < 1000 ? fixed(tenths, 10, 1) : group(Math.round(larger / smaller));
}

/** A stretch of time in the unit that suits it. */
export function duration(ns: number): string {
  if (ns < 1000) return `${group(ns)} ns`;
  if (ns < 1_000_000) return `${fixed(Math.round(ns / 100), 10, 1)} us`;
  if (ns < NS_PER_SECOND) return `${fixed(Math.round(ns / 100_000), 10, 1)} ms`;
  if (ns < 600 * NS_PER_SECOND) return `${fixed(Math.round(ns / 100_000_000), 10, 1)} s`;
  const minutes = Math.round(ns / (60 * NS_PER_SECOND));
  return minutes < 600 ? `${minutes} min` : `${group(Math.round(minutes / 60))} h`;
}

/** Pages of 4K as a size, rounded down: '961.0 MiB'; below 1 MiB it is exact, '384 KiB'. */
export function size(pages: number): string {
  const kib = pages * 4;
  for (const [name, unit] of [
    ['TiB', 2 ** 30],
    ['GiB', 2 ** 20],
    ['MiB', 2 ** 10],
  ] as const) {
    if (kib >= unit) return `${fixed(Math.floor((kib * 10) / unit), 10, 1)} ${name}`;
  }
  return `${group(kib)} KiB`;
}

/** `value / unit` with its decimals, from integers; grouped. */
function fixed(value: number, unit: number, decimals: number): string {
  const absolute = Math.abs(value);
  const whole = group(Math.floor(absolute / unit));
  return `${value < 0 ? '-' : ''}${whole}.${String(absolute % unit).padStart(decimals, '0')}`;
}
