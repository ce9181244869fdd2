/** Task names of lines to ids; default lines, 16 bytes with padding, by comparing words with the last of the pid. */

import { BLANK, LF, textOf } from './bytes.js';
import { ByteDictionary } from './dictionary.js';
import { DEFAULT_COMM } from './line-prefix.js';
import { viewOf } from './words.js';

/** Names that are kept apart; a trace with more is broken or hostile (trace-formats §10.4). */
const COMM_CAP = 65_000;
const SLOTS = 256;
const WORDS = DEFAULT_COMM / 4;

export class CommNames {
  readonly dictionary = new ByteDictionary(COMM_CAP);
  private readonly isHtml: boolean;
  /** What default lines of a pid printed last: four words and the id each. */
  private readonly words = new Int32Array(SLOTS * WORDS);
  private readonly ids = new Uint16Array(SLOTS);
  private bytes: Uint8Array = new Uint8Array(0);
  private view = viewOf(this.bytes);

  /** In HTML comm may hold escapes for < > and &. */
  constructor(isHtml: boolean) {
    this.isHtml = isHtml;
  }

  /** comm of a default line; -1 when a line feed is in it, which means that the `-` is another line's. */
  ofDefaultLine(bytes: Uint8Array, start: number, pid: number): number {
    if (bytes !== this.bytes) this.bind(bytes);
    const slot = pid & (SLOTS - 1);
    const base = slot * WORDS;
    const { words, view } = this;
    // From the end: names are right-aligned.
    if (
      view.getInt32(start + 12, true) === words[base + 3] &&
      view.getInt32(start + 8, true) === words[base + 2] &&
      view.getInt32(start + 4, true) === words[base + 1] &&
      view.getInt32(start, true) === words[base]
    ) {
      return this.ids[slot];
    }
    return this.remember(bytes, start, slot);
  }

  /** comm between two places of any other line. */
  of(bytes: Uint8Array, start: number, end: number): number {
    let from = start;
    while (from < end && bytes[from] <= BLANK) from++;
    if (this.isHtml) return this.dictionary.idOfText(unescapeHtml(textOf(bytes, from, end)));
    return this.dictionary.idOf(bytes, from, end);
  }

  private remember(bytes: Uint8Array, start: number, slot: number): number {
    const end = start + DEFAULT_COMM;
    for (let i = start; i < end; i++) if (bytes[i] === LF) return -1;
    const id = this.of(bytes, start, end);
    for (let i = 0; i < WORDS; i++) this.words[slot * WORDS + i] = this.view.getInt32(start + 4 * i, true);
    this.ids[slot] = id;
    return id;
  }

  private bind(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }
}

function unescapeHtml(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
