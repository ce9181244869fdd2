/**
 * Where a zone's scans for free pages begin (zone->compact_init_free_pfn): no event tells it, but every
 * search that came out deep or shallow bounds it (page-allocator §7.3).
 */

export class FirstFreePfn {
  /** Lowest position that was found to be at or above it, and highest that was found below. */
  private atOrAbove = 0;
  private below = -1;

  /** It is 0, so that every scan is a first one, until the zone's marks are reset. */
  isFirst(freePfn: number): boolean {
    return freePfn >= this.atOrAbove && freePfn > this.below;
  }

  learn(freePfn: number, isFirst: boolean): void {
    if (isFirst) {
      this.atOrAbove = Math.min(this.atOrAbove, freePfn);
      // What was known has changed: the zone's marks were reset.
      if (this.below >= freePfn) this.below = -1;
    } else {
      this.below = Math.max(this.below, freePfn);
      if (this.atOrAbove <= freePfn) this.atOrAbove = freePfn + 1;
    }
  }
}
