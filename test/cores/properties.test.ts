/** What holds for every core under every value of its parameters, whatever is asked of it. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CORES, type CoreEntry, type ParameterValues } from '../../src/cores/registry.js';
import { PLAIN, READONLY, UNMAPPED } from '../../src/kernel/classes.js';
import type { MemoryView } from '../../src/pagealloc/memory-view.js';
import { anyMachine, anySteps, Bench, perform } from './random-machine.js';

interface Variant {
  readonly title: string;
  readonly entry: CoreEntry;
  readonly parameters: ParameterValues;
}

/** A core with its defaults, and with each other word of each parameter. */
function variantsOf(entry: CoreEntry): Variant[] {
  const { name, parameters } = entry.info;
  const defaults = Object.fromEntries(Object.entries(parameters).map(([key, info]) => [key, info.default]));
  const variants = [{ title: name, entry, parameters: defaults }];
  for (const [key, info] of Object.entries(parameters)) {
    for (const value of info.values ?? []) {
      if (value === info.default) continue;
      const word = value.replace(/:N$/, ':3');
      variants.push({ title: `${name}:${key}=${word}`, entry, parameters: { ...defaults, [key]: word } });
    }
  }
  return variants;
}

/** Free pages of each zone, by order. */
function freeByOrder(memory: MemoryView): number[][] {
  return memory.zones.map((_, zone) =>
    Array.from({ length: 11 }, (_order, order) => {
      let entries = 0;
      for (let freetype = 0; freetype < 7; freetype++)
        entries += memory.freeListLength(zone, order, freetype);
      return entries * 2 ** order;
    }),
  );
}

for (const { title, entry, parameters } of CORES.flatMap(variantsOf)) {
  describe(title, () => {
    // No page twice, aligned, inside of a zone, present unless it is to be unmapped: Bench checks each
    // answer; validate() runs after each step.
    test('serves and takes back whatever comes, and all of it is whole again in the end', () => {
      fc.assert(
        fc.property(
          anyMachine,
          anySteps([PLAIN, PLAIN, UNMAPPED, UNMAPPED, READONLY], [0, 0, 0, 1, 2]),
          (machine, steps) => {
            const bench = new Bench(entry, parameters, machine);
            const before = freeByOrder(bench.core.measures!().memory!);
            for (const step of steps) perform(bench, step);
            bench.checkMarks();
            bench.freeAll();
            const { memory, pool } = bench.core.measures!();
            const after = freeByOrder(memory!);
            const sum = (pages: readonly number[]) => pages.reduce((total, each) => total + each, 0);
            expect(after.map(sum)).toEqual(before.map(sum));
            // Nothing smaller than a pageblock is left over.
            expect(after.map((pages) => pages.slice(0, 9))).toEqual(before.map((pages) => pages.slice(0, 9)));
            // A pool keeps a block from merging with a neighbour of the other kind, and so does a highatomic
            // block (page-allocator §2.2, freetype-series §3.3).
            const mayReserve = machine.zones.some(({ managed }) => managed >= 51200);
            if (pool !== null) return;
            bench.checkPlainPages(() => false);
            if (!mayReserve) expect(after).toEqual(before);
          },
        ),
        { seed: 2026, numRuns: 60 },
      );
    });
  });
}
