/**
 * Several traces of one machine as one, in order of time: the per-CPU files of a recording, or several
 * buffers of it. Equal times keep the order in which the files were given (trace-formats §10.4); within a
 * file the order of lines is never changed, even where its times run backwards.
 */
import { EXIT, UserError } from '../kernel/errors.js';
import { EventColumns } from './columns.js';
import { emptyReport } from './empty-report.js';
import { NameTable } from './name-table.js';
import type { TraceReader } from './reader.js';
import type { Clock, ReadReport } from './report.js';

/** What a user calls the clocks of reports. */
const CLOCK_NAMES: Readonly<Record<Clock, string>> = {
  seconds: 'seconds',
  ticks: 'ticks without a unit',
  relative: 'microseconds since its buffer began',
  none: 'no time at all',
};

/**
 * Merges readers by time; `files` names them for messages. A single reader is returned as it is.
 * Throws UserError (exit code 4) from the first next() when the files count time differently.
 */
export function mergeReaders(readers: readonly TraceReader[], files: readonly string[]): TraceReader {
  return readers.length === 1 ? readers[0] : new MergedReader(readers, files);
}

/** One file's batch and how far it was taken. */
class Source {
  readonly reader: TraceReader;
  readonly file: string;
  batch: EventColumns | null = null;
  next = 0;
  /** Time of the next event since the common origin; Infinity at the end. */
  time = Number.POSITIVE_INFINITY;
  /** Added to the file's own times. */
  offsetNs = 0;
  /** Ids of the common dictionaries by the file's own. */
  readonly comms: number[] = [];
  readonly gfps: number[] = [];

  constructor(reader: TraceReader, file: string) {
    this.reader = reader;
    this.file = file;
  }

  async read(): Promise<void> {
    this.batch = await this.reader.next();
    this.next = 0;
    this.updateTime();
  }

  updateTime(): void {
    const { batch } = this;
    this.time = batch === null ? Number.POSITIVE_INFINITY : batch.timeNs[this.next] + this.offsetNs;
  }
}

class MergedReader implements TraceReader {
  private readonly sources: readonly Source[];
  private readonly commNames = new NameTable();
  private readonly gfpNames = new NameTable();
  private readonly columns = new EventColumns();
  private originSeconds = 0;
  private originNs = 0;
  /** That of every file that has events. */
  private clock: Clock = 'none';
  private isStarted = false;

  constructor(readers: readonly TraceReader[], files: readonly string[]) {
    this.sources = readers.map((reader, index) => new Source(reader, files[index]));
  }

  get comms(): readonly string[] {
    return this.commNames.names;
  }

  get gfps(): readonly string[] {
    return this.gfpNames.names;
  }

  get report(): ReadReport {
    return {
      ...mergedReport(this.sources),
      clock: this.clock,
      originSeconds: this.originSeconds,
      originNs: this.originNs,
    };
  }

  async next(): Promise<EventColumns | null> {
    if (!this.isStarted) await this.start();
    const { columns } = this;
    columns.length = 0;
    while (columns.length < columns.capacity) {
      const first = this.earliest(-1);
      if (first < 0) break;
      const source = this.sources[first];
      const second = this.earliest(first);
      this.copyUntil(source, first, second);
      if (source.batch !== null && source.next === source.batch.length) await source.read();
    }
    return columns.length === 0 ? null : columns;
  }

  async close(): Promise<void> {
    for (const { reader } of this.sources) await reader.close();
  }

  /** Origins are known once each file has shown its first event. */
  private async start(): Promise<void> {
    this.isStarted = true;
    for (const source of this.sources) await source.read();
    const timed = this.sources.filter(({ batch }) => batch !== null);
    if (timed.length === 0) return;
    refuseDifferentClocks(timed);
    this.clock = timed[0].reader.report.clock;
    let origin = timed[0].reader.report;
    for (const { reader } of timed) {
      const { originSeconds, originNs } = reader.report;
      const isEarlier =
        originSeconds < origin.originSeconds ||
        (originSeconds === origin.originSeconds && originNs < origin.originNs);
      if (isEarlier) origin = reader.report;
    }
    this.originSeconds = origin.originSeconds;
    this.originNs = origin.originNs;
    for (const source of timed) {
      const { clock, originSeconds, originNs } = source.reader.report;
      const whole = originSeconds - this.originSeconds;
      source.offsetNs = clock === 'ticks' ? whole : whole * 1e9 + (originNs - this.originNs);
      source.updateTime();
    }
  }

  /** Index of the file with the earliest next event, leaving one out; -1 when there is none. */
  private earliest(except: number): number {
    let best = -1;
    let bestTime = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.sources.length; i++) {
      if (i !== except && this.sources[i].time < bestTime) {
        best = i;
        bestTime = this.sources[i].time;
      }
    }
    return best;
  }

  /** Takes events of one file as long as no other file comes before: files are compared once a run, not an event. */
  private copyUntil(source: Source, index: number, other: number): void {
    const { columns } = this;
    const batch = source.batch as EventColumns;
    const limit = other < 0 ? Number.POSITIVE_INFINITY : this.sources[other].time;
    const winsTies = other < 0 || index < other;
    this.extendIds(source);
    while (source.next < batch.length && columns.length < columns.capacity) {
      const time = batch.timeNs[source.next] + source.offsetNs;
      if (time > limit || (time === limit && !winsTies)) break;
      this.copy(source, batch, source.next, index, time);
      source.next++;
    }
    if (source.next < batch.length) source.updateTime();
  }

  private copy(source: Source, from: EventColumns, row: number, file: number, timeNs: number): void {
    const { columns } = this;
    const to = columns.length++;
    columns.kind[to] = from.kind[row];
    columns.timeNs[to] = timeNs;
    columns.cpu[to] = from.cpu[row];
    columns.pid[to] = from.pid[row];
    columns.comm[to] = source.comms[from.comm[row]];
    columns.pfn[to] = from.pfn[row];
    columns.order[to] = from.order[row];
    columns.migratetype[to] = from.migratetype[row];
    columns.gfp[to] = source.gfps[from.gfp[row]];
    columns.pageClass[to] = from.pageClass[row];
    columns.context[to] = from.context[row];
    columns.line[to] = from.line[row];
    columns.file[to] = file;
    columns.a[to] = from.a[row];
    columns.b[to] = from.b[row];
    columns.c[to] = from.c[row];
  }

  private extendIds(source: Source): void {
    const { comms, gfps } = source.reader;
    while (source.comms.length < comms.length)
      source.comms.push(this.commNames.id(comms[source.comms.length]));
    while (source.gfps.length < gfps.length) source.gfps.push(this.gfpNames.id(gfps[source.gfps.length]));
  }
}

function refuseDifferentClocks(sources: readonly Source[]): void {
  const [first] = sources;
  const { clock } = first.reader.report;
  if (clock === 'none') {
    throw new UserError(EXIT.doesNotFit, 'has no times, so that it cannot be merged with other files', {
      place: { file: first.file },
      advice: 'give one file at a time, or record with time stamps',
    });
  }
  const odd = sources.find(({ reader }) => reader.report.clock !== clock);
  if (odd === undefined) return;
  const problem = `has ${CLOCK_NAMES[odd.reader.report.clock]} where ${first.file} has ${CLOCK_NAMES[clock]}`;
  throw new UserError(EXIT.doesNotFit, problem, {
    place: { file: odd.file },
    advice: 'files of one call must be recorded with one clock',
  });
}

/** Sums and unions; what names a file's line keeps the file's name in a note where that matters. */
function mergedReport(sources: readonly Source[]): ReadReport {
  const reports = sources.map(({ reader }) => reader.report);
  const merged = emptyReport(distinct(reports.map(({ format }) => format)).join(' + '));
  merged.release = reports.find(({ release }) => release !== '')?.release ?? '';
  const cpus = new Set<number>();
  for (let i = 0; i < reports.length; i++) {
    const report = reports[i];
    merged.layouts = distinct([...merged.layouts, ...report.layouts]);
    merged.lastTimeNs = Math.max(merged.lastTimeNs, report.lastTimeNs + sources[i].offsetNs);
    merged.lines += report.lines;
    for (const [name, count] of report.eventsByName) {
      merged.eventsByName.set(name, (merged.eventsByName.get(name) ?? 0) + count);
    }
    for (const cpu of report.cpus) cpus.add(cpu);
    merged.headerCpus = Math.max(merged.headerCpus, report.headerCpus);
    merged.overwritten += report.overwritten;
    merged.lost.push(...report.lost);
    merged.malformed.count += report.malformed.count;
    merged.malformed.first.push(...report.malformed.first);
    merged.ordersTooLarge.count += report.ordersTooLarge.count;
    merged.ordersTooLarge.firstLine ||= report.ordersTooLarge.firstLine;
    merged.ordersTooLarge.largest = Math.max(merged.ordersTooLarge.largest, report.ordersTooLarge.largest);
    merged.unparsed += report.unparsed;
    merged.firstUnparsedLine ||= report.firstUnparsedLine;
    merged.truncatedLastLine ||= report.truncatedLastLine;
    merged.nulLines += report.nulLines;
    merged.bufferStartedMarks += report.bufferStartedMarks;
    merged.timeBackwards.count += report.timeBackwards.count;
    merged.timeBackwards.largestNs = Math.max(merged.timeBackwards.largestNs, report.timeBackwards.largestNs);
    for (const key of Object.keys(merged.era) as (keyof ReadReport['era'])[])
      merged.era[key] += report.era[key];
    merged.notes.push(...report.notes.map((note) => `${sources[i].file}: ${note}`));
  }
  merged.cpus = [...cpus].sort((x, y) => x - y);
  merged.malformed.first.length = Math.min(merged.malformed.first.length, 5);
  const releases = distinct(reports.map(({ release }) => release).filter((release) => release !== ''));
  if (releases.length > 1) merged.notes.push(`the files name several kernels: ${releases.join(', ')}`);
  return merged;
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)];
}
