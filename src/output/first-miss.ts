/** The first miss in tables: its place and reason, and with `--first-miss` the events before it and the lists. */

import { counted, group } from '../kernel/counted.js';
import type { FirstMiss } from '../validate/validation.js';
import type { Block } from './document.js';
import { printable } from './printable.js';

export interface MissContextView {
  readonly lines: readonly { readonly line: number; readonly text: string }[];
  readonly kernelPage: string | null;
  readonly lists: readonly {
    readonly name: string;
    readonly length: number;
    readonly pfns: readonly number[];
  }[];
}

export function missBlocks(
  miss: FirstMiss | null,
  {
    wantsFirstMiss,
    firstMissContext,
  }: { readonly wantsFirstMiss: boolean; readonly firstMissContext: MissContextView | null },
): Block[] {
  if (miss === null)
    return wantsFirstMiss
      ? [
          fact(
            'first miss',
            "none: every block, and every page of the run that is corrected, is the kernel's",
          ),
        ]
      : [];
  const place = fact('first miss', `${printable(miss.file)}:${miss.line}: ${printable(miss.reason)}`);
  if (firstMissContext === null) return [place];
  const { lines, lists, kernelPage } = firstMissContext;
  return [
    place,
    {
      kind: 'facts',
      rows: lines.map(({ line, text }): [string, string] => [String(line), shortened(text)]),
    },
    {
      kind: 'facts',
      rows: [
        ...(kernelPage === null ? [] : [["kernel's page", `in the model ${kernelPage}`] as const]),
        ...lists.map(({ name, length, pfns }): [string, string] => [name, entries(length, pfns)]),
      ],
    },
  ];
}

function entries(length: number, pfns: readonly number[]): string {
  if (length === 0) return 'empty';
  const more = length > pfns.length ? ` and ${group(length - pfns.length)} more` : '';
  return `${counted(length, 'entry', 'entries')}, head first: ${pfns.map(hex).join(' ')}${more}`;
}

function fact(label: string, text: string): Block {
  return { kind: 'facts', rows: [[label, text]] };
}

/** The blanks that ftrace sets for its columns take a third of the width. */
function shortened(text: string): string {
  return printable(text.trim().replace(/\s+/g, ' '));
}

function hex(pfn: number): string {
  return `0x${pfn.toString(16)}`;
}
