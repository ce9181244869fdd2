/**
 * What differs between kernels, each difference once. Cores and parts ask a rule by its name, never a
 * version. Source: page-allocator §10.
 */

export interface KernelRules {
  /** The version whose rules these are: '6.12' or '7.3'. 7.2 has the rules of 7.3 (page-allocator §13.6). */
  readonly version: '6.12' | '7.3';
  /** A drain on free goes in portions of `batch`, each starting again at the freed page's index. */
  readonly drainInPortions: boolean;
  /** The free_high threshold: free_count >= batch + high_min / 2 instead of >= batch. */
  readonly freeHighAddsHighMin: boolean;
  /**
   * ALLOC_HIGHATOMIC is set on the fast path as well, its pcp list is then not refilled, and a block is
   * reserved for a page from the buddy lists alone.
   */
  readonly highatomicOnFastPath: boolean;
  /** vfree() and its like free contiguous pages as aligned chunks, not page by page (§2.10). */
  readonly freesInChunks: boolean;
}

const RULES_7_3: KernelRules = {
  version: '7.3',
  drainInPortions: true,
  freeHighAddsHighMin: true,
  highatomicOnFastPath: true,
  freesInChunks: true,
};

const RULES_6_12: KernelRules = {
  version: '6.12',
  drainInPortions: false,
  freeHighAddsHighMin: false,
  highatomicOnFastPath: false,
  freesInChunks: false,
};

export interface RulesChoice {
  readonly rules: KernelRules;
  /** Set when the release has no rules of its own and the nearest were taken. */
  readonly warning?: string;
}

/**
 * Rules for a kernel release such as '7.3-cloud-amd64' or '6.12'.
 * Returns null for a kernel older than 6.12: its fallback rules are not known here (page-allocator §3.3).
 */
export function rulesFor(release: string): RulesChoice | null {
  const match = /^v?(\d+)\.(\d+)/.exec(release);
  if (match === null) return null;
  const major = Number(match[1]);
  const minor = Number(match[2]);
  if (major < 6 || (major === 6 && minor < 12)) return null;
  if (major === 6 && minor === 12) return { rules: RULES_6_12 };
  if (major === 7 && (minor === 2 || minor === 3)) return { rules: RULES_7_3 };
  const rules = major === 6 ? RULES_6_12 : RULES_7_3;
  return {
    rules,
    warning: `kernel ${major}.${minor} has no rules of its own here; those of ${rules.version} are used`,
  };
}
