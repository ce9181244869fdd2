/** Sentences for the user in a report, each said once. */
import { counted } from '../kernel/counted.js';
import { MAX_PAGE_ORDER } from '../kernel/orders.js';
import type { ReadReport } from './report.js';

export function note(report: ReadReport, sentence: string): void {
  if (!report.notes.includes(sentence)) report.notes.push(sentence);
}

/** A line that no rule could read. */
export function countUnparsed(report: ReadReport, line: number): void {
  if (report.unparsed++ === 0) report.firstUnparsedLine = line;
}

/** What is left out of the replay, in words; after the last line. */
export function noteLeftOut(report: ReadReport): void {
  const { malformed, ordersTooLarge, unparsed, firstUnparsedLine } = report;
  if (unparsed > 0)
    note(
      report,
      `${counted(unparsed, 'line', 'lines')} could not be read (first: line ${firstUnparsedLine})`,
    );
  if (malformed.count > 0) {
    const events = counted(malformed.count, 'event lacks', 'events lack');
    note(report, `${events} a readable field (first: line ${malformed.first[0].line})`);
  }
  if (ordersTooLarge.count > 0) {
    const requests = counted(ordersTooLarge.count, 'request', 'requests');
    const { largest } = ordersTooLarge;
    note(report, `${requests} of order above ${MAX_PAGE_ORDER} (largest ${largest}) cannot be replayed`);
  }
}
