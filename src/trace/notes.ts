/** Sentences for the user in a report, each said once. */
import type { ReadReport } from './report.js';

export function note(report: ReadReport, sentence: string): void {
  if (!report.notes.includes(sentence)) report.notes.push(sentence);
}
