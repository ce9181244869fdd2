/**
 * The short way through the three events that make up nearly all of a trace, in the layout that kernels
 * since 5.14 print:
 *
 *     ` page=000000002181391a pfn=0x329ec order=1 migratetype=0 gfp_flags=GFP_KERNEL_ACCOUNT|__GFP_ZERO`
 *     ` page=000000002181391a pfn=0x329ec order=1`
 *
 * Any other byte sends the event to field-reader.ts, which reads every layout to the same result; a test
 * compares the two.
 */
import { BLANK, HEX, LF, NO_DIGIT, ZERO } from './bytes.js';
import { NO_GFP } from './columns.js';
import type { ByteDictionary } from './dictionary.js';
import { wordOf } from './words.js';

const PAGE_1 = wordOf(' page=');
const PAGE_2 = wordOf(' page=', 2);
const PFN_1 = wordOf(' pfn=0x');
const PFN_2 = wordOf(' pfn=0x', 3);
const ORDER_1 = wordOf(' order=');
const ORDER_2 = wordOf(' order=', 3);
const TYPE_1 = wordOf(' migratetype=');
const TYPE_2 = wordOf(' migratetype=', 4);
const TYPE_3 = wordOf(' migratetype=', 8);
const TYPE_4 = wordOf(' migratetype=', 9);
const GFP_1 = wordOf(' gfp_flags=');
const GFP_2 = wordOf(' gfp_flags=', 4);
const GFP_3 = wordOf(' gfp_flags=', 7);
const RAW_POINTER = wordOf('ffff');

/** ` page=` and 16 characters. */
const PAGE_BYTES = 22;
/** More digits are all ones (a failure) or no pfn. */
const PFN_DIGITS = 9;

export class PageEvent {
  pfn = 0;
  order = 0;
  migratetype = 0;
  gfp = NO_GFP;
  isRawPointer = false;
  /** At the line feed. */
  end = 0;
  private readonly gfps: ByteDictionary;
  /** gfp texts seen last, as words; most lines repeat one of a few. */
  private readonly recent = [new GfpText(), new GfpText(), new GfpText(), new GfpText()];
  private oldest = 0;

  constructor(gfps: ByteDictionary) {
    this.gfps = gfps;
  }

  /** Reads the event whose fields begin at `at`; false when it is in any other layout. */
  read(bytes: Uint8Array, view: DataView, at: number, isAlloc: boolean): boolean {
    if (view.getInt32(at, true) !== PAGE_1 || view.getInt32(at + 2, true) !== PAGE_2) return false;
    if (!isOneLine(view, at + 6)) return false;
    let p = at + PAGE_BYTES;
    if (view.getInt32(p, true) !== PFN_1 || view.getInt32(p + 3, true) !== PFN_2) return false;
    p += 7;
    const digits = p;
    let pfn = 0;
    for (let digit = HEX[bytes[p]]; digit !== NO_DIGIT; digit = HEX[bytes[++p]]) pfn = pfn * 16 + digit;
    if (p === digits || p - digits > PFN_DIGITS || pfn === 0) return false;
    if (view.getInt32(p, true) !== ORDER_1 || view.getInt32(p + 3, true) !== ORDER_2) return false;
    p += 7;
    let order = bytes[p] - ZERO;
    if (order < 0 || order > 9) return false;
    p++;
    if (order === 1 && bytes[p] === ZERO) {
      order = 10;
      p++;
    }
    if (isAlloc) {
      p = this.readType(bytes, view, p);
      if (p < 0) return false;
    }
    if (bytes[p] !== LF) return false;
    this.pfn = pfn;
    this.order = order;
    this.isRawPointer = view.getInt32(at + 6, true) === RAW_POINTER;
    this.end = p;
    return true;
  }

  /** migratetype and gfp_flags; where they end, or -1. */
  private readType(bytes: Uint8Array, view: DataView, at: number): number {
    if (view.getInt32(at, true) !== TYPE_1 || view.getInt32(at + 4, true) !== TYPE_2) return -1;
    if (view.getInt32(at + 8, true) !== TYPE_3 || view.getInt32(at + 9, true) !== TYPE_4) return -1;
    const migratetype = bytes[at + 13] - ZERO;
    if (migratetype < 0 || migratetype > 9) return -1;
    const p = at + 14;
    if (view.getInt32(p, true) !== GFP_1 || view.getInt32(p + 4, true) !== GFP_2) return -1;
    if (view.getInt32(p + 7, true) !== GFP_3) return -1;
    this.migratetype = migratetype;
    return this.readGfp(bytes, view, p + 11);
  }

  private readGfp(bytes: Uint8Array, view: DataView, at: number): number {
    const { recent } = this;
    for (let i = 0; i < recent.length; i++) {
      const text = recent[i];
      if (bytes[at + text.length] !== LF || !text.standsAt(view, at)) continue;
      this.gfp = text.id;
      return at + text.length;
    }
    let end = at;
    while (bytes[end] > BLANK) end++;
    this.gfp = this.gfps.idOf(bytes, at, end);
    if (bytes[end] === LF && recent[this.oldest].remember(view, at, end - at, this.gfp)) {
      this.oldest = (this.oldest + 1) & (recent.length - 1);
    }
    return end;
  }
}

/** Has none of the 16 bytes the value of a control character? Bit 5 or 6 is set in all that are printed. */
function isOneLine(view: DataView, at: number): boolean {
  const first = view.getInt32(at, true);
  const second = view.getInt32(at + 4, true);
  const third = view.getInt32(at + 8, true);
  const fourth = view.getInt32(at + 12, true);
  const printed =
    (first | (first << 1)) & (second | (second << 1)) & (third | (third << 1)) & (fourth | (fourth << 1));
  return (printed & 0x40404040) === 0x40404040;
}

const GFP_WORDS = 64;

class GfpText {
  id = NO_GFP;
  length = 0;
  private readonly words = new Int32Array(GFP_WORDS);
  private last = 0;

  standsAt(view: DataView, at: number): boolean {
    const { length, words } = this;
    // From the end: texts differ there, and begin alike.
    if (length === 0 || view.getInt32(at + length - 4, true) !== this.last) return false;
    for (let i = 0; i + 4 <= length; i += 4) if (view.getInt32(at + i, true) !== words[i >> 2]) return false;
    return true;
  }

  remember(view: DataView, at: number, length: number, id: number): boolean {
    if (length < 4 || length > GFP_WORDS * 4) return false;
    this.id = id;
    this.length = length;
    for (let i = 0; i + 4 <= length; i += 4) this.words[i >> 2] = view.getInt32(at + i, true);
    this.last = view.getInt32(at + length - 4, true);
    return true;
  }
}
