/** The first block of every table: what was run on what. */

import { counted, group } from '../kernel/counted.js';
import type { Result, Run } from '../metrics/result.js';
import type { Facts } from './document.js';
import { duration, size } from './numbers.js';
import { printable } from './printable.js';

/** Letters of a core's name that a table gives room to. */
const NAME_LENGTH = 20;

export function headFacts(result: Result): Facts {
  const { trace, machine, marks, runs } = result;
  const names = coreNames(runs);
  const rows: [string, string][] = [
    [
      'trace',
      `${printable(trace.name)}: ${counted(trace.events, 'event')} in ${duration(trace.spanNs)}, ` +
        `${counted(trace.cpus, 'CPU')}, ${printable(trace.format)}` +
        `${trace.kernel === '' ? '' : `, kernel ${printable(trace.kernel)}`}`,
    ],
    [
      'grade',
      [trace.grade, trace.reasons.map(printable).join('; ')].filter((part) => part !== '').join(': '),
    ],
    [
      'machine',
      `${size(machine.pages)} managed (${counted(machine.pages, 'page')}), ${counted(machine.cpus, 'CPU')}, ` +
        `rules of kernel ${printable(machine.kernel)}, start ${machine.start}`,
    ],
  ];
  marks.forEach(({ class: name, expression, requests }, index) => {
    rows.push([
      index === 0 ? 'marks' : '',
      `${name}: ${printable(expression)} (${counted(requests, 'request')}${toldByTrace(result, name)})`,
    ]);
  });
  // A core named by its parameters is told once; its column then has a short name.
  const specs = runs.flatMap(({ core }, index) =>
    core.spec === names[index] ? [] : [`${names[index]} = ${printable(core.spec)}`],
  );
  specs.forEach((spec, index) => {
    rows.push([index === 0 ? 'cores' : '', spec]);
  });
  return { kind: 'facts', rows };
}

/** Where the trace itself says a request's class, marks have less to do, or nothing: not a fault of theirs. */
function toldByTrace({ marks, runs }: Result, name: string): string {
  const all = runs[0]?.allocation.byClass[name]?.requests ?? 0;
  const marked = marks.reduce((sum, mark) => sum + (mark.class === name ? mark.requests : 0), 0);
  return all > marked ? `; the trace tells ${group(all - marked)} itself` : '';
}

/** A short name for each run: the core's, with a number where one core runs several times. */
export function coreNames(runs: readonly Run[]): string[] {
  const total = new Map<string, number>();
  const seen = new Map<string, number>();
  const names = runs.map(({ core }) => shortened(printable(core.name)));
  for (const name of names) total.set(name, (total.get(name) ?? 0) + 1);
  return names.map((name) => {
    if (total.get(name) === 1) return name;
    const number = (seen.get(name) ?? 0) + 1;
    seen.set(name, number);
    return `${name}.${number}`;
  });
}

function shortened(name: string): string {
  return name.length <= NAME_LENGTH ? name : `${name.slice(0, NAME_LENGTH - 1)}~`;
}
