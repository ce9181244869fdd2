/**
 * From the address of a struct page, as probe events carry it, to the page's pfn (capture kit README §2).
 * Columns hold the low 48 bits of an address: the high bits are all ones for the kernel's half.
 */

/** Low 48 bits of vmemmap without KASLR; a capture's state.txt names its own. */
export const DEFAULT_VMEMMAP = 0xea0000000000;
const STRUCT_PAGE_BYTES = 64;

export function pfnOfStructPage(address: number, vmemmap: number): number {
  return Math.floor((address - vmemmap) / STRUCT_PAGE_BYTES);
}
