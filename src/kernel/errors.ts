/**
 * The one error that users see. It carries what a line on standard error needs as fields; `cli/` words it.
 * Exit codes: DESIGN §2.
 */

/** Every exit code of mm-sim, once. */
export const EXIT = {
  done: 0,
  thresholdCrossed: 1,
  commandLine: 2,
  badInput: 3,
  doesNotFit: 4,
  invariantBroken: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export interface Place {
  readonly file: string;
  /** 1-based; absent when the whole file is meant. */
  readonly line?: number;
}

export class UserError extends Error {
  readonly exitCode: ExitCode;
  readonly place: Place | undefined;
  /** What to do, without a full stop; printed after a semicolon. */
  readonly advice: string | undefined;

  constructor(exitCode: ExitCode, problem: string, where: { place?: Place; advice?: string } = {}) {
    super(problem);
    this.name = 'UserError';
    this.exitCode = exitCode;
    this.place = where.place;
    this.advice = where.advice;
  }
}

/** An invariant of mm-sim itself broke: a bug. The message names the fact section that it violates. */
export class InvariantError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InvariantError';
  }
}
