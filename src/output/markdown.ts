/** A document in GitHub's Markdown: the tables of text.ts, without their limit of width. */

import { type Document, type Facts, type Grid, textOf } from './document.js';

export function renderMarkdown(document: Document): string {
  const blocks = document.map((block) => {
    if (block.kind === 'facts') return factLines(block);
    if (block.kind === 'grid') return gridLines(block);
    return [escaped(block.text)];
  });
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function factLines({ rows }: Facts): string[] {
  let last = '';
  return rows.map(([label, text]) => {
    // Rows without a word of their own go on with that of the row above.
    if (label !== '') last = label;
    return `- ${last}: ${escaped(text)}`;
  });
}

function gridLines({ title, head, rows }: Grid): string[] {
  const lines = [
    ...(title === undefined ? [] : [`**${escaped(title)}**`, '']),
    row(head.map((heading) => heading.replaceAll('\n', ' '))),
    `|${head.map((_, column) => (column === 0 ? ' :-- |' : ' --: |')).join('')}`,
  ];
  for (const cells of rows) if (cells !== 'gap') lines.push(row(cells.map(textOf)));
  return lines;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => escaped(cell.trim())).join(' | ')} |`;
}

/** Names and expressions come from users: nothing in them may become a link, a tag or a column. */
function escaped(text: string): string {
  return text.replace(/[\\`*_{}[\]<>|#~]/g, (character) => (character === '<' ? '&lt;' : `\\${character}`));
}
