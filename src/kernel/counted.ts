/** Counts in words: the same on every machine, whatever its locale. */

/** An integer with a comma at every third digit. */
export function group(value: number): string {
  const digits = String(Math.abs(value));
  const grouped = digits.replace(/\B(?=(\d{3})+$)/g, ',');
  return value < 0 ? `-${grouped}` : grouped;
}

/** A count and its noun, or the words that follow it: '1 CPU', '4 CPUs', '21,757 frees are'. */
export function counted(value: number, one: string, many: string = `${one}s`): string {
  return `${group(value)} ${value === 1 ? one : many}`;
}
