/**
 * events.ts, prepared for the scanner: names and keys as bytes, and a table that finds an event by the
 * bytes of its name. Nothing here knows an event of its own.
 */
import { ascii, startsWith } from './bytes.js';
import {
  type Column,
  EVENTS,
  type EventDefinition,
  type EventField,
  type FieldForm,
  KIND,
} from './events.js';
import { WordText } from './words.js';

const FORM: Readonly<Record<FieldForm, number>> = {
  pfn: 0,
  number: 1,
  address: 2,
  gfp: 3,
  name: 4,
  range: 5,
};
export const FORM_PFN = FORM.pfn;
export const FORM_NUMBER = FORM.number;
export const FORM_ADDRESS = FORM.address;
export const FORM_GFP = FORM.gfp;
export const FORM_RANGE = FORM.range;

/** What a request is made of. */
const REQUEST_COLUMNS: readonly Column[] = ['pfn', 'order', 'migratetype'];
const COLUMNS: readonly Column[] = ['pfn', 'order', 'migratetype', 'gfp', 'pageClass', 'a', 'b', 'c'];
export const COLUMN_PFN = 0;
export const COLUMN_ORDER = 1;
export const COLUMN_MIGRATETYPE = 2;
export const COLUMN_PAGE_CLASS = 4;
export const COLUMN_A = 5;
export const COLUMN_B = 6;

export class FieldShape {
  /** Key and the `=` after it. */
  readonly key: Uint8Array;
  readonly first: number;
  readonly column: number;
  readonly form: number;
  readonly words: readonly Uint8Array[];
  readonly bit: number;
  /** No default may stand for a value that cannot be read: the event is malformed. */
  readonly mustBeReadable: boolean;

  constructor(field: EventField, index: number) {
    this.key = ascii(`${field.key}=`);
    this.first = this.key[0];
    this.column = COLUMNS.indexOf(field.column);
    this.form = FORM[field.form];
    this.words = (field.words ?? []).map(ascii);
    this.bit = 1 << index;
    this.mustBeReadable = field.required === true || REQUEST_COLUMNS.includes(field.column);
  }
}

export class EventShape {
  readonly name: string;
  /** Place in SHAPES; -1 for shapes that markers.ts keeps to itself. */
  readonly index: number;
  readonly nameBytes: Uint8Array;
  /** The name and the colon after it. */
  readonly nameText: WordText;
  readonly kind: number;
  readonly fields: readonly FieldShape[];
  /** Bits of the fields without which the event is malformed. */
  readonly required: number;
  /** Bits of all fields: a last line without a line feed is whole when it has them. */
  readonly all: number;
  /** The kernel's page events print `page=` before `pfn=`, and it is never used (§5.3). */
  readonly skipsPage: boolean;
  readonly isAlloc: boolean;
  /** An allocation or a free. */
  readonly isRequest: boolean;
  readonly isFreeBatched: boolean;
  /** Has page-event.ts a short way for it? */
  readonly isPageEvent: boolean;
  /** Its text is for markers.ts. */
  readonly isMarker: boolean;

  constructor(definition: EventDefinition, index = -1, isMarker = false) {
    this.name = definition.name;
    this.index = index;
    this.nameBytes = ascii(definition.name);
    this.nameText = new WordText(`${definition.name}:`);
    this.kind = definition.kind;
    this.fields = definition.fields.map((field, i) => new FieldShape(field, i));
    this.required = bitsOf(definition.fields, (field) => field.required === true);
    this.all = bitsOf(definition.fields, () => true);
    this.skipsPage =
      definition.fields.some((field) => field.key === 'pfn') &&
      !definition.fields.some((field) => field.key === 'page');
    this.isAlloc = definition.kind === KIND.alloc;
    this.isRequest = definition.kind === KIND.alloc || definition.kind === KIND.free;
    this.isFreeBatched = definition.kind === KIND.freeBatched;
    this.isPageEvent = ['mm_page_alloc', 'mm_page_free', 'mm_page_free_batched'].includes(definition.name);
    this.isMarker = isMarker;
  }
}

function bitsOf(fields: readonly EventField[], test: (field: EventField) => boolean): number {
  return fields.reduce((bits, field, i) => (test(field) ? bits | (1 << i) : bits), 0);
}

const MARKER = new EventShape({ name: 'marker', kind: KIND.none, fields: [] }, EVENTS.length, true);

/** All events that the scanner knows, at the place that is their index. */
export const SHAPES: readonly EventShape[] = [...EVENTS.map((event, i) => new EventShape(event, i)), MARKER];

/** Open hash table of SHAPES by name. */
const SLOTS = 512;
const slots: (EventShape | null)[] = new Array(SLOTS).fill(null);
for (const shape of SHAPES) {
  let slot = slotOf(shape.nameBytes, 0, shape.nameBytes.length);
  while (slots[slot] !== null) slot = (slot + 1) % SLOTS;
  slots[slot] = shape;
}

/** The event whose name stands from start to end, or null. */
export function findShape(bytes: Uint8Array, start: number, end: number): EventShape | null {
  if (start === end) return null;
  let slot = slotOf(bytes, start, end);
  for (;;) {
    const shape = slots[slot];
    if (shape === null) return null;
    if (shape.nameBytes.length === end - start && startsWith(bytes, start, shape.nameBytes)) return shape;
    slot = (slot + 1) % SLOTS;
  }
}

/** Length, last and middle byte: enough to keep the names of events.ts apart but for a few neighbours. */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  return (length * 37 + bytes[end - 1] * 11 + bytes[start + (length >> 1)] * 3) % SLOTS;
}
