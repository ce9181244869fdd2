/** What a session is asked for, and what it answers. */

import type { CoreChoice } from '../cores/choose-core.js';
import type { MachineChoice } from '../machine/choose-machine.js';
import type { NamedCostPreset } from '../metrics/cost.js';
import type { Result } from '../metrics/result.js';
import type { OnProgress } from './reading-progress.js';

export type Start = 'empty' | 'trace' | 'capture';

export interface SessionOptions {
  readonly version: string;
  /** Files, in the order given; the name of each in results. */
  readonly traces: readonly { readonly path: string; readonly name: string }[];
  readonly cores: readonly CoreChoice[];
  readonly machine: MachineChoice;
  readonly start?: Start;
  readonly placement: 'simulated' | 'recorded';
  readonly marks: readonly string[];
  readonly inputFormat?: string;
  /** Before the event of this line, or after this time; Infinity for neither. */
  readonly untilLine: number;
  readonly untilNs: number;
  readonly tlbCpus: readonly number[];
  readonly costPreset: NamedCostPreset;
  readonly writeEvent: ((line: string) => void) | null;
  readonly onProgress?: OnProgress;
}

export interface SessionOutcome {
  readonly result: Result;
  /** Sentences for the user about what was assumed, for standard error; none repeats the result. */
  readonly notes: readonly string[];
}
