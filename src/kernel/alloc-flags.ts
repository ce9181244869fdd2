/** mm-internal allocation flags in the kernel's values. Source: page-allocator §0.4, freetype-series §4.8. */

export const ALLOC_WMARK_MIN = 0;
export const ALLOC_WMARK_LOW = 1;
export const ALLOC_WMARK_HIGH = 2;
export const ALLOC_WMARK_MASK = 3;
export const ALLOC_NO_WATERMARKS = 0x4;
export const ALLOC_OOM = 0x8;
export const ALLOC_NON_BLOCK = 0x10;
export const ALLOC_MIN_RESERVE = 0x20;
export const ALLOC_CMA = 0x80;
export const ALLOC_NOFRAGMENT = 0x100;
export const ALLOC_HIGHATOMIC = 0x200;
export const ALLOC_NOLOCK = 0x400;
export const ALLOC_KSWAPD = 0x800;
export const ALLOC_UNMAPPED = 0x2000;
/** "The caller may be atomic": forbids a flip. Its value in v4 was not seen (freetype-series §4.5); this one is free. */
export const ALLOC_NOBLOCK = 0x4000;
/** Flags that open reserves: a check without any of them cannot use highatomic pages (page-allocator §5.2). */
export const ALLOC_RESERVES = ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE | ALLOC_HIGHATOMIC | ALLOC_OOM;
