/** Words for the first thing that valibot finds wrong: the offending key, what stands there, what should. */

import type { BaseIssue } from 'valibot';
import { getDotPath } from 'valibot';

export function schemaProblem(issue: BaseIssue<unknown>): string {
  const key = getDotPath(issue) ?? 'the whole file';
  if (issue.received === 'undefined') return `${key}: is missing`;
  if (issue.expected === 'never') {
    return issue.type === 'strict_tuple' ? `${key}: is one value too many` : `${key}: there is no such key`;
  }
  return `${key}: ${demand(issue)}, but is ${issue.received}`;
}

/** Our schemas give their own words where valibot's name for the expected value would not do. */
function demand(issue: BaseIssue<unknown>): string {
  if (!issue.message.startsWith('Invalid ')) return issue.message;
  if (issue.type === 'integer') return 'must be a whole number';
  return issue.expected === null ? 'is not valid' : `must be ${issue.expected}`;
}
