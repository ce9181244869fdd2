/**
 * A document as plain text for a mail or a terminal: 75 columns, no box drawing, no blanks at line ends.
 * The width is fixed, never the terminal's: what is pasted must not depend on a window.
 */

import Table from 'cli-table3';
import type { Paint } from './color.js';
import { type Cell, type Document, type Facts, type Grid, textOf } from './document.js';

export const WIDTH = 75;
const GAP = '  ';

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: GAP,
};

export function renderText(document: Document, paint: Paint): string {
  const labels = Math.max(0, ...document.map((block) => (block.kind === 'grid' ? columnWidth(block, 0) : 0)));
  const blocks = document.map((block) => {
    if (block.kind === 'facts') return factLines(block);
    if (block.kind === 'grid') return gridLines(block, labels, paint);
    return wrap(block.text, WIDTH);
  });
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** Columns of text that a grid needs. */
export function gridWidth(grid: Grid): number {
  return grid.head.reduce(
    (sum, _, column) => sum + columnWidth(grid, column),
    GAP.length * (grid.head.length - 1),
  );
}

function columnWidth({ head, rows }: Grid, column: number): number {
  const cells = [head[column], ...rows.flatMap((row) => (row === 'gap' ? [] : [textOf(row[column])]))];
  return Math.max(...cells.flatMap((cell) => cell.split('\n').map((line) => line.length)));
}

/**
 * Breaks a text into lines at blanks. A word that no line can hold is broken where the line ends: a file name or a
 * mark can be that long.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (let word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    while (word.length > width) {
      lines.push(word.slice(0, width));
      word = word.slice(width);
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}

function factLines({ rows }: Facts): string[] {
  const indent = Math.max(...rows.map(([label]) => label.length)) + GAP.length;
  return rows.flatMap(([label, text]) =>
    wrap(text, WIDTH - indent).map((line, index) =>
      `${(index === 0 ? label : '').padEnd(indent)}${line}`.trimEnd(),
    ),
  );
}

/** `labels`: width of the labels of all grids, so that numbers stand below each other where there is room. */
function gridLines(grid: Grid, labels: number, paint: Paint): string[] {
  const { title, head, rows } = grid;
  const room = WIDTH - gridWidth(grid) + columnWidth(grid, 0);
  const table = new Table({
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    colWidths: [Math.max(Math.min(labels, room), columnWidth(grid, 0))],
  });
  table.push(head.map((content) => ({ content: strong(content, paint), vAlign: 'bottom' as const })));
  for (const row of rows) {
    // A row of blanks: cli-table3 has none that is empty, and trimEnd makes it one.
    table.push(row === 'gap' ? head.map(() => ' ') : row.map((cell) => painted(cell, paint)));
  }
  const lines = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
  return title === undefined ? lines : [paint.strong(title), '', ...lines];
}

/** Each line on its own: a colour that runs over a line end would run into the cells beside it. */
function strong(text: string, paint: Paint): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : paint.strong(line)))
    .join('\n');
}

function painted(cell: Cell, paint: Paint): string {
  return typeof cell === 'string' ? cell : paint[cell.tone](cell.text);
}
