/**
 * The machine that a snapshot was taken on: zones with the kernel's own numbers, not with computed ones,
 * because watermarks come from values that no file keeps (page-allocator §6.3, last sentence).
 */

import { EXIT, UserError } from '../kernel/errors.js';
import { rulesFor } from '../kernel/rules.js';
import { parseIomem, trimRam } from './iomem.js';
import { type Machine, type PfnRange, ZONE_NAMES, type Zone } from './machine.js';
import { intersectRanges, normalizeRanges } from './pfn-ranges.js';
import { pcpSizes, statThreshold } from './sizing.js';
import type { StateSnapshot, ZoneRecord } from './snapshot.js';

/** Bit of `pcp->flags` (page-allocator §1.4). */
const PCPF_FREE_HIGH_BATCH = 2;

export interface SnapshotMachineExtra {
  /** Name of the machine in results: the capture's. */
  readonly name: string;
  /** Text of the recorded /proc/iomem, if it was kept. */
  readonly iomem?: string | null;
  /** `--cpus`: another number than the recorded one; sizes that depend on it are computed anew. */
  readonly cpus?: number;
  /** `--kernel`: the rules of another kernel than the recorded one. */
  readonly kernel?: string;
}

export function machineOfSnapshot(snapshot: StateSnapshot, extra: SnapshotMachineExtra): Machine {
  const kernel = extra.kernel ?? snapshot.kernel;
  const choice = rulesFor(kernel);
  if (choice === null) {
    throw new UserError(EXIT.doesNotFit, `${extra.name} is of kernel ${kernel}, whose rules are not known`, {
      advice: 'use --kernel 6.12 for the nearest rules, or a capture of 6.12 or newer',
    });
  }
  const cpus = extra.cpus ?? snapshot.cpus;
  const ram = ramOf(snapshot, extra);
  const reserved = snapshot.pageUses
    .filter((run) => run.use === 'reserved')
    .map((run) => ({ start: run.startPfn, end: run.startPfn + run.pages }));
  const zones = snapshot.zones
    .filter((zone) => zone.present > 0)
    .sort((a, b) => a.zone - b.zone)
    .map((zone) => zoneOf(zone, cpus, cpus === snapshot.cpus));
  const ceiling = snapshot.variables.get('tlb_single_page_flush_ceiling');
  return {
    name: extra.name,
    rules: choice.rules,
    cpus,
    ram,
    // Holes that have struct pages count as reserved there; here only RAM does.
    reserved: intersectRanges(normalizeRanges(reserved), ram),
    zones,
    endPfn: snapshot.lastPfn,
    minFreeKbytes: variable(snapshot, 'min_free_kbytes', 0),
    watermarkBoostFactor: variable(snapshot, 'watermark_boost_factor', 15000),
    gbPages: hasGbPages(snapshot),
    tlbFlushCeiling: ceiling === undefined ? 33 : Number(ceiling),
    // Recorded nowhere; the captures' emulated CPU does not have it.
    invlpgb: false,
    freeHighBatch: snapshot.pcps.some((pcp) => (pcp.flags & PCPF_FREE_HIGH_BATCH) !== 0),
  };
}

function zoneOf(zone: ZoneRecord, cpus: number, asRecorded: boolean): Zone {
  const { managed, watermark, boost } = zone;
  return {
    index: zone.zone,
    name: ZONE_NAMES[zone.zone],
    startPfn: zone.startPfn,
    endPfn: zone.startPfn + zone.spanned,
    present: zone.present,
    managed,
    watermark,
    boost,
    lowmemReserve: zone.lowmemReserve,
    pcp: asRecorded ? zone.pcpSizes : pcpSizes({ managed, low: watermark.low + boost, cpus }),
    statThreshold: asRecorded ? zone.statThreshold : statThreshold(managed, cpus),
    hasDriftMark: asRecorded && zone.percpuDriftMark > 0,
  };
}

/** From iomem, exactly; else from the direct map, which maps RAM and, below 1M, everything. */
function ramOf(snapshot: StateSnapshot, extra: SnapshotMachineExtra): PfnRange[] {
  if (extra.iomem !== undefined && extra.iomem !== null) return [...parseIomem(extra.iomem, 'iomem').ram];
  const mapped = snapshot.directMap.filter((run) => run.level !== 'none');
  const known: { startPfn: number; pages: number }[] =
    mapped.length > 0
      ? mapped
      : snapshot.zones.map((zone) => ({ startPfn: zone.startPfn, pages: zone.spanned }));
  return trimRam(known.map((run) => ({ start: run.startPfn, end: run.startPfn + run.pages })));
}

function hasGbPages(snapshot: StateSnapshot): boolean {
  const value = snapshot.variables.get('direct_gbpages');
  return value === undefined ? snapshot.directMap.some((run) => run.level === '1G') : value !== '0';
}

function variable(snapshot: StateSnapshot, name: string, otherwise: number): number {
  const value = Number(snapshot.variables.get(name));
  return Number.isSafeInteger(value) ? value : otherwise;
}
