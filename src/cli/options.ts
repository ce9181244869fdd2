/** Every option of every command, once: program and help are drawn from this table (DESIGN §2). */

import { InvalidArgumentError } from 'commander';

export interface OptionDefinition {
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly default?: unknown;
  readonly repeatable?: boolean;
  readonly parse?: (text: string) => unknown;
}

export const OPTIONS = {
  core: {
    flags: '--core <core>',
    description: "the core, as name[:key=value,…]; see 'mm-sim list cores'",
    default: 'baseline',
  },
  trace: { flags: '--trace <trace...>', description: 'traces, merged by time (default: the bundled one)' },
  machine: {
    flags: '--machine <preset|file>',
    description: "the machine: a preset of 'mm-sim list machines', or a JSON file",
  },
  memory: { flags: '--memory <size>', description: 'memory of the machine, such as 4G' },
  cpus: { flags: '--cpus <n>', description: 'CPUs of the machine', parse: wholeNumber(1) },
  kernel: {
    flags: '--kernel <version>',
    description: 'rules of this kernel: 7.3, 7.2 or 6.12 (default: what the trace says, else 7.3)',
  },
  start: {
    flags: '--start <state>',
    description:
      'memory when the trace begins: empty, trace or capture (default: capture where a state is recorded, else trace)',
    choices: ['empty', 'trace', 'capture'],
  },
  placement: {
    flags: '--placement <how>',
    description: 'who places pages: the core (simulated), or the recording (recorded)',
    choices: ['simulated', 'recorded'],
    default: 'simulated',
  },
  mark: {
    flags: '--mark <rule>',
    description: "which requests carry a class, as 'class: expression' (repeatable)",
    repeatable: true,
  },
  inputFormat: { flags: '--input-format <format>', description: 'do not guess the format of the trace' },
  format: {
    flags: '--format <format>',
    description: 'table, markdown, csv, json or ndjson',
    default: 'table',
  },
  output: { flags: '-o, --output <file>', description: 'write the result to a file (- is standard output)' },
  until: {
    flags: '--until <time|line>',
    description: 'stop a time (1.5s, 200ms) after the first event, or before a line of the trace',
    parse: until,
  },
  tlbCpus: {
    flags: '--tlb-cpus <n,…>',
    description: 'CPUs for which IPIs are computed',
    default: [1, 8, 64, 256],
    parse: numberList,
  },
  events: {
    flags: '--events <file>',
    description: 'write one JSON line per flip, split, flush, fallback and failure to a file',
  },
  require: {
    flags: '--require <condition>',
    description: "what must hold for exit code 0, as 'recorded.exact >= 99.9%' (repeatable)",
    repeatable: true,
  },
  firstMiss: {
    flags: '--first-miss',
    description: 'show the first event that differs, the events before it and the lists of the model',
  },
  withoutProbes: {
    flags: '--without-probes',
    description: "use the kernel's own events alone, as a trace of yours would have them",
  },
  progress: { flags: '--no-progress', description: 'no progress line on a terminal' },
  color: {
    flags: '--color <when>',
    description: 'colours: auto, always or never',
    choices: ['auto', 'always', 'never'],
    default: 'auto',
  },
  logLevel: {
    flags: '--log-level <level>',
    description: 'log JSON lines from this level on: debug, info, warn or error',
    choices: ['debug', 'info', 'warn', 'error'],
  },
  logFile: { flags: '--log-file <file>', description: 'write the log to a file, not to standard error' },
} as const satisfies Record<string, OptionDefinition>;

export type OptionKey = keyof typeof OPTIONS;

/** What --until means: a line of the trace, or ns since its first event. */
export interface Until {
  readonly line: number;
  readonly ns: number;
}

function until(text: string): Until {
  const time = /^(\d+(?:\.\d{1,9})?)(ns|us|ms|s)$/.exec(text);
  if (time !== null) {
    const unit = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 }[time[2] as 'ns' | 'us' | 'ms' | 's'];
    return { line: Number.POSITIVE_INFINITY, ns: Math.round(Number(time[1]) * unit) };
  }
  if (/^[1-9]\d*$/.test(text)) return { line: Number(text), ns: Number.POSITIVE_INFINITY };
  throw new InvalidArgumentError('write a line number, or a time such as 1.5s or 200ms');
}

function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text);
    throw new InvalidArgumentError(`write a whole number from ${least} on`);
  };
}

function numberList(text: string): number[] {
  const numbers = text
    .split(',')
    .map((part) => (/^[1-9]\d{0,5}$/.test(part.trim()) ? Number(part) : Number.NaN));
  if (numbers.some(Number.isNaN))
    throw new InvalidArgumentError('write whole numbers from 1 on, with commas: 1,8,64');
  return [...new Set(numbers)].sort((a, b) => a - b);
}
