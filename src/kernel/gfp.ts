/**
 * GFP bits in the values of 7.3; masks of other kernels are translated where they are read.
 * Source: page-allocator §0.5.
 */

export const GFP_DMA_BIT = 0x1;
export const GFP_HIGHMEM_BIT = 0x2;
export const GFP_DMA32_BIT = 0x4;
export const GFP_MOVABLE_BIT = 0x8;
export const GFP_RECLAIMABLE_BIT = 0x10;
export const GFP_HIGH_BIT = 0x20;
export const GFP_IO_BIT = 0x40;
export const GFP_FS_BIT = 0x80;
export const GFP_ZERO_BIT = 0x100;
export const GFP_DIRECT_RECLAIM_BIT = 0x400;
export const GFP_KSWAPD_RECLAIM_BIT = 0x800;
export const GFP_WRITE_BIT = 0x1000;
export const GFP_NOWARN_BIT = 0x2000;
export const GFP_RETRY_MAYFAIL_BIT = 0x4000;
export const GFP_NOFAIL_BIT = 0x8000;
export const GFP_NORETRY_BIT = 0x10000;
export const GFP_MEMALLOC_BIT = 0x20000;
export const GFP_COMP_BIT = 0x40000;
export const GFP_NOMEMALLOC_BIT = 0x80000;
export const GFP_HARDWALL_BIT = 0x100000;
export const GFP_THISNODE_BIT = 0x200000;
export const GFP_ACCOUNT_BIT = 0x400000;
export const GFP_ZEROTAGS_BIT = 0x800000;

/** Single bits by the name that kernels since 4.6 print. */
export const GFP_BITS: Readonly<Record<string, number>> = {
  __GFP_DMA: GFP_DMA_BIT,
  __GFP_HIGHMEM: GFP_HIGHMEM_BIT,
  __GFP_DMA32: GFP_DMA32_BIT,
  __GFP_MOVABLE: GFP_MOVABLE_BIT,
  __GFP_RECLAIMABLE: GFP_RECLAIMABLE_BIT,
  __GFP_HIGH: GFP_HIGH_BIT,
  __GFP_IO: GFP_IO_BIT,
  __GFP_FS: GFP_FS_BIT,
  __GFP_ZERO: GFP_ZERO_BIT,
  __GFP_DIRECT_RECLAIM: GFP_DIRECT_RECLAIM_BIT,
  __GFP_KSWAPD_RECLAIM: GFP_KSWAPD_RECLAIM_BIT,
  __GFP_WRITE: GFP_WRITE_BIT,
  __GFP_NOWARN: GFP_NOWARN_BIT,
  __GFP_RETRY_MAYFAIL: GFP_RETRY_MAYFAIL_BIT,
  __GFP_NOFAIL: GFP_NOFAIL_BIT,
  __GFP_NORETRY: GFP_NORETRY_BIT,
  __GFP_MEMALLOC: GFP_MEMALLOC_BIT,
  __GFP_COMP: GFP_COMP_BIT,
  __GFP_NOMEMALLOC: GFP_NOMEMALLOC_BIT,
  __GFP_HARDWALL: GFP_HARDWALL_BIT,
  __GFP_THISNODE: GFP_THISNODE_BIT,
  __GFP_ACCOUNT: GFP_ACCOUNT_BIT,
  __GFP_ZEROTAGS: GFP_ZEROTAGS_BIT,
};

const RECLAIM = GFP_DIRECT_RECLAIM_BIT | GFP_KSWAPD_RECLAIM_BIT;

/** Combinations by the name that 7.3 prints. */
export const GFP_COMPOSITES: Readonly<Record<string, number>> = {
  __GFP_RECLAIM: RECLAIM,
  GFP_ATOMIC: GFP_HIGH_BIT | GFP_KSWAPD_RECLAIM_BIT,
  GFP_KERNEL: RECLAIM | GFP_IO_BIT | GFP_FS_BIT,
  GFP_KERNEL_ACCOUNT: RECLAIM | GFP_IO_BIT | GFP_FS_BIT | GFP_ACCOUNT_BIT,
  GFP_NOWAIT: GFP_KSWAPD_RECLAIM_BIT | GFP_NOWARN_BIT,
  GFP_NOIO: RECLAIM,
  GFP_NOFS: RECLAIM | GFP_IO_BIT,
  GFP_USER: RECLAIM | GFP_IO_BIT | GFP_FS_BIT | GFP_HARDWALL_BIT,
  GFP_DMA: GFP_DMA_BIT,
  GFP_DMA32: GFP_DMA32_BIT,
  GFP_HIGHUSER: RECLAIM | GFP_IO_BIT | GFP_FS_BIT | GFP_HARDWALL_BIT | GFP_HIGHMEM_BIT,
  GFP_HIGHUSER_MOVABLE:
    RECLAIM | GFP_IO_BIT | GFP_FS_BIT | GFP_HARDWALL_BIT | GFP_HIGHMEM_BIT | GFP_MOVABLE_BIT,
  GFP_TRANSHUGE_LIGHT: 0x1c20ca,
  GFP_TRANSHUGE: 0x1c24ca,
};

export const GFP_KERNEL = GFP_COMPOSITES.GFP_KERNEL;

/** Migratetype that a request asks for: bits 3 and 4 (page-allocator §0.5); 3 is illegal and reads as given. */
export function gfpMigratetype(gfp: number): number {
  return (gfp >>> 3) & 3;
}

/**
 * Highest zone index that a request may use, by the low four bits (page-allocator §0.5): a user page
 * reads reserves of index 3, a kernel page of index 2.
 */
const HIGHEST_ZONE = [2, 0, 2, 2, 1, 1, 1, 1, 2, 0, 3, 3, 1, 1, 1, 1];

export function gfpHighestZone(gfp: number): number {
  return HIGHEST_ZONE[gfp & 0xf];
}
