/** Which kernels may have printed a trace, guessed from its text (trace-formats §10.3), with the evidence. */
import type { TraceReader } from './reader.js';

/** Releases as major * 100 + minor, so that they compare; 2.6.x is 206. */
type Release = number;

export interface EraGuess {
  /** '6.12.117', '5.14 or newer', '4.6 to 4.14', 'unknown', or what contradicts. */
  readonly kernel: string;
  /** Sentences without a full stop, the strongest first. */
  readonly evidence: readonly string[];
}

interface Clue {
  readonly oldest: Release;
  readonly newest: Release;
  readonly says: string;
}

const OLDEST = 0;
const NEWEST = Number.POSITIVE_INFINITY;

/** `recordedRelease`: what a capture says of itself. */
export function guessEra(reader: Pick<TraceReader, 'report' | 'gfps'>, recordedRelease = ''): EraGuess {
  if (recordedRelease !== '') return { kernel: recordedRelease, evidence: ['the capture names the release'] };
  const { release } = reader.report;
  if (release !== '') return { kernel: release, evidence: ['the text names the release'] };
  const found = clues(reader);
  if (found.length === 0) return { kernel: 'unknown', evidence: [] };
  const oldest = Math.max(...found.map((clue) => clue.oldest));
  const newest = Math.min(...found.map((clue) => clue.newest));
  return { kernel: range(oldest, newest), evidence: found.map(({ says }) => says) };
}

function clues({ report, gfps }: Pick<TraceReader, 'report' | 'gfps'>): Clue[] {
  const { era, eventsByName } = report;
  const found: Clue[] = [];
  const add = (isSeen: boolean, oldest: Release, newest: Release, says: string): void => {
    if (isSeen) found.push({ oldest, newest, says });
  };
  add(era.oldEventNames > 0, OLDEST, 302, 'mm_page_free_direct or mm_pagevec_free: up to 3.2');
  add(era.movableIs2 > era.movableIs1, OLDEST, 403, 'movable requests print migratetype 2: up to 4.3');
  add(era.movableIs1 > era.movableIs2, 404, NEWEST, 'movable requests print migratetype 1: 4.4 or newer');
  add(era.namesWithoutUnderscores > 0, OLDEST, 405, 'gfp names without underscores: up to 4.5');
  add(era.coldFields > 0, OLDEST, 414, 'cold= in batched frees: up to 4.14');
  add(era.rawPagePointers > 0, OLDEST, 414, 'raw page pointers: up to 4.14, or no_hash_pointers');
  add(era.nullPages > 0, OLDEST, 414, 'page=(null): up to 4.14');
  // Raw fields (numbers for gfp) and perf trace have the tool's number format, not the kernel's.
  const isKernelFormat = report.format !== 'perf-trace' && !gfps.some((text) => /^[0-9]/.test(text));
  add(isKernelFormat && era.hexPfns > era.decimalPfns, 514, NEWEST, 'pfns are hexadecimal: 5.14 or newer');
  add(isKernelFormat && era.decimalPfns > era.hexPfns, OLDEST, 513, 'pfns are decimal: up to 5.13');
  const hasOrder = (first: string, second: string): boolean =>
    gfps.some((text) => text.includes(`${first}|${second}`));
  add(
    hasOrder('__GFP_ZERO', '__GFP_COMP'),
    613,
    NEWEST,
    '__GFP_ZERO stands before __GFP_COMP: newer than 6.12',
  );
  add(
    hasOrder('__GFP_COMP', '__GFP_ZERO'),
    OLDEST,
    701,
    '__GFP_COMP stands before __GFP_ZERO: older than 7.2',
  );
  add(eventsByName.has('mm_setup_per_zone_wmarks'), 616, NEWEST, 'mm_setup_per_zone_wmarks: 6.16 or newer');
  return found.filter((clue) => !isNoHashPointers(clue, found));
}

/** Raw pointers beside anything newer than 4.14 mean the boot option, not an old kernel. */
function isNoHashPointers(clue: Clue, found: readonly Clue[]): boolean {
  return clue.says.startsWith('raw page pointers') && found.some(({ oldest }) => oldest > 414);
}

function range(oldest: Release, newest: Release): string {
  if (oldest > newest) return `contradictory: ${name(oldest)} or newer, and up to ${name(newest)}`;
  if (oldest === OLDEST) return `up to ${name(newest)}`;
  return newest === NEWEST ? `${name(oldest)} or newer` : `${name(oldest)} to ${name(newest)}`;
}

function name(release: Release): string {
  return `${Math.floor(release / 100)}.${release % 100}`;
}
