/**
 * What a result looks like before it is text: facts, grids of cells and sentences. table.ts, compare.ts and
 * check.ts make documents; text.ts and markdown.ts print them, so that both show the same numbers.
 */

export type Document = readonly Block[];
export type Block = Facts | Grid | Sentence;

/** What was run on what: a word and what it stands for, one below the other. */
export interface Facts {
  readonly kind: 'facts';
  readonly rows: readonly (readonly [label: string, text: string])[];
}

export interface Grid {
  readonly kind: 'grid';
  /** Above the first of several grids that make one table. */
  readonly title?: string;
  /** Says what the columns show; the first is the corner above the labels. A '\n' breaks a heading. */
  readonly head: readonly string[];
  readonly rows: readonly Row[];
}

/** The first cell is the label of the row. A gap sets off the rows below it. */
export type Row = readonly Cell[] | 'gap';

/** A tone says whether a change is for the better; it is shown as colour where there is any. */
export type Cell = string | { readonly text: string; readonly tone: 'good' | 'bad' };

export interface Sentence {
  readonly kind: 'sentence';
  readonly text: string;
}

/** Not applicable; zero is '0'. */
export const ABSENT = '-';

export function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}
