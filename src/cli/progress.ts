/** One line on standard error, on a terminal alone, and only for work of more than a second. */

const FIRST_AFTER_MS = 1000;
const EVERY_MS = 200;

export interface Progress {
  /** Share of the work that is done, 0 to 1. */
  readonly update: (share: number) => void;
  /** Clears the line; safe to call twice. */
  readonly stop: () => void;
}

export function startProgress(wanted: boolean): Progress {
  if (!wanted || process.stderr.isTTY !== true) return { update: () => {}, stop: () => {} };
  const began = Date.now();
  let next = began + FIRST_AFTER_MS;
  let shown = false;
  return {
    update(share) {
      const now = Date.now();
      if (now < next) return;
      next = now + EVERY_MS;
      const seconds = (now - began) / 1000;
      const left = share > 0.01 ? `, ${Math.ceil((seconds / share) * (1 - share))} s left` : '';
      process.stderr.write(`\r\x1b[Kmm-sim: ${Math.floor(share * 100)} %${left}`);
      shown = true;
    },
    stop() {
      if (shown) process.stderr.write('\r\x1b[K');
      shown = false;
    },
  };
}
