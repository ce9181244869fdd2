/**
 * Marked classes: properties that a request demands of its page in the direct map (DESIGN §3).
 * A class is a small integer everywhere inside; these are its names at the edges.
 */

export const PLAIN = 0;
export const UNMAPPED = 1;
export const READONLY = 2;
export const PAGETABLE = 3;
/** pkey:N is PKEY_BASE + N, N from 0 to 15. */
export const PKEY_BASE = 16;
export const NR_CLASSES = 32;

/** Name of a class as results and CSV columns print it; '' for PLAIN. */
export function className(pageClass: number): string {
  if (pageClass === PLAIN) return '';
  if (pageClass === UNMAPPED) return 'unmapped';
  if (pageClass === READONLY) return 'readonly';
  if (pageClass === PAGETABLE) return 'pagetable';
  return `pkey:${pageClass - PKEY_BASE}`;
}

/** Class of a name, or -1 when there is no such class. */
export function classFromName(name: string): number {
  if (name === '') return PLAIN;
  if (name === 'unmapped') return UNMAPPED;
  if (name === 'readonly') return READONLY;
  if (name === 'pagetable') return PAGETABLE;
  const match = /^pkey:(\d{1,2})$/.exec(name);
  return match !== null && Number(match[1]) < 16 ? PKEY_BASE + Number(match[1]) : -1;
}
