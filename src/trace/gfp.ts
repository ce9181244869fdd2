/**
 * What `gfp_flags=` says, in the bits of kernel/gfp.ts: names of all eras, and numbers.
 *
 * One mask has one spelling per kernel, and the same spelling means other bits in another kernel
 * (trace-formats §6), so a text is decoded with the era of its file. Where an old kernel had no bit for
 * something that a newer one asks for (waking kswapd before 4.4), the result is what a 7.3 caller would
 * have passed: a replay wants the request, not the number.
 */
import {
  GFP_ACCOUNT_BIT,
  GFP_BITS,
  GFP_COMP_BIT,
  GFP_COMPOSITES,
  GFP_DIRECT_RECLAIM_BIT,
  GFP_FS_BIT,
  GFP_HARDWALL_BIT,
  GFP_HIGH_BIT,
  GFP_IO_BIT,
  GFP_KSWAPD_RECLAIM_BIT,
  GFP_MEMALLOC_BIT,
  GFP_NOFAIL_BIT,
  GFP_NOMEMALLOC_BIT,
  GFP_NORETRY_BIT,
  GFP_NOWARN_BIT,
  GFP_RECLAIMABLE_BIT,
  GFP_RETRY_MAYFAIL_BIT,
  GFP_THISNODE_BIT,
  GFP_WRITE_BIT,
  GFP_ZERO_BIT,
} from '../kernel/gfp.js';
import { nearest } from '../kernel/nearest.js';
import { OTHER } from './dictionary.js';
import type { ReadReport } from './report.js';

/** How names are to be read: bare names (GFP_ZERO) before 4.6, `GFP_NOWAIT` with three meanings. */
export type GfpNameEra = 'before-4.4' | '4.4-4.5' | '4.6-5.13' | '5.14-7.3';

/** Where single bits lie in a number. Only positions proved by samples are known (see LAYOUTS). */
export type GfpLayout = '4.5-4.10' | '4.11-4.14' | '4.15-4.20' | '5.0-7.3';

export interface GfpEra {
  readonly names: GfpNameEra;
  readonly layout: GfpLayout;
}

export interface DecodedGfp {
  /** Bits of kernel/gfp.ts. */
  readonly bits: number;
  /** Names (or bits, as 0x…) without a meaning here; they count as 0. */
  readonly unknown: readonly string[];
}

const RECLAIM = GFP_DIRECT_RECLAIM_BIT | GFP_KSWAPD_RECLAIM_BIT;
const KERNEL = RECLAIM | GFP_IO_BIT | GFP_FS_BIT;

/** Names that 7.3 no longer prints. Value 0: the bit is gone, and with it what it asked for. */
const RETIRED_BITS: Readonly<Record<string, number>> = {
  __GFP_REPEAT: GFP_RETRY_MAYFAIL_BIT,
  __GFP_RECLAIM: RECLAIM,
  __GFP_ATOMIC: GFP_HIGH_BIT,
  __GFP_COLD: 0,
  __GFP_NOTRACK: 0,
  __GFP_OTHER_NODE: 0,
  __GFP_NO_OBJ_EXT: 0,
  __GFP_SKIP_ZERO: 0,
  __GFP_SKIP_KASAN: 0,
  __GFP_SKIP_KASAN_POISON: 0,
  __GFP_SKIP_KASAN_UNPOISON: 0,
  __GFP_NOLOCKDEP: 0,
  // The class travels beside the mask (page class), not in it.
  __GFP_UNMAPPED: 0,
  GFP_TEMPORARY: KERNEL | GFP_RECLAIMABLE_BIT,
  none: 0,
  '': 0,
};

/** Single bits by the bare name of the time before 4.6, where it differs from `__` + name. */
const BARE_BITS: Readonly<Record<string, number>> = {
  GFP_WAIT: RECLAIM,
  // Takes away what every other mask of that time implies; see decodeGfp.
  GFP_NO_KSWAPD: 0,
  GFP_HIGH: GFP_HIGH_BIT,
};

/** Positions above the low byte, which never moved; below 5.0 the same up to 0x80000. */
const OLD_BITS: readonly (readonly [number, number])[] = [
  [0x100, 0], // COLD
  [0x200, GFP_NOWARN_BIT],
  [0x400, GFP_RETRY_MAYFAIL_BIT],
  [0x800, GFP_NOFAIL_BIT],
  [0x1000, GFP_NORETRY_BIT],
  [0x2000, GFP_MEMALLOC_BIT],
  [0x4000, GFP_COMP_BIT],
  [0x8000, GFP_ZERO_BIT],
  [0x10000, GFP_NOMEMALLOC_BIT],
  [0x20000, GFP_HARDWALL_BIT],
  [0x40000, GFP_THISNODE_BIT],
  [0x80000, 0], // ATOMIC
  [0x100000, GFP_ACCOUNT_BIT],
];

/**
 * Each older layout is proved by a text that prints both number and names: 0x24213ca of 4.6 and 0x6280ca
 * of 4.18 (trace-samples/pageowner-eras.txt), 24150208 of 4.13 (tracecmd-4.13-fragments.txt).
 */
const LAYOUTS: Readonly<Record<GfpLayout, readonly (readonly [number, number])[]>> = {
  '5.0-7.3': [
    ...Object.values(GFP_BITS)
      .filter((bit) => bit > 0xff)
      .map((bit) => [bit, bit] as const),
    [0x200, 0], // ATOMIC up to 6.2
    [0x1000000, 0], // NO_OBJ_EXT of 6.12, NOLOCKDEP of others
  ],
  '4.15-4.20': [
    ...OLD_BITS,
    [0x200000, GFP_DIRECT_RECLAIM_BIT],
    [0x400000, GFP_KSWAPD_RECLAIM_BIT],
    [0x800000, GFP_WRITE_BIT],
  ],
  '4.11-4.14': [
    ...OLD_BITS,
    [0x200000, 0], // NOTRACK
    [0x400000, GFP_DIRECT_RECLAIM_BIT],
    [0x800000, GFP_WRITE_BIT],
    [0x1000000, GFP_KSWAPD_RECLAIM_BIT],
  ],
  '4.5-4.10': [
    ...OLD_BITS,
    [0x200000, 0], // NOTRACK
    [0x400000, GFP_DIRECT_RECLAIM_BIT],
    [0x800000, 0], // OTHER_NODE
    [0x1000000, GFP_WRITE_BIT],
    [0x2000000, GFP_KSWAPD_RECLAIM_BIT],
  ],
};

/** Newest first: equal evidence speaks for the newer kernel. */
const LAYOUT_ORDER: readonly GfpLayout[] = ['5.0-7.3', '4.15-4.20', '4.11-4.14', '4.5-4.10'];

/** Era of a file from what its reader saw; better at the end of the file than in the middle. */
export function gfpEra(gfps: readonly string[], report: Pick<ReadReport, 'era'>): GfpEra {
  return { names: nameEra(gfps, report), layout: numberLayout(gfps) };
}

/** Bits of one text. */
export function decodeGfp(text: string, era: GfpEra): DecodedGfp {
  const number = gfpNumber(text);
  if (number !== null) return fromNumber(number, era.layout);
  const isBare = era.names === 'before-4.4' || era.names === '4.4-4.5';
  const unknown: string[] = [];
  let bits = 0;
  let wakesKswapd = era.names === 'before-4.4';
  const parts = text.split('|');
  for (let i = 0; i < parts.length; i++) {
    const name = parts[i];
    if (isBare && name === 'GFP_NO_KSWAPD') wakesKswapd = false;
    const leftover = gfpNumber(name);
    if (leftover !== null) {
      const decoded = fromNumber(leftover, era.layout);
      bits |= decoded.bits;
      unknown.push(...decoded.unknown);
      continue;
    }
    const value = nameBits(name, i === 0, isBare, era.names);
    if (value === null) unknown.push(name);
    else bits |= value;
  }
  // Before 4.4 every request woke kswapd unless it said GFP_NO_KSWAPD; the bit for it came with 4.4.
  if (wakesKswapd) bits |= GFP_KSWAPD_RECLAIM_BIT;
  return { bits, unknown };
}

/** Names that kernels of vendors print (Android): not misspelt, and without a meaning in 7.3. */
const VENDOR_NAMES: ReadonlySet<string> = new Set(['__GFP_CMA', 'GFP_RBIN', '__GFP_RBIN']);

/** All names that today's kernels print. */
export const GFP_NAMES: readonly string[] = [...Object.keys(GFP_COMPOSITES), ...Object.keys(GFP_BITS)];

/** Names in a text that no kernel has printed; numbers and their unknown bits are not among them. */
export function unknownGfpNames(text: string): readonly string[] {
  const layout = '5.0-7.3';
  const old = new Set(decodeGfp(text, { names: 'before-4.4', layout }).unknown);
  const { unknown } = decodeGfp(text, { names: '5.14-7.3', layout });
  return unknown.filter((name) => isName(name) && old.has(name));
}

export interface DecodedGfps {
  /** Bits by gfp id of the reader. */
  readonly bits: Int32Array;
  readonly era: GfpEra;
  /** Sentences about names that were not understood, for the user. */
  readonly notes: readonly string[];
}

/** Bits of every gfp text of a reader. */
export function decodeGfps(gfps: readonly string[], report: Pick<ReadReport, 'era'>): DecodedGfps {
  const era = gfpEra(gfps, report);
  const unknown = new Set<string>();
  const bits = Int32Array.from(gfps, (text) => {
    const decoded = decodeGfp(text, era);
    for (const name of decoded.unknown) unknown.add(name);
    return decoded.bits;
  });
  const notes =
    unknown.size === 0
      ? []
      : [`gfp flags without a meaning here, taken as 0: ${[...unknown].sort().map(withGuess).join(', ')}`];
  return { bits, era, notes };
}

/** Could it be a misspelt name? */
function isName(name: string): boolean {
  return gfpNumber(name) === null && name !== OTHER && !VENDOR_NAMES.has(name);
}

function withGuess(name: string): string {
  const guess = isName(name) ? nearest(name, GFP_NAMES) : null;
  return guess === null ? name : `${name} (did you mean '${guess}'?)`;
}

/** Value of a numeric text: 0x…, decimal, or bare hex digits as a vendor event prints them; null for names. */
function gfpNumber(text: string): number | null {
  if (/^0[xX][0-9a-fA-F]{1,13}$/.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^\d{1,15}$/.test(text)) return Number(text);
  return /^[0-9a-f]{1,8}$/.test(text) ? Number.parseInt(text, 16) : null;
}

function fromNumber(mask: number, layout: GfpLayout): DecodedGfp {
  let bits = mask & 0xff;
  let rest = mask - bits;
  for (const [printed, bit] of LAYOUTS[layout]) {
    if ((mask & printed) === 0) continue;
    bits |= bit;
    rest -= printed;
  }
  return { bits, unknown: rest === 0 ? [] : [`0x${rest.toString(16)}`] };
}

function nameBits(name: string, isFirst: boolean, isBare: boolean, era: GfpNameEra): number | null {
  // 4.4 and 4.5 print the composite and the single bit alike; the composite is always first (§6).
  if (name === 'GFP_ATOMIC') return isFirst || !isBare ? GFP_COMPOSITES.GFP_ATOMIC : GFP_HIGH_BIT;
  // No bits at all before 4.4, KSWAPD_RECLAIM then, with NOWARN in newer kernels (§6 note a).
  if (name === 'GFP_NOWAIT') {
    if (isBare) return 0;
    return era === '4.6-5.13' ? GFP_KSWAPD_RECLAIM_BIT : GFP_COMPOSITES.GFP_NOWAIT;
  }
  if (isBare) {
    if (Object.hasOwn(BARE_BITS, name)) return BARE_BITS[name];
    const single = `__${name}`;
    // A composite of that name wins: GFP_DMA and GFP_HIGHMEM had no names of their own then.
    if (!Object.hasOwn(GFP_COMPOSITES, name)) {
      if (Object.hasOwn(GFP_BITS, single)) return GFP_BITS[single];
      if (Object.hasOwn(RETIRED_BITS, single)) return RETIRED_BITS[single];
    }
  }
  if (Object.hasOwn(GFP_COMPOSITES, name)) return GFP_COMPOSITES[name];
  if (Object.hasOwn(GFP_BITS, name)) return GFP_BITS[name];
  return Object.hasOwn(RETIRED_BITS, name) ? RETIRED_BITS[name] : null;
}

function nameEra(gfps: readonly string[], report: Pick<ReadReport, 'era'>): GfpNameEra {
  const { era } = report;
  if (era.namesWithoutUnderscores > 0) {
    const has44Names = gfps.some((text) => /(^|\|)GFP_(DIRECT|KSWAPD)_RECLAIM\b/.test(text));
    const hasOldNames = gfps.some((text) => /(^|\|)GFP_(WAIT|NO_KSWAPD)\b/.test(text));
    return has44Names && !hasOldNames ? '4.4-4.5' : 'before-4.4';
  }
  if (era.oldEventNames > 0) return 'before-4.4';
  return era.decimalPfns > era.hexPfns ? '4.6-5.13' : '5.14-7.3';
}

/**
 * The layout in which most numbers of the file carry KSWAPD_RECLAIM and no bit is left over: nearly every
 * request allows kswapd, and the bit is elsewhere in each layout.
 */
function numberLayout(gfps: readonly string[]): GfpLayout {
  const numbers = gfps.map(gfpNumber).filter((value): value is number => value !== null && value > 0);
  let best: GfpLayout = '5.0-7.3';
  let bestScore = 0;
  for (const layout of LAYOUT_ORDER) {
    let score = 0;
    for (const value of numbers) {
      const { bits, unknown } = fromNumber(value, layout);
      if (unknown.length === 0 && (bits & GFP_KSWAPD_RECLAIM_BIT) !== 0) score++;
    }
    if (score > bestScore) [best, bestScore] = [layout, score];
  }
  return best;
}

/** Does a text use names of single bits as they were printed before 4.6? Evidence for the era (§10.3). */
export function hasBareNames(text: string): boolean {
  return text.split('|').some((name, i) => {
    if (!name.startsWith('GFP_') || (i === 0 && name === 'GFP_ATOMIC')) return false;
    if (Object.hasOwn(GFP_COMPOSITES, name)) return i > 0 && name === 'GFP_ATOMIC';
    return Object.hasOwn(BARE_BITS, name) || isRetiredBare(name) || Object.hasOwn(GFP_BITS, `__${name}`);
  });
}

function isRetiredBare(name: string): boolean {
  return name !== 'GFP_RECLAIM' && Object.hasOwn(RETIRED_BITS, `__${name}`);
}
