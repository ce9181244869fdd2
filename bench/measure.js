/** Times one function again and again: warm-up first, then the median and how far the rounds lie apart. */

/** `round` returns one measured value; those of the warm-up are thrown away. */
export async function measure(round, { warmUps, rounds }) {
  for (let i = 0; i < warmUps; i++) await round();
  const values = [];
  for (let i = 0; i < rounds; i++) values.push(await round());
  return summary(values);
}

/** Milliseconds that `work` takes. */
export async function timed(work) {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

/** Spread: from the lowest round to the highest, as a share of the median. */
function summary(values) {
  const sorted = values.sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  const lowest = sorted[0];
  const highest = sorted[sorted.length - 1];
  return { rounds: sorted.length, median, lowest, highest, spread: (highest - lowest) / median };
}
