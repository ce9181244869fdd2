/** A validation made by hand, each number another one. */

import { VALIDATION_SCHEMA, type Validation } from '../../src/validate/validation.js';

export const VALIDATION: Validation = {
  schema: VALIDATION_SCHEMA,
  tool: { version: '0.0.0' },
  capture: 'a-capture',
  kernel: '7.3.0-rc7',
  rules: '7.3',
  recorded: {
    allocations: 10_000,
    exact: 9_999,
    inferred: { bypasses: 12, rotations: 13, corrections: 0 },
    freeLists: 30,
    freeListsEqual: 28,
    listEntries: 2_000,
    listEntriesEqual: 1_990,
    pageblocks: 256,
    pageblocksEqual: 256,
    extfrag: { recorded: 15, equal: 14 },
    middle: [
      { snapshot: 3, listEntries: 300, listEntriesEqual: 299 },
      { snapshot: 5, listEntries: 500, listEntriesEqual: 500 },
    ],
  },
  simulated: {
    allocations: 40_000,
    exact: 39_960,
    atHead: 39_900,
    reordered: 60,
    missed: 40,
    putRight: 41,
    silent: 48,
    pcpLists: 22,
    pcpListsEqual: 21,
    failures: { recorded: 30, model: 29 },
    freeRunning: {
      buddyEvents: 9_000,
      sameBuddyEvents: 8_000,
      buddyinfoError: 3,
      pagetypeinfoError: 4,
      extfrag: { recorded: 16, predicted: 17 },
      firstDifference: 12_345,
      inLineOrder: { sameBuddyEvents: 7_000, buddyinfoError: 5, predicted: 18 },
    },
  },
  probes: true,
  directMap: {
    level2Splits: { recorded: 11, model: 11 },
    level3Splits: { recorded: 1, model: 1 },
    fullFlushes: { recorded: 18, model: 19 },
    rangedFlushes: { recorded: 1_500, model: 1_500 },
    otherFlushes: 7,
    leaves: 131_000,
    leavesEqual: 130_488,
  },
  flips: {
    toUnmapped: { recorded: 6, model: 6 },
    toMapped: { recorded: 5, model: 4 },
    refused: { recorded: 2, model: 2 },
    equal: 10,
  },
  metrics: { lines: 24, equal: 23 },
  firstMiss: { file: 'trace.txt.gz', line: 4_711, reason: 'buddy level: model: pfn 0x10; kernel: pfn 0x20' },
};

/** The same of a kernel without the series, with every choice the kernel's. */
export const EXACT: Validation = {
  ...VALIDATION,
  recorded: {
    ...VALIDATION.recorded,
    exact: 10_000,
    freeListsEqual: 30,
    listEntriesEqual: 2_000,
    extfrag: { recorded: 15, equal: 15 },
    middle: [],
  },
  simulated: {
    ...VALIDATION.simulated,
    exact: 40_000,
    atHead: 40_000,
    reordered: 0,
    missed: 0,
    pcpListsEqual: 22,
  },
  flips: null,
  firstMiss: null,
};
