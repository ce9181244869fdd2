/**
 * Loaded with --import into a process whose memory is measured: at its end, writes the most bytes that were
 * ever resident to descriptor 3.
 */

import { readFileSync, writeSync } from 'node:fs';

process.on('exit', () => writeSync(3, String(peakResident())));

function peakResident() {
  try {
    // Not resourceUsage where it can be helped: its maximum survives exec, so that it would show the parent's.
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}
