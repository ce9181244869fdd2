/**
 * One record of a state file: `kind name=value name=value …` (captures/README §3). Getters check what they
 * read, so that a damaged value is reported with its line and not carried into a free list.
 */

import { EXIT, UserError } from '../kernel/errors.js';
import { MAX_PFN } from '../kernel/orders.js';

export class StateLine {
  readonly kind: string;
  readonly file: string;
  readonly number: number;
  /** All after the kind: kinds marked * in the format have bare words. */
  readonly rest: string;
  private fields: Map<string, string> | null = null;

  constructor(text: string, file: string, number: number) {
    const blank = text.indexOf(' ');
    this.kind = blank < 0 ? text : text.slice(0, blank);
    this.rest = blank < 0 ? '' : text.slice(blank + 1);
    this.file = file;
    this.number = number;
  }

  has(name: string): boolean {
    return this.named().has(name);
  }

  word(name: string): string {
    const value = this.named().get(name);
    if (value === undefined) throw this.problem(`a '${this.kind}' line has no ${name}=`);
    return value;
  }

  integer(name: string): number {
    return this.parse(name, this.word(name));
  }

  /** An integer that is not negative: sizes, counts, orders. */
  count(name: string): number {
    const value = this.integer(name);
    if (value < 0) throw this.problem(`${name}=${value} is negative`);
    return value;
  }

  pfn(name: string): number {
    return this.checkPfn(name, this.count(name));
  }

  flag(name: string): boolean {
    const value = this.word(name);
    if (value !== '0' && value !== '1') throw this.problem(`${name}=${value} is neither 0 nor 1`);
    return value === '1';
  }

  integers(name: string): number[] {
    return this.word(name)
      .split(',')
      .map((word) => this.parse(name, word));
  }

  /** Low 48 bits of a kernel address: 2^64 does not fit a number, and the high 16 bits are always ones. */
  address(name: string): number {
    return this.lowAddress(name, this.word(name));
  }

  /** The one bare value of kinds such as `cpus 2`. */
  bareCount(): number {
    return this.parse(this.kind, this.rest);
  }

  bareAddress(): number {
    return this.lowAddress(this.kind, this.rest);
  }

  /** Pfns of a `+` line, added to the list they continue. */
  pushPfns(list: number[]): void {
    for (const word of this.rest.split(' ')) list.push(this.checkPfn('pfn', this.parse('pfn', word)));
  }

  problem(text: string, advice?: string): UserError {
    return new UserError(EXIT.badInput, text, { place: { file: this.file, line: this.number }, advice });
  }

  private named(): Map<string, string> {
    if (this.fields === null) {
      this.fields = new Map();
      for (const word of this.rest.split(' ')) {
        const equals = word.indexOf('=');
        if (equals > 0) this.fields.set(word.slice(0, equals), word.slice(equals + 1));
      }
    }
    return this.fields;
  }

  private parse(name: string, word: string): number {
    const value = /^(?:-?\d+|0x[0-9a-f]+)$/.test(word) ? Number(word) : Number.NaN;
    if (!Number.isSafeInteger(value)) throw this.problem(`${name}: '${word}' is not an integer`);
    return value;
  }

  private checkPfn(name: string, value: number): number {
    if (value >= 0 && value <= MAX_PFN) return value;
    throw this.problem(
      `${name}: 0x${value.toString(16)} is above the largest pfn, 0x${MAX_PFN.toString(16)}`,
    );
  }

  private lowAddress(name: string, word: string): number {
    if (!/^0x[0-9a-f]{1,16}$/.test(word)) throw this.problem(`${name}: '${word}' is not an address`);
    return Number(`0x${word.slice(2).slice(-12)}`);
  }
}
