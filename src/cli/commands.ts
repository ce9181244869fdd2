/** Every command, once: its usage, its options, and the module that does the work, loaded when it is called. */

import type { OptionKey } from './options.js';

export interface CommandModule {
  run(positional: readonly unknown[], options: Readonly<Record<string, unknown>>): Promise<void>;
}

export interface CommandDefinition {
  readonly usage: string;
  readonly description: string;
  readonly options: readonly OptionKey[];
  readonly examples: readonly string[];
  readonly load: () => Promise<CommandModule>;
}

const WHAT_RUNS: readonly OptionKey[] = [
  'machine',
  'memory',
  'cpus',
  'kernel',
  'start',
  'placement',
  'mark',
  'inputFormat',
  'until',
  'tlbCpus',
  'events',
];
const WHERE_TO: readonly OptionKey[] = ['format', 'output', 'progress', 'color', 'logLevel', 'logFile'];

export const COMMANDS: readonly CommandDefinition[] = [
  {
    usage: 'replay <trace...>',
    description: 'run one core over a trace: fragmentation, splits and TLB shootdowns',
    options: ['core', ...WHAT_RUNS, ...WHERE_TO],
    examples: [
      'mm-sim replay trace.csv',
      'mm-sim replay trace.txt.gz --core freetype:series=v2-dev',
      `mm-sim replay trace.txt --mark 'unmapped: comm == "secretmem" && order == 0'`,
    ],
    load: () => import('./replay.js'),
  },
  {
    usage: 'compare <core> <cores...>',
    description: 'run cores over the same trace, side by side',
    options: ['trace', ...WHAT_RUNS, ...WHERE_TO],
    examples: [
      'mm-sim compare baseline freetype',
      'mm-sim compare baseline freetype --trace mine.txt.gz --format json',
      'mm-sim compare baseline:flush=batch:64 freetype:series=v1 --events events.ndjson',
    ],
    load: () => import('./compare.js'),
  },
  {
    usage: 'check <trace>',
    description: 'what a trace is, what it lost, what it cannot tell, and its fidelity grade',
    options: ['inputFormat', ...WHERE_TO],
    examples: ['mm-sim check trace.txt.gz', 'trace-cmd report | mm-sim check -'],
    load: () => import('./check.js'),
  },
  {
    usage: 'validate <capture>',
    description: "the model against a recorded kernel's choices, page by page",
    options: ['kernel', 'require', 'firstMiss', 'withoutProbes', ...WHERE_TO],
    examples: [
      'mm-sim validate linux-7.3-secretmem-1cpu',
      'mm-sim validate my-capture --first-miss',
      "mm-sim validate my-capture --require 'recorded.exact >= 99.9%' --format json",
    ],
    load: () => import('./validate.js'),
  },
  {
    usage: 'list <what>',
    description: 'cores, machines, traces or metrics, one line each with its source',
    options: ['format', 'output', 'color'],
    examples: ['mm-sim list cores', 'mm-sim list metrics --format csv'],
    load: () => import('./list.js'),
  },
];
