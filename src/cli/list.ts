/** `mm-sim list cores|machines|traces|metrics` */

import { CORES } from '../cores/registry.js';
import { counted } from '../kernel/counted.js';
import { EXIT, UserError } from '../kernel/errors.js';
import { nearest } from '../kernel/nearest.js';
import { findCapture } from '../machine/capture.js';
import { MACHINE_PRESETS } from '../machine/presets.js';
import { LIST_RENDERERS, type ListRow, measureRows, metricRows } from '../output/lists.js';
import { formatNamed } from '../output/renderers.js';
import { openOutput, writeResult } from './output-file.js';
import { bundledTraces } from './traces.js';

const LISTS: Readonly<Record<string, () => Promise<ListRow[]>>> = {
  cores: async () =>
    CORES.flatMap(({ info }) => [info, ...Object.entries(info.parameters).map(parameterRow(info.name))]).map(
      rowOf,
    ),
  machines: async () =>
    MACHINE_PRESETS.map(({ name, summary, options }) => ({
      name,
      summary: `${summary}, ${counted(options.cpus, 'CPU')}`,
      source: 'mm-sim',
    })),
  traces: traceRows,
  metrics: async () => [...metricRows(), ...measureRows()],
};

export async function run(
  positional: readonly unknown[],
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const what = positional[0] as string;
  const list = Object.hasOwn(LISTS, what) ? LISTS[what] : undefined;
  if (list === undefined) {
    const names = Object.keys(LISTS);
    const guess = nearest(what, names);
    const question = guess === null ? '' : `; did you mean '${guess}'?`;
    throw new UserError(EXIT.commandLine, `there is no list '${what}'${question}`, {
      advice: `lists are ${names.join(', ')}`,
    });
  }
  const format = formatNamed(options.format as string);
  const output = openOutput(options.output as string | undefined);
  await writeResult(LIST_RENDERERS[format](await list()), output);
}

function parameterRow(core: string) {
  return ([key, { values, default: byDefault, type, meaning }]: [
    string,
    (typeof CORES)[number]['info']['parameters'][string],
  ]) => ({
    name: `  ${core}:${key}=${values?.join('|') ?? type}`,
    summary: `${meaning} (default ${byDefault})`,
    source: 'parameter',
  });
}

function rowOf({ name, summary, source }: ListRow): ListRow {
  return { name, summary, source };
}

async function traceRows(): Promise<ListRow[]> {
  const rows: ListRow[] = [];
  for (const { name, path } of bundledTraces()) {
    const capture = await findCapture(path);
    rows.push(
      capture === null
        ? { name, summary: 'plain trace, written by hand', source: 'mm-sim' }
        : {
            name,
            summary: capture.info.workload?.sentence ?? '',
            source: `recorded on ${capture.info.kernel.release}, ${capture.info.machine.memory}, ${counted(capture.info.machine.cpus, 'CPU')}`,
          },
    );
  }
  return rows;
}
