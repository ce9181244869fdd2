/** One line on standard error, on a terminal alone, and only for work of more than a second. */

const FIRST_AFTER_MS = 1000;
const EVERY_MS = 200;
const MIB = 2 ** 20;

export interface Progress {
  /** Bytes read so far, and how many there are to read; null when nobody knows. */
  readonly update: (bytes: number, total: number | null) => void;
  /** Clears the line; safe to call twice. */
  readonly stop: () => void;
}

export interface ProgressPlace {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export function startProgress(
  wanted: boolean,
  place: ProgressPlace = process.stderr,
  now: () => number = Date.now,
): Progress {
  if (!wanted || place.isTTY !== true) return { update: () => {}, stop: () => {} };
  const began = now();
  let next = began + FIRST_AFTER_MS;
  let shown = false;
  return {
    update(bytes, total) {
      const time = now();
      if (time < next) return;
      next = time + EVERY_MS;
      place.write(`\r\x1b[Kmm-sim: ${words(bytes, total, (time - began) / 1000)}`);
      shown = true;
    },
    stop() {
      if (shown) place.write('\r\x1b[K');
      shown = false;
    },
  };
}

function words(bytes: number, total: number | null, seconds: number): string {
  if (total === null || total === 0) return `${Math.floor(bytes / MIB)} MiB read`;
  const share = Math.min(bytes / total, 1);
  const left = share > 0.01 ? `, ${Math.ceil((seconds / share) * (1 - share))} s left` : '';
  return `${Math.floor(share * 100)} %${left}`;
}
