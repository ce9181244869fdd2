/** "Did you mean": the nearest of some names, by edit distance. */

import { distance } from 'fastest-levenshtein';

/**
 * The name nearest to `word`, the first of equals; null when none is near enough to be meant: more than a
 * third of the longer word would have to change, and more than two letters.
 */
export function nearest(word: string, names: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const steps = distance(word.toLowerCase(), name.toLowerCase());
    if (steps < bestDistance) {
      best = name;
      bestDistance = steps;
    }
  }
  if (best === null) return null;
  return bestDistance <= Math.max(2, Math.floor(Math.max(word.length, best.length) / 3)) ? best : null;
}

/** `; did you mean 'x'?`, to end a sentence about a name that does not exist; '' when nothing is near. */
export function didYouMean(word: string, names: Iterable<string>): string {
  const guess = nearest(word, names);
  return guess === null ? '' : `; did you mean '${guess}'?`;
}
