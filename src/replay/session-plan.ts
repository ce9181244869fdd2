/** From a survey to the plan that all replays of a session follow. */

import type { Machine } from '../machine/machine.js';
import type { StateSnapshot } from '../machine/snapshot.js';
import type { Mark } from '../trace/marks.js';
import { DEFAULT_VMEMMAP } from '../trace/struct-page.js';
import type { ReplayPlan, StartLive } from './plan.js';
import type { SessionOptions } from './session-options.js';
import type { Survey } from './survey.js';

export function planOf(
  options: SessionOptions,
  survey: Survey,
  marks: readonly Mark[],
  machine: Machine,
  snapshot: StateSnapshot | null,
  startLive: StartLive,
): ReplayPlan {
  const { labels, decayZones } = survey;
  return {
    gfpBits: survey.gfpBits,
    comms: survey.comms,
    labels: labels.classes.count > 0 ? labels.classes : null,
    splitTables: labels.splitTables.count > 0 ? labels.splitTables : null,
    marks,
    filesWithSnapshots: survey.filesWithSnapshots,
    hasDecays: decayZones.length > 0,
    balanceEnds: survey.balanceEnds,
    hasKswapd: (survey.check.result.events.byKind.mm_vmscan_kswapd_wake ?? 0) > 0,
    timeIsNs: survey.check.report.clock === 'seconds' || survey.check.report.clock === 'relative',
    zoneOfAddress: zonePositions(machine, snapshot, decayZones),
    vmemmap: snapshot?.vmemmap ?? DEFAULT_VMEMMAP,
    startLive,
    placement: options.placement,
    untilLine: options.untilLine,
    untilNs: options.untilNs,
  };
}

/** A state names the addresses of its zones; without one the n-th address is that of the n-th zone. */
function zonePositions(
  machine: Machine,
  snapshot: StateSnapshot | null,
  addresses: readonly number[],
): Map<number, number> {
  const positions = new Map<number, number>();
  machine.zones.forEach(({ index }, position) => {
    const recorded = snapshot?.zones.find(({ zone }) => zone === index);
    const address = recorded?.address ?? addresses[position];
    if (address !== undefined) positions.set(address, position);
  });
  return positions;
}
