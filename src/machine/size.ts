/** SIZE of the command line and of machine files: bytes with K, M, G or T, powers of 1024 (DESIGN §2). */

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Bytes, or null when the text is no size; sizeProblem says why. */
export function parseSize(text: string): number | null {
  const match = /^(\d+)([KMGT]?)$/i.exec(text);
  if (match === null) return null;
  const bytes = Number(match[1]) * UNITS[match[2].toUpperCase()];
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** What is wrong with a text that parseSize refused, without a full stop. */
export function sizeProblem(text: string): string {
  if (/^\d+[KMGT]?$/i.test(text)) return `'${text}' is larger than any memory`;
  return `'${text}' is not a size; write a whole number with K, M, G or T, such as 512M or 16G`;
}

/** The shortest exact form: 17179869184 reads 16G. */
export function formatSize(bytes: number): string {
  for (const unit of ['T', 'G', 'M', 'K']) {
    if (bytes >= UNITS[unit] && bytes % UNITS[unit] === 0) return `${bytes / UNITS[unit]}${unit}`;
  }
  return String(bytes);
}
