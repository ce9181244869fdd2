/** Bytes that the scanner looks for, by name, and tests on them. All text here is ASCII; comm is not. */

export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const BLANK = 32;
export const HASH = 35;
export const OPEN_PAREN = 40;
export const CLOSE_PAREN = 41;
export const PLUS = 43;
export const COMMA = 44;
export const MINUS = 45;
export const DOT = 46;
export const SLASH = 47;
export const ZERO = 48;
export const NINE = 57;
export const COLON = 58;
export const LESS = 60;
export const EQUALS = 61;
export const GREATER = 62;
export const OPEN_BRACKET = 91;
export const CLOSE_BRACKET = 93;
export const LOWER_X = 120;
export const BAR = 124;

/** Value of a hexadecimal digit by its byte; NO_DIGIT for all others. */
export const NO_DIGIT = 255;
export const HEX: Uint8Array = new Uint8Array(256).fill(NO_DIGIT);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  HEX[digit.charCodeAt(0)] = value;
  HEX[digit.toUpperCase().charCodeAt(0)] = value;
}

/** 1 for bytes of an event name: letters, digits, `_`, and `.` `-` as some subsystems have. */
const NAME_BYTE = new Uint8Array(256);
for (const byte of ascii('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-'))
  NAME_BYTE[byte] = 1;

export function isNameByte(byte: number): boolean {
  return NAME_BYTE[byte] === 1;
}

export function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

export function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

/** Do the bytes of `text` stand at `at`? Reads no further than the first difference. */
export function startsWith(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

/** Where `text` begins in the range, or -1. For rare lines; the loop is plain. */
export function find(bytes: Uint8Array, start: number, end: number, text: Uint8Array): number {
  for (let at = start; at + text.length <= end; at++) if (startsWith(bytes, at, text)) return at;
  return -1;
}

/** The range as a string, a byte a character: for headers, messages and other rarities. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.max(0, end - start)).toString('latin1');
}
