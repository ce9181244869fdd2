/**
 * The sizing of every recorded machine. What boot used is not kept: zoneinfo's managed is larger, because
 * init memory was freed later (page-allocator §6.3). high_max / 8 narrows it to a few values a zone; the
 * test asks that one combination of them gives *all* other numbers.
 */

import { describe, expect, test } from 'vitest';
import { findCapture } from '../../src/machine/capture.js';
import { parseZoneinfo } from '../../src/machine/kernel-files.js';
import { ZONE_NAMES } from '../../src/machine/machine.js';
import {
  lowmemReserves,
  pcpSizes,
  sizeAtBoot,
  statThreshold,
  watermarks,
  type ZoneSize,
} from '../../src/machine/sizing.js';
import type { StateSnapshot, ZoneRecord } from '../../src/machine/snapshot.js';
import { captureCases, haveCaptures } from './shared.js';

describe.skipIf(!haveCaptures)('sizes of recorded machines', () => {
  test.each(captureCases)('%s', async (_name, folder) => {
    const capture = (await findCapture(folder))!;
    const state = await capture.before();

    const atSizing = managedAtSizing(state);
    expect(atSizing, 'no managed at sizing gives all marks and pcp sizes').not.toBeNull();

    // Reserves: 7.3 from managed as it is now; 6.12 from boot, or from now after a read of the sysctl (§6.4).
    const printed = state.zones.map((zone) => ({ index: zone.zone, managed: zone.managed }));
    const now = lowmemReserves(printed);
    const boot = lowmemReserves(atSizing!);
    for (const [i, zone] of state.zones.entries()) {
      const length = zone.lowmemReserve.length;
      const possible = [
        now[i].slice(0, length),
        ...(state.kernel.startsWith('6.12') ? [boot[i].slice(0, length)] : []),
      ];
      expect(possible).toContainEqual(zone.lowmemReserve);
    }

    // zoneinfo prints the same numbers as the state holds, read some seconds earlier.
    const zoneinfo = parseZoneinfo((await capture.copy('before', 'zoneinfo'))!, 'zoneinfo');
    expect(zoneinfo.map((zone) => zone.name)).toEqual(state.zones.map((zone) => ZONE_NAMES[zone.zone]));
    for (const [i, zone] of state.zones.entries()) {
      const shown = zoneinfo[i];
      expect(shown.startPfn).toBe(zone.startPfn);
      expect([shown.spanned, shown.present, shown.managed]).toEqual([
        zone.spanned,
        zone.present,
        zone.managed,
      ]);
      if (shown.boost === zone.boost) {
        const { min, low, high, promo } = zone.watermark;
        expect(shown.watermark).toEqual({
          min: min + zone.boost,
          low: low + zone.boost,
          high: high + zone.boost,
          promo: promo + zone.boost,
        });
      }
      expect(shown.pagesets).toHaveLength(state.cpus);
      const { batch, highMin, highMax } = zone.pcpSizes;
      for (const pageset of shown.pagesets) {
        expect(pageset.batch).toBe(batch);
        expect([null, highMin]).toContain(pageset.highMin);
        expect([null, highMax]).toContain(pageset.highMax);
      }
      expect(shown.statThreshold).toBe(zone.statThreshold);
      // From managed at sizing too: the machines of 160 MiB have 32768 pages in DMA32 only later, and T = 2.
      expect(zone.statThreshold).toBe(statThreshold(atSizing![i].managed, state.cpus));
    }
  });
});

/** Values of managed, none above the printed one, from which every mark and pcp size of the state follows. */
function managedAtSizing(state: StateSnapshot): ZoneSize[] | null {
  const userSet = Number(state.variables.get('user_min_free_kbytes')) !== -1;
  const minFreeKbytes = Number(state.variables.get('min_free_kbytes'));
  const candidates = state.zones.map((zone) => candidatesOf(zone, state.cpus));
  for (const managed of combinations(candidates)) {
    const zones = state.zones.map((zone, i) => ({ index: zone.zone, managed: managed[i] }));
    const boots = [true, false].map((thp) => sizeAtBoot(zones, { thp }));
    if (!userSet && !boots.some((boot) => boot.minFreeKbytes === minFreeKbytes)) continue;
    const marks = watermarks(zones, minFreeKbytes);
    const fits = state.zones.every((zone, i) => {
      const sizes = pcpSizes({ managed: managed[i], low: marks[i].low, cpus: state.cpus });
      return equal(marks[i], zone.watermark) && equal(sizes, zone.pcpSizes);
    });
    if (fits) return zones;
  }
  return null;
}

/** high_max = (managed / 8) / cpus, both truncated, unless the batch bounds it (page-allocator §6.5). */
function candidatesOf(zone: ZoneRecord, cpus: number): number[] {
  const { highMax } = zone.pcpSizes;
  const values: number[] = [];
  for (let managed = highMax * cpus * 8; managed < (highMax + 1) * cpus * 8; managed++) {
    if (managed <= zone.managed) values.push(managed);
  }
  return values;
}

function* combinations(lists: number[][]): Generator<number[]> {
  if (lists.length === 0) {
    yield [];
    return;
  }
  for (const first of lists[0]) for (const rest of combinations(lists.slice(1))) yield [first, ...rest];
}

function equal(a: object, b: object): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
