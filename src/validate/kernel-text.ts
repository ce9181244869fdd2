/**
 * /proc/buddyinfo, /proc/pagetypeinfo and debugfs extfrag/extfrag_index and unusable_index, as the kernel
 * prints them: widths, trailing blanks and all (page-allocator §8.4 to §8.6). Lines come without line feeds.
 */

import { PAGETYPEINFO_NAMES } from '../kernel/migratetypes.js';
import { NR_PAGE_ORDERS, PAGEBLOCK_ORDER, PAGEBLOCK_PAGES } from '../kernel/orders.js';
import { fragmentationIndex, unusableFreeIndex } from '../metrics/kernel-indices.js';
import type { ZoneCounts } from './zone-counts.js';

/** Rows of pagetypeinfo depend on the kernel: no CMA in 6.12, one more list with the freetype series. */
export interface KernelTypes {
  readonly hasCma: boolean;
  readonly freetypes: boolean;
}

/** Single node: validation knows no other machine. */
const NODE = 0;
/** Counting of a list stops there, and `>` is put before it (§8.6). */
const LONGEST_COUNTED = 100000;
/** What the freetype kernel calls the list of unmapped unmovable pages; not a type of blocks. */
const UNMAPPED_NAME = 'Unmapped';
const CMA_NAME = 'CMA';

export function buddyinfoLines(zones: readonly ZoneCounts[]): string[] {
  return zones.map((zone) => zoneHead(zone) + freeBlocks(zone).map(count).join(''));
}

export function extfragIndexLines(zones: readonly ZoneCounts[]): string[] {
  return indexLines(zones, fragmentationIndex, 2);
}

export function unusableIndexLines(zones: readonly ZoneCounts[]): string[] {
  return indexLines(zones, unusableFreeIndex, 0);
}

export function pagetypeinfoLines(zones: readonly ZoneCounts[], kernel: KernelTypes): string[] {
  const blockTypes = PAGETYPEINFO_NAMES.map((name, index) => ({ name: name as string, index })).filter(
    ({ name }) => kernel.hasCma || name !== CMA_NAME,
  );
  const listTypes = kernel.freetypes
    ? [...blockTypes, { name: UNMAPPED_NAME, index: PAGETYPEINFO_NAMES.length }]
    : blockTypes;
  return [
    `Page block order: ${PAGEBLOCK_ORDER}`,
    `Pages per block:  ${PAGEBLOCK_PAGES}`,
    '',
    `${'Free pages count per migrate type at order '.padEnd(43)} ${orders().map(count).join('')}`,
    ...zones.flatMap(({ name, lists }) =>
      listTypes.map(
        (type) =>
          `Node ${pad(NODE, 4)}, zone ${pad(name, 8)}, type ${pad(type.name, 12)} ` +
          orders()
            .map((order) => cappedCount(lists[type.index][order]))
            .join(''),
      ),
    ),
    '',
    `${'Number of blocks type '.padEnd(23)}${blockTypes.map(({ name }) => `${pad(name, 12)} `).join('')}`,
    ...zones.map(
      (zone) => zoneHead(zone) + blockTypes.map(({ index }) => `${pad(zone.blocks[index], 12)} `).join(''),
    ),
  ];
}

function indexLines(
  zones: readonly ZoneCounts[],
  index: (freeBlocks: readonly number[], order: number) => number,
  width: number,
): string[] {
  return zones.map(
    (zone) =>
      zoneHead(zone) +
      orders()
        .map((order) => `${thousandths(index(freeBlocks(zone), order), width)} `)
        .join(''),
  );
}

/** `%2d.%03d` or `%d.%03d` of a C division: -1000 is `-1.000`, -500 is ` 0.-500`, -5 is ` 0.-05`. */
function thousandths(value: number, width: number): string {
  const rest = value % 1000;
  const digits = rest < 0 ? `-${String(-rest).padStart(2, '0')}` : String(rest).padStart(3, '0');
  return `${pad(Math.trunc(value / 1000) + 0, width)}.${digits}`;
}

function zoneHead({ name }: ZoneCounts): string {
  return `Node ${NODE}, zone ${pad(name, 8)} `;
}

/** nr_free: all types together. */
function freeBlocks({ lists }: ZoneCounts): number[] {
  return orders().map((order) => lists.reduce((sum, list) => sum + list[order], 0));
}

function orders(): number[] {
  return Array.from({ length: NR_PAGE_ORDERS }, (_, order) => order);
}

function count(value: number): string {
  return `${pad(value, 6)} `;
}

function cappedCount(value: number): string {
  return value < LONGEST_COUNTED ? count(value) : `>${count(LONGEST_COUNTED)}`;
}

function pad(value: string | number, width: number): string {
  return String(value).padStart(width);
}
