/** What is counted over a trace beside its rows: events by name, CPUs, and evidence for the kernel's age. */

import { UNKNOWN_CPU } from './columns.js';
import { ByteDictionary } from './dictionary.js';
import { type EventShape, SHAPES } from './event-shapes.js';
import type { FieldEvidence } from './field-reader.js';
import { hasBareNames } from './gfp.js';
import { note } from './notes.js';
import type { ReadReport } from './report.js';

const NAME_CAP = 4096;
/** Migratetypes per gfp text that are counted; unknown and larger ones share the last place. */
const COUNTED_TYPES = 4;

export class Tally {
  private readonly unknownNames = new ByteDictionary(NAME_CAP);
  private readonly unknownCounts = new Float64Array(NAME_CAP);
  private readonly shapeCounts = new Float64Array(SHAPES.length);
  /** Known and unknown names in order of first appearance. */
  private readonly nameOrder: (EventShape | number)[] = [];
  private readonly cpuSeen = new Uint8Array(UNKNOWN_CPU + 1);
  private largestCpu = -1;
  /** Requests by gfp id and migratetype. */
  private readonly types: Float64Array;

  constructor(gfpCap: number) {
    this.types = new Float64Array(gfpCap * COUNTED_TYPES);
  }

  countShape(shape: EventShape): void {
    if (this.shapeCounts[shape.index]++ === 0) this.nameOrder.push(shape);
  }

  /** An event that mm-sim does not keep, by the bytes of its name. */
  countName(bytes: Uint8Array, start: number, end: number): void {
    const id = this.unknownNames.idOf(bytes, start, end);
    if (this.unknownCounts[id]++ === 0) this.nameOrder.push(id);
  }

  countCpu(cpu: number): void {
    this.cpuSeen[cpu] = 1;
    if (cpu > this.largestCpu && cpu < UNKNOWN_CPU) this.largestCpu = cpu;
  }

  countRequest(gfp: number, migratetype: number): void {
    this.types[gfp * COUNTED_TYPES + (migratetype & (COUNTED_TYPES - 1))]++;
  }

  settle(report: ReadReport, gfps: readonly string[], evidence: FieldEvidence): void {
    report.cpus = [];
    for (let cpu = 0; cpu <= this.largestCpu; cpu++) if (this.cpuSeen[cpu] === 1) report.cpus.push(cpu);
    const { era, eventsByName } = report;
    for (const name of this.nameOrder) {
      if (typeof name === 'number') eventsByName.set(this.unknownNames.names[name], this.unknownCounts[name]);
      else eventsByName.set(name.name, this.shapeCounts[name.index]);
    }
    era.hexPfns = evidence.hexPfns;
    // perf trace prints numbers of its own making: they say nothing about the kernel.
    era.decimalPfns = report.format === 'perf-trace' ? 0 : evidence.decimalPfns;
    era.coldFields = evidence.coldFields;
    era.rawPagePointers = evidence.rawPagePointers;
    era.nullPages = evidence.nullPages;
    era.oldEventNames =
      (eventsByName.get('mm_page_free_direct') ?? 0) + (eventsByName.get('mm_pagevec_free') ?? 0);
    if (evidence.bareHexPfns > 0) note(report, 'some pfns are hexadecimal without 0x and were read so');
    this.settleGfps(report, gfps);
  }

  /** In requests with these names the migratetype tells which numbering is in use (trace-formats §5.6). */
  private settleGfps({ era }: ReadReport, gfps: readonly string[]): void {
    era.movableIs1 = 0;
    era.movableIs2 = 0;
    era.namesWithoutUnderscores = 0;
    for (let id = 1; id < gfps.length; id++) {
      const counts = this.types.subarray(id * COUNTED_TYPES, (id + 1) * COUNTED_TYPES);
      if (/(^|\|)GFP_HIGHUSER_MOVABLE\b/.test(gfps[id])) {
        era.movableIs1 += counts[1];
        era.movableIs2 += counts[2];
      } else if (/GFP_RECLAIMABLE\b|GFP_TEMPORARY\b/.test(gfps[id])) {
        era.movableIs1 += counts[2];
        era.movableIs2 += counts[1];
      }
      if (!hasBareNames(gfps[id])) continue;
      for (const count of counts) era.namesWithoutUnderscores += count;
    }
  }
}
