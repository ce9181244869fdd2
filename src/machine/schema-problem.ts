/** Words for the first thing that valibot finds wrong: the offending key, what stands there, what should. */

import type { BaseIssue } from 'valibot';
import { getDotPath } from 'valibot';

export function schemaProblem(issue: BaseIssue<unknown>): string {
  const key = getDotPath(issue) ?? 'the whole file';
  if (issue.type === 'strict_object' && issue.expected === 'never') return `${key}: there is no such key`;
  if (issue.received === 'undefined') return `${key}: is missing`;
  const expected = issue.expected === null ? issue.message : `must be ${issue.expected}`;
  return `${key}: ${expected}, but is ${issue.received}`;
}
