/**
 * Times of a trace: whole ns (or ticks) since the first event that is kept, without floating point.
 * Seconds and ns stay apart up to the subtraction, since a tai stamp in ns has no room in a double
 * (trace-formats §10.4).
 */
import { type LinePrefix, NO_TIME, TICKS } from './line-prefix.js';
import { note } from './notes.js';
import type { Clock, ReadReport } from './report.js';

const NS_PER_SECOND = 1_000_000_000;
const CLOCK_NAMES: readonly Clock[] = ['none', 'seconds', 'ticks', 'relative'];
/** Fewer events prove nothing about the order of their times. */
const FEWEST_FOR_DIFFERENCES = 8;

export class TraceClock {
  /** Time of the last event. Lines without a time get it. */
  lastTimeNs = 0;
  private readonly report: ReadReport;
  private kind = NO_TIME;
  private originSeconds = 0;
  private originNs = 0;
  private nsPerUnit = NS_PER_SECOND;
  private stamps = 0;
  private isMixed = false;

  constructor(report: ReadReport) {
    this.report = report;
  }

  /** Time of an event whose prefix was just read; the first one is the origin. */
  timeOf(prefix: LinePrefix, line: number): number {
    if (prefix.clock !== this.kind) {
      if (prefix.clock === NO_TIME) return this.lastTimeNs;
      if (this.kind !== NO_TIME) return this.otherClock(line);
      this.start(prefix);
    }
    this.stamps++;
    const timeNs =
      (prefix.seconds - this.originSeconds) * this.nsPerUnit + (prefix.nanoseconds - this.originNs);
    if (timeNs < this.lastTimeNs) this.countBackwards(this.lastTimeNs - timeNs);
    this.lastTimeNs = timeNs;
    return timeNs;
  }

  settle(): void {
    const { report } = this;
    report.clock = CLOCK_NAMES[this.kind];
    report.originSeconds = this.originSeconds;
    report.originNs = this.originNs;
    report.lastTimeNs = this.lastTimeNs;
  }

  /** After the last event: do the stamps look like times at all? */
  finish(): void {
    const { format, timeBackwards } = this.report;
    if (format !== 'perf-script' || this.stamps < FEWEST_FOR_DIFFERENCES) return;
    if (timeBackwards.count * 4 < this.stamps) return;
    note(
      this.report,
      'time stamps look like differences (perf script --deltatime); only the order of lines counts',
    );
  }

  private start(prefix: LinePrefix): void {
    this.kind = prefix.clock;
    this.originSeconds = prefix.seconds;
    this.originNs = prefix.nanoseconds;
    this.nsPerUnit = prefix.clock === TICKS ? 1 : NS_PER_SECOND;
  }

  private otherClock(line: number): number {
    if (!this.isMixed) {
      this.isMixed = true;
      note(
        this.report,
        `from line ${line} on, some time stamps are of another clock; only their order counts`,
      );
    }
    return this.lastTimeNs;
  }

  private countBackwards(ns: number): void {
    const { timeBackwards } = this.report;
    timeBackwards.count++;
    if (ns > timeBackwards.largestNs) timeBackwards.largestNs = ns;
  }
}
