/**
 * Text from a trace, a file name or an error, made safe for a terminal: control characters, line ends,
 * invisible marks (some turn the direction of writing) and broken surrogates are shown as escapes.
 */

const UNSAFE = /[\p{Control}\p{Format}\p{Line_Separator}\p{Paragraph_Separator}\p{Surrogate}]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT[character] ?? escapeOf(character.codePointAt(0)!));
}

function escapeOf(code: number): string {
  const digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`;
}
