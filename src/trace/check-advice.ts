/**
 * What `check` says in words: what the trace cannot tell, and what to record differently. Each sentence is
 * said when its condition holds, so that a good trace gets few.
 */

import { counted, group } from '../kernel/counted.js';
import type { CheckDetails, CheckResult } from './check.js';
import type { ReadReport } from './report.js';

type Facts = Omit<CheckDetails, 'cannotTell' | 'remarks' | 'advice'>;

/** What nobody can know from this trace: each completes "the trace cannot tell …". */
export function cannotTell(result: CheckResult, facts: Facts, report: ReadReport): string[] {
  const { collected, say } = list();
  const { lost } = result;
  const requests = result.allocations.served + result.allocations.failed;
  if (requests === 0) return ['anything: it has no mm_page_alloc event'];
  say(result.frees.reported === 0, 'when pages were freed');
  say(
    result.grade !== 'A' && result.grade !== 'S',
    'which pages were live all the time, from before its start to its end',
  );
  say(!facts.buddyLevelEvents, 'which free pages were in the buddy lists and which in pcp lists');
  say(lost.events > 0 || lost.unknownGaps > 0, 'what happened in its gaps');
  say(report.clock === 'ticks', 'how long anything took: the clock has no unit');
  say(report.clock === 'none', 'when anything happened: only the order of events is known');
  say(result.cpus === 0, 'on which CPU a request was made');
  say(
    facts.namelessRequests > 0,
    `which program made ${group(facts.namelessRequests)} of ${counted(requests, 'request', 'requests')}: the task has no name there`,
  );
  say(facts.batchFrees > 0, 'of which order the freed blocks were: batch reports always print 0');
  return collected;
}

/** What was seen that needs a word of explanation. */
export function remarksOn(result: CheckResult, facts: Facts): string[] {
  const { collected, say } = list();
  const { start, partialFrees, doubleFrees, allocsOverLive, misaligned, impossible } = facts;
  say(
    start.pages > 0,
    `${counted(start.pages, 'page was', 'pages were')} live before the trace began: ${start.pages === 1 ? 'its' : 'their'} first event is a free`,
  );
  say(
    start.doubtfulPages > 0,
    `${counted(start.doubtfulPages, 'of these was', 'of these were')} first seen after compaction began and may have been handed out silently`,
  );
  say(
    partialFrees.count > 0,
    `${counted(partialFrees.count, 'free', 'frees')} gave back a part of a bigger allocation, which is normal`,
  );
  say(
    doubleFrees.count > 0,
    `${counted(doubleFrees.count, 'free is', 'frees are')} of pages seen freed before: handed out silently (bulk lists, compaction), or events are lost`,
  );
  say(
    allocsOverLive.count > 0,
    `${counted(allocsOverLive.count, 'allocation is', 'allocations are')} of pages that are still live (first: line ${allocsOverLive.first?.line}): frees are missing`,
  );
  say(
    misaligned.count > 0,
    `${counted(misaligned.count, 'block does', 'blocks do')} not start at a multiple of ${misaligned.count === 1 ? 'its' : 'their'} size (first: line ${misaligned.first?.line}): pfns may be byte offsets`,
  );
  say(
    impossible.count > 0,
    `${counted(impossible.count, 'event names', 'events name')} pages or orders that no machine has (first: line ${impossible.first?.line}) and ${impossible.count === 1 ? 'is' : 'are'} not followed`,
  );
  say(
    facts.compactionReturns > 0,
    `${counted(facts.compactionReturns, 'mm_page_free line is no free', 'mm_page_free lines are no frees')}: compaction took its target back`,
  );
  say(
    facts.bulkPages > 0,
    `${counted(facts.bulkPages, 'page was', 'pages were')} handed out by the bulk allocator, without mm_page_alloc`,
  );
  const { betweenMarkers } = facts;
  if (betweenMarkers !== null) {
    const { served, frees } = betweenMarkers;
    const outside = result.allocations.served - served + (result.frees.reported - frees);
    say(
      outside > 0,
      `outside the snapshot markers, and not replayed: ${group(outside)} of the allocations and frees`,
    );
  }
  return collected;
}

/** What to record differently next time. */
export function adviceFor(result: CheckResult, facts: Facts, report: ReadReport): string[] {
  const { collected, say } = list();
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
  say(
    (report.clock === 'ticks' || report.clock === 'relative') && isText,
    "record with 'echo mono > trace_clock', or global on several CPUs",
  );
  say(report.clock === 'none' && isText, 'record with time stamps (option context-info)');
  say(facts.namelessRequests > 0 && isText, 'raise saved_cmdlines_size, so that every task keeps its name');
  say(
    report.format === 'perf-trace',
    "use 'perf script -F comm,tid,cpu,time,event,trace --ns': perf trace leaves out CPU and fields",
  );
  say(report.truncatedLastLine, 'the last line is cut: the file may have been copied while it was written');
  say(report.timeBackwards.count > 0 && isText, 'record with one clock for all CPUs (global or mono)');
  say(collected.length > 0 && isText, "README, 'Traces of your own', has the commands for all this");
  return collected;
}

function list(): { collected: string[]; say: (holds: boolean, sentence: string) => void } {
  const collected: string[] = [];
  return {
    collected,
    say: (holds, sentence) => {
      if (holds) collected.push(sentence);
    },
  };
}
