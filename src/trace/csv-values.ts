/** Values of a CSV trace as text, turned into exact integers; -1 (or null) where the text is no such value. */

const ZERO = 48;
const NINE = 57;
/** Pages are named by exact doubles (columns.ts). */
export const LARGEST_PFN = 2 ** 52;

/** A whole number without sign below 2^53: decimal, or hexadecimal with 0x. */
export function wholeNumber(text: string): number {
  if (text.length === 0) return -1;
  if (text.charCodeAt(0) === ZERO && text.length > 2 && (text[1] === 'x' || text[1] === 'X')) {
    return /^[0-9a-fA-F]+$/.test(text.slice(2)) ? safe(Number(text)) : -1;
  }
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i);
    if (digit < ZERO || digit > NINE) return -1;
    value = value * 10 + (digit - ZERO);
  }
  return safe(value);
}

/**
 * Page number of a byte address of up to 64 bits; -1 when it is no number, -2 when it is not that of a page's
 * first byte. Kernel addresses pass 2^53: their upper 52 bits are kept, which name the page as well.
 */
export function pageOfAddress(text: string): number {
  if (!/^([0-9]+|0[xX][0-9a-fA-F]+)$/.test(text)) return -1;
  const address = BigInt(text);
  if (address >= 1n << 64n) return -1;
  return (address & 0xfffn) === 0n ? Number(address >> 12n) : -2;
}

/** Smallest order whose block holds so many pages. */
export function orderOfPages(pages: number): number {
  let order = 0;
  while (2 ** order < pages) order++;
  return order;
}

export interface Instant {
  seconds: number;
  ns: number;
}

/**
 * A time as seconds and nanoseconds, without a float on the way (trace-formats §2.4). `digits`: how many
 * decimal digits of a whole number are below one second (9 for ns). Fills `into`; false when it is no time.
 */
export function readTime(text: string, digits: number, into: Instant): boolean {
  const point = text.indexOf('.');
  const whole = point < 0 ? text : text.slice(0, point);
  const fraction = point < 0 ? '' : text.slice(point + 1);
  if (!/^[0-9]+$/.test(whole) || !/^[0-9]*$/.test(fraction)) return false;
  const cut = Math.max(whole.length - digits, 0);
  const below = whole.slice(cut).padStart(digits, '0') + fraction;
  into.seconds = cut === 0 ? 0 : Number(whole.slice(0, cut));
  into.ns = Number(below.slice(0, 9).padEnd(9, '0'));
  return Number.isSafeInteger(into.seconds);
}

/** Is it written as a whole number, whatever its size? */
export function isWholeNumber(text: string): boolean {
  return /^([0-9]+|0[xX][0-9a-fA-F]+)$/.test(text);
}

function safe(value: number): number {
  return Number.isSafeInteger(value) ? value : -1;
}
