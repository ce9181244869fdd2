import { describe, expect, test } from 'vitest';
import { emptyReport } from '../../src/trace/empty-report.js';
import { decodeGfp, decodeGfps, type GfpEra, hasBareNames } from '../../src/trace/gfp.js';

const OLD: GfpEra = { names: 'before-4.4', layout: '4.5-4.10' };
const V4_4: GfpEra = { names: '4.4-4.5', layout: '4.5-4.10' };
const V4_13: GfpEra = { names: '4.6-5.13', layout: '4.11-4.14' };
const NEW: GfpEra = { names: '5.14-7.3', layout: '5.0-7.3' };

describe('names by era (trace-formats §6; values page-allocator §0.5)', () => {
  test.each<[string, GfpEra, number]>([
    ['GFP_HIGHUSER_MOVABLE|__GFP_COMP', NEW, 0x140cca],
    ['GFP_KERNEL_ACCOUNT|__GFP_ZERO|__GFP_COMP', NEW, 0x440dc0],
    // The same mask in the order of 6.12.
    ['GFP_KERNEL_ACCOUNT|__GFP_COMP|__GFP_ZERO', NEW, 0x440dc0],
    ['GFP_TRANSHUGE', NEW, 0x1c24ca],
    ['none', NEW, 0],
    ['', NEW, 0],
    // NOWAIT: with NOWARN now, without it before; no bits at all before 4.4, when everybody woke kswapd.
    ['GFP_NOWAIT', NEW, 0x2800],
    ['GFP_NOWAIT', V4_13, 0x800],
    ['GFP_NOWAIT', OLD, 0x800],
    ['GFP_TRANSHUGE|GFP_NO_KSWAPD', OLD, 0x1c24ca],
    ['GFP_ATOMIC', NEW, 0x820],
    // Second place: the single bit (4.4, 4.5).
    ['GFP_ATOMIC|GFP_ZERO', V4_4, 0x920],
    ['GFP_NOIO|GFP_ATOMIC', V4_4, 0xc20],
    ['GFP_USER|GFP_REPEAT|GFP_ZERO|GFP_NOTRACK', OLD, 0x104dc0],
    ['GFP_NOFS|GFP_RECLAIMABLE', OLD, 0xc50],
    ['GFP_KERNEL|__GFP_REPEAT', V4_13, 0x4cc0],
    // Bits that had no name then.
    ['GFP_WAIT|0x82', OLD, 0xc82],
    ['GFP_TEMPORARY', OLD, 0xcd0],
  ])('%s', (text, era, bits) => {
    expect(decodeGfp(text, era)).toEqual({ bits, unknown: [] });
  });

  test('an unknown name counts as 0 and is told', () => {
    expect(decodeGfp('GFP_KERNEL|__GFP_CMA', NEW)).toEqual({ bits: 0xcc0, unknown: ['__GFP_CMA'] });
    expect(decodeGfps(['GFP_KERNEL|__GFP_ZREO'], emptyReport('ftrace')).notes).toEqual([
      "gfp flags without a meaning here, taken as 0: __GFP_ZREO (did you mean '__GFP_ZERO'?)",
    ]);
    const { notes } = decodeGfps(['', 'GFP_KERNEL|__GFP_CMA|0x80000000', 'GFP_RBIN'], emptyReport('ftrace'));
    expect(notes).toEqual(['gfp flags without a meaning here, taken as 0: 0x80000000, GFP_RBIN, __GFP_CMA']);
  });

  test.each([
    ['GFP_KERNEL|__GFP_ZERO', false],
    ['GFP_KERNEL', false],
    ['GFP_ATOMIC', false],
    ['GFP_NOIO|GFP_ATOMIC', true],
    ['GFP_USER|GFP_ZERO', true],
    ['GFP_WAIT', true],
    ['GFP_RBIN', false],
  ])('%s has names of the time before 4.6: %s', (text, isBare) => {
    expect(hasBareNames(text)).toBe(isBare);
  });
});

describe('numbers (§6 note b)', () => {
  // Numbers that real text prints beside their names.
  test.each([
    ['7.3', ['0x440dc0'], [0x440dc0]],
    ['6.8 to 6.12', ['0x152c4a'], [0x152c4a]],
    ['5.4, hex without 0x', ['342cca'], [0x342cca]],
    ['4.18: HIGHUSER_MOVABLE|ZERO', ['0x6280ca'], [0x100dca]],
    ['4.13: KERNEL_ACCOUNT|ZERO|NOTRACK, decimal', ['24150208'], [0x400dc0]],
    ['4.6: HIGHUSER_MOVABLE|COLD|NOWARN|NORETRY', ['0x24213ca'], [0x112cca]],
    // One mask alone may fit several layouts; the file's others decide.
    ['4.13, with a mask that says nothing', ['0x40', '29491274'], [0x40, 0x101c4a]],
  ])('%s', (_name, texts, bits) => {
    expect([...decodeGfps(['', ...texts], emptyReport('ftrace')).bits]).toEqual([0, ...bits]);
  });
});
