/**
 * Which mark a request carries, evaluated once per distinct tuple of what the rules read (DESIGN §4).
 *
 * A trace of 700,000 requests has some hundred distinct tuples. They are kept in an open hash table of
 * typed arrays: no string, object or closure is touched for a tuple that was seen before.
 */
import { NR_CLASSES, PLAIN } from '../kernel/classes.js';
import type { MarkField, MarkTuple } from './mark-expression.js';
import type { Mark } from './marks.js';

/** What the table reads of a trace's dictionaries; they may grow while it is in use. */
export interface MarkNames {
  /** Name by comm id. */
  readonly comms: readonly string[];
  /** Bits of kernel/gfp.ts by gfp id. */
  gfpBits(gfp: number): number;
}

const EMPTY = 0;
/** Rows are mark index + 2, so that "seen, no mark" is a row as well. */
const NO_MARK = 1;

export class MarkTable {
  readonly marks: readonly Mark[];
  /** Requests that each mark took, by index of `marks`. */
  readonly requests: Float64Array;
  private readonly names: MarkNames;
  private readonly readsComm: boolean;
  private readonly readsGfp: boolean;
  private readonly readsKind: boolean;
  private readonly readsPid: boolean;
  private readonly classOfRow: Uint8Array;

  private size = 0;
  private mask = 255;
  /** comm in the low half, gfp in the high half. */
  private who = new Int32Array(256);
  /** order and migratetype. */
  private what = new Int32Array(256);
  private pids = new Int32Array(256);
  private rows = new Uint16Array(256);

  /** Of several marks that match, the first in the list wins. */
  constructor(marks: readonly Mark[], names: MarkNames) {
    this.marks = marks;
    this.names = names;
    this.requests = new Float64Array(marks.length);
    const reads = (field: MarkField): boolean => marks.some((mark) => mark.fields.has(field));
    this.readsComm = reads('comm');
    this.readsGfp = reads('gfp');
    this.readsKind = reads('order') || reads('migratetype');
    this.readsPid = reads('pid');
    this.classOfRow = new Uint8Array(marks.length + 2).fill(PLAIN);
    for (let i = 0; i < marks.length; i++) this.classOfRow[i + 2] = marks[i].pageClass % NR_CLASSES;
  }

  /** Class of one more request, PLAIN when no mark matches; the mark's count goes up. */
  take(comm: number, gfp: number, order: number, migratetype: number, pid: number): number {
    if (this.marks.length === 0) return PLAIN;
    const who = (this.readsComm ? comm : 0) | ((this.readsGfp ? gfp : 0) << 16);
    const what = this.readsKind ? (order & 0xff) | ((migratetype & 0xff) << 8) : 0;
    const key = this.readsPid ? pid : 0;
    let slot = hash(who, what, key) & this.mask;
    while (this.rows[slot] !== EMPTY) {
      if (this.who[slot] === who && this.what[slot] === what && this.pids[slot] === key) break;
      slot = (slot + 1) & this.mask;
    }
    let row = this.rows[slot];
    if (row === EMPTY) {
      row = this.evaluate(comm, gfp, order, migratetype, pid);
      this.insert(slot, who, what, key, row);
    }
    if (row === NO_MARK) return PLAIN;
    this.requests[row - 2]++;
    return this.classOfRow[row];
  }

  private evaluate(comm: number, gfp: number, order: number, migratetype: number, pid: number): number {
    const tuple: MarkTuple = {
      comm: this.names.comms[comm] ?? '',
      pid,
      order,
      migratetype,
      gfp: this.names.gfpBits(gfp),
    };
    return this.marks.findIndex((mark) => mark.matches(tuple)) + 2;
  }

  private insert(slot: number, who: number, what: number, pid: number, row: number): void {
    this.who[slot] = who;
    this.what[slot] = what;
    this.pids[slot] = pid;
    this.rows[slot] = row;
    this.size++;
    if (this.size * 2 > this.mask) this.grow();
  }

  private grow(): void {
    const { who, what, pids, rows } = this;
    const capacity = rows.length * 2;
    this.mask = capacity - 1;
    this.who = new Int32Array(capacity);
    this.what = new Int32Array(capacity);
    this.pids = new Int32Array(capacity);
    this.rows = new Uint16Array(capacity);
    for (let i = 0; i < rows.length; i++) {
      if (rows[i] === EMPTY) continue;
      let slot = hash(who[i], what[i], pids[i]) & this.mask;
      while (this.rows[slot] !== EMPTY) slot = (slot + 1) & this.mask;
      this.who[slot] = who[i];
      this.what[slot] = what[i];
      this.pids[slot] = pids[i];
      this.rows[slot] = rows[i];
    }
  }
}

function hash(who: number, what: number, pid: number): number {
  let mixed = Math.imul(who, 0x9e3779b1) ^ Math.imul(what, 0x85ebca6b) ^ Math.imul(pid, 0xc2b2ae35);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}
