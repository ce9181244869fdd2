/**
 * What `check` says in words: what the trace cannot tell, and what to record differently. Each sentence is
 * said when its condition holds, so that a good trace gets few.
 */
import type { CheckDetails, CheckResult } from './check.js';
import type { ReadReport } from './report.js';

type Facts = Omit<CheckDetails, 'cannotTell' | 'advice'>;

export function cannotTell(result: CheckResult, facts: Facts, report: ReadReport): string[] {
  const said: string[] = [];
  const say = (holds: boolean, sentence: string): void => {
    if (holds) said.push(sentence);
  };
  const { allocations, frees, lost } = result;
  const requests = allocations.served + allocations.failed;
  say(requests === 0, 'there is no mm_page_alloc event: nothing can be replayed');
  say(requests > 0 && frees.reported === 0, 'there is no free: pages are only taken, never given back');
  say(facts.batchFrees > 0, 'frees are known from batches alone: the order of freed blocks is not in them');
  say(
    facts.start.pages > 0 && result.grade !== 'A',
    `${facts.start.pages} pages were live before the trace began, as far as it frees them; others are not known`,
  );
  say(
    facts.start.doubtfulPages > 0,
    `${facts.start.doubtfulPages} of these were first seen after compaction began: they may have been handed out silently`,
  );
  say(
    facts.doubleFrees.count > 0,
    `${facts.doubleFrees.count} frees are of pages seen freed before: handed out silently (bulk lists, compaction), or lost`,
  );
  say(!facts.buddyLevelEvents && requests > 0, 'which pages were in the buddy lists and which in pcp lists');
  say(lost.events > 0 || lost.unknownGaps > 0, 'what happened in the gaps: pages may be live or free there');
  say(facts.allocsOverLive.count > 0, 'where pages were freed that are allocated again: those frees are not in the trace');
  say(report.clock === 'ticks', 'how long anything took: the clock has no unit');
  say(report.clock === 'none' && requests > 0, 'when anything happened: only the order of events is known');
  say(result.cpus === 0 && requests > 0, 'on which CPU a request was made');
  say(
    facts.namelessRequests > 0,
    `which task made ${facts.namelessRequests} of ${requests} requests: the trace has no name for it`,
  );
  say(facts.misaligned.count > 0, `${facts.misaligned.count} blocks do not start at a multiple of their size: pfns may be byte offsets`);
  say(facts.impossible.count > 0, `${facts.impossible.count} events name pages or orders that no machine has; they are not followed`);
  say(facts.compactionReturns > 0, `${facts.compactionReturns} mm_page_free lines are no frees: compaction took a target back`);
  return said;
}

export function adviceFor(result: CheckResult, facts: Facts, report: ReadReport): string[] {
  const said: string[] = [];
  const say = (holds: boolean, sentence: string): void => {
    if (holds) said.push(sentence);
  };
  const isText = report.format !== 'csv' && report.format !== 'packed';
  const requests = result.allocations.served + result.allocations.failed;
  say(requests === 0 && isText, 'enable kmem:mm_page_alloc');
  say(result.frees.reported === 0 && isText, 'enable kmem:mm_page_free');
  say(
    !facts.buddyLevelEvents && isText,
    'enable kmem:mm_page_alloc_zone_locked, kmem:mm_page_alloc_extfrag and kmem:mm_page_pcpu_drain for grade B',
  );
  say(
    (result.lost.events > 0 || result.lost.unknownGaps > 0) && isText,
    'record with a larger buffer (buffer_size_kb) and fewer events, so that nothing is lost',
  );
  say((report.clock === 'ticks' || report.clock === 'relative') && isText, "record with 'echo mono > trace_clock', or global on several CPUs");
  say(report.clock === 'none' && isText, 'record with time stamps (option context-info)');
  say(facts.namelessRequests > 0 && isText, 'raise saved_cmdlines_size, so that every task keeps its name');
  say(report.format === 'perf-trace', "use 'perf script -F comm,tid,cpu,time,event,trace --ns': perf trace leaves out CPU and fields");
  say(report.truncatedLastLine, 'the last line is cut: the file may have been copied while it was written');
  say(report.timeBackwards.count > 0 && isText, 'record with one clock for all CPUs (global or mono)');
  say(said.length > 0 && isText, "'mm-sim record' prints a script that does all this");
  return said;
}
