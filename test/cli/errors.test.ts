/** Every error is one line, says where, what and what to do, and has its exit code (DESIGN §2). */

import { describe, expect, test } from 'vitest';
import { bundled, SECRETMEM, SMALL, SMALL_NOTE, Workspace } from './program.js';

const at = new Workspace();

at.write('small.csv', SMALL);
at.write('empty.txt', '');
at.write('header.csv', SMALL.slice(0, SMALL.indexOf('\n') + 1));
at.write(
  'binary',
  Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) & 0xff),
);
at.write('cut.txt.gz', bundled(`${SECRETMEM}/trace.txt.gz`).subarray(0, 100_000));
at.write('bad-cpu.csv', SMALL.replace('\n2000,0,', '\n2000,zero,'));
at.write('bad-order.csv', SMALL.replace('4096,9,', '4096,19,'));
at.write('short-row.csv', SMALL.replace(',movable,GFP_HIGHUSER_MOVABLE,', ',movable'));
at.write('no-pfn.csv', SMALL.replace(',pfn,', ',frame,'));
at.write('ticks.csv', SMALL.replace('time_ns', 'tick'));
at.write('readonly.csv', SMALL.replaceAll(',unmapped\n', ',readonly\n'));
at.write('no-requests.txt', '# tracer: nop\n#\n  a-1  [000] ..... 1.000001: sched_switch: x\n');
at.write('perf.data', 'PERFILE2 and so on');
at.write('strace.txt', 'execve("/bin/ls", ["ls"], 0x7ffd /* 20 vars */) = 0\nbrk(NULL) = 0x55\n');
at.write('chrome.json', '{"traceEvents": []}');
at.write('machine.json', '{"memroy": "1G"}');
at.write('damaged/capture.json', '{');
at.write('folder/file', '');

const READS = 'mm-sim reads ftrace, trace-cmd report, perf script, console and systrace text, and CSV';

describe('the command line: exit code 2', () => {
  test.concurrent.each([
    ['chekc small.csv', "unknown command 'chekc'; did you mean 'check'? See 'mm-sim --help'"],
    ['replay', "missing required argument 'trace'; see 'mm-sim replay --help'"],
    [
      'check small.csv ticks.csv',
      "too many arguments for 'check': expected 1 argument but got 2; see 'mm-sim check --help'",
    ],
    ['replay small.csv --cor x', "unknown option '--cor'; did you mean '--core'? See 'mm-sim replay --help'"],
    ['replay small.csv --mark', "--mark lacks a value; see 'mm-sim replay --help'"],
    [
      'replay small.csv --core basline',
      "there is no core 'basline'; did you mean 'baseline'? See 'mm-sim list cores'",
    ],
    [
      'compare baseline freetpye --trace small.csv',
      "there is no core 'freetpye'; did you mean 'freetype'? See 'mm-sim list cores'",
    ],
    [
      'replay small.csv --core freetype:serie=v4',
      "core freetype has no parameter 'serie'; did you mean 'series'? See 'mm-sim list cores'",
    ],
    [
      'replay small.csv --core freetype:series=v9',
      "series=v9 of core freetype is not known; did you mean 'v4'? Use one of v4, v2-dev, v1",
    ],
    [
      'replay small.csv --core freetype:series',
      "parameter 'series' of core freetype lacks a value; write series=v4",
    ],
    [
      'replay small.csv --core freetype:series=v3',
      'series=v3 of core freetype is refused: its text is not known, only a digest of it (freetype-series §6.1); use one of v4, v2-dev, v1',
    ],
    [
      'replay small.csv --format tabel',
      "there is no format 'tabel'; did you mean 'table'? Formats are table, markdown, csv, json, ndjson",
    ],
    [
      'check small.csv --format xml',
      "there is no format 'xml'; formats are table, markdown, csv, json, ndjson",
    ],
    [
      'replay small.csv --machine vm-1gg',
      "--machine vm-1gg: there is no such machine and no such file; did you mean vm-1g? 'mm-sim list machines' shows all",
    ],
    [
      'replay small.csv --memory 3X',
      "--memory '3X' is not a size; write a whole number with K, M, G or T, such as 512M or 16G",
    ],
    [
      'replay small.csv --cpus none',
      "--cpus 'none': write a whole number from 1 on; see 'mm-sim replay --help'",
    ],
    [
      'replay small.csv --kernel 5.10',
      '--kernel 5.10: the rules of this kernel are not known; use 7.3, 7.2 or 6.12',
    ],
    [
      'replay small.csv --start captur',
      "--start 'captur': did you mean 'capture'? Choices are empty, trace, capture; see 'mm-sim replay --help'",
    ],
    [
      'replay small.csv --until soon',
      "--until 'soon': write a line number, or a time such as 1.5s or 200ms; see 'mm-sim replay --help'",
    ],
    [
      'replay small.csv ticks.csv --until 5',
      '--until 5: several traces have such a line; give a time, such as 1.5s',
    ],
    [
      'replay small.csv --tlb-cpus 1,0',
      "--tlb-cpus '1,0': write whole numbers from 1 on, with commas: 1,8,64; see 'mm-sim replay --help'",
    ],
    [
      'replay small.csv --log-level loud',
      "--log-level 'loud': choices are debug, info, warn, error; see 'mm-sim replay --help'",
    ],
    [
      'replay small.csv --input-format ftarce',
      "'ftarce' is no input format; formats are ftrace, trace-cmd, perf-script, perf-trace, console, events-only, systrace-html, csv",
    ],
    [
      'replay small.csv --events -',
      '--events -: standard output carries the result alone; name a file, or /dev/stderr',
    ],
    ['replay small.csv --events x --output x', '--events and --output both name x; name two files'],
    [
      'replay small.csv --output ./small.csv',
      '--output ./small.csv would overwrite the trace; name another file',
    ],
    ['replay - -', "'-' is named twice, but there is one standard input; give the other traces as files"],
    [
      'list corse',
      "there is no list 'corse'; did you mean 'cores'? Lists are cores, machines, traces, metrics",
    ],
  ])('%s', async (command, line) => {
    expect(await at.run(command)).toEqual({ code: 2, stdout: '', stderr: `mm-sim: ${line}\n` });
  });

  test.concurrent.each([
    [
      'order == 0',
      `mark 'order == 0': has no class; a mark is CLASS: EXPRESSION, such as 'unmapped: comm == "secretmem" && order == 0'`,
    ],
    [
      'unmaped: order == 0',
      "mark 'unmaped: order == 0', character 1: 'unmaped' is no class; did you mean 'unmapped'?",
    ],
    [
      'unmapped: oder == 0',
      "mark 'unmapped: oder == 0', character 11: 'oder' is no field; did you mean 'order'?",
    ],
  ])('--mark %s', async (mark, line) => {
    const outcome = await at.run(['replay', 'small.csv', '--mark', mark]);
    expect(outcome).toEqual({ code: 2, stdout: '', stderr: `mm-sim: ${line}\n` });
  });

  test('no command at all shows the help', async () => {
    const { code, stdout, stderr } = await at.run([]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^Usage: mm-sim \[options\] \[command\]\n/);
  });
});

describe('inputs that cannot be read: exit code 3', () => {
  test.concurrent.each([
    ['missing.csv', "missing.csv: no such file; check the path, or see 'mm-sim list traces'"],
    [
      'linux-7.3-secretmem',
      "linux-7.3-secretmem: no such file; did you mean the bundled trace 'linux-7.3-secretmem-1cpu'?",
    ],
    ['empty.txt', 'empty.txt: is empty; record it again'],
    ['binary', `binary: is binary data of an unknown kind; ${READS}`],
    ['folder', 'folder: is a directory; name the trace file inside it'],
    ['damaged', 'damaged/capture.json: this is not JSON; copy the capture again'],
    [
      'cut.txt.gz',
      "cut.txt.gz: the gzip data is damaged or ends too early; check it with 'gzip -t' and copy or record it again",
    ],
    [
      'bad-cpu.csv',
      "bad-cpu.csv:4: cpu 'zero' is not a whole number; write whole numbers, decimal or hexadecimal with 0x, without separators",
    ],
    [
      'bad-order.csv',
      "bad-order.csv:5: order 19 is larger than the largest order, 10; column 'order' takes 0 to 10",
    ],
    [
      'short-row.csv',
      'short-row.csv:3: 8 fields where the header has 10; every row needs a value or nothing between the separators for each column',
    ],
    [
      'perf.data',
      "perf.data: is binary data of perf; make text with 'perf script -F comm,tid,cpu,time,event,trace --ns'",
    ],
    ['strace.txt', `strace.txt: is no trace of a known format; ${READS}`],
    [
      'chrome.json',
      "chrome.json: is JSON; export text: 'traceconv systrace chrome.json' of Perfetto, or save as HTML",
    ],
  ])('%s', async (file, line) => {
    const expected = { code: 3, stdout: '', stderr: `mm-sim: ${line}\n` };
    expect(await at.run(['replay', file])).toEqual(expected);
    expect(await at.run(['check', file])).toEqual(expected);
  });

  test.concurrent.each([
    [
      'replay no-pfn.csv --input-format csv',
      "no-pfn.csv:1: looks like CSV, but its header lacks the column 'pfn'; it may also be called page, id, addr; the first line must name the columns, such as time_ns,cpu,pid,comm,op,pfn,order,migratetype,gfp",
    ],
    [
      'replay no-requests.txt',
      "no-requests.txt: holds no mm_page_alloc and no mm_page_free event; see what it holds with 'mm-sim check no-requests.txt'",
    ],
    ['replay small.csv --machine machine.json', 'machine.json: memroy: there is no such key'],
    ['replay small.csv --machine none.json', 'none.json: cannot be read (there is no such file)'],
  ])('%s', async (command, line) => {
    expect(await at.run(command)).toEqual({ code: 3, stdout: '', stderr: `mm-sim: ${line}\n` });
  });

  test('what is wrong with standard input is told of standard input', async () => {
    const stdin = at.read('bad-cpu.csv');
    const line =
      "mm-sim: <stdin>:4: cpu 'zero' is not a whole number; write whole numbers, decimal or hexadecimal with 0x, without separators\n";
    for (const command of ['replay -', 'check -'])
      expect(await at.run(command, { stdin })).toEqual({ code: 3, stdout: '', stderr: line });
    const order = await at.run('replay -', { stdin: at.read('bad-order.csv') });
    expect(order.stderr).toBe(
      "mm-sim: <stdin>:5: order 19 is larger than the largest order, 10; column 'order' takes 0 to 10\n",
    );
  });

  test('a file name cannot break the line', async () => {
    const { stderr } = await at.run(['replay', 'a\nb\u001b[2J']);
    expect(stderr).toBe("mm-sim: a\\nb\\x1b[2J: no such file; check the path, or see 'mm-sim list traces'\n");
  });
});

describe('inputs that do not fit together: exit code 4', () => {
  test.concurrent.each([
    [
      'replay small.csv --start capture',
      'no recorded start state lies beside the trace; use --start trace or --start empty',
    ],
    [
      'replay small.csv --memory 8M',
      'the trace names page 4096, the machine ends at page 2012; use --memory 1G, or --start empty',
    ],
    [
      'replay small.csv --memory 8M --start empty --placement recorded',
      'the trace names page 4096, the machine ends at page 2012; use --memory 1G',
    ],
    [
      'replay small.csv --placement recorded --core freetype',
      'core freetype places pages itself; it cannot follow recorded placement; leave out --placement recorded, or use core baseline',
    ],
    [
      'replay small.csv ticks.csv',
      'ticks.csv: has ticks without a unit where small.csv has seconds; files of one call must be recorded with one clock',
    ],
    [
      'replay readonly.csv --core freetype',
      'core freetype serves unmapped; the trace marks only readonly; choose another core or other marks',
    ],
    [
      `replay ${SECRETMEM} --memory 2G --start capture`,
      'a recorded start state fits the recorded machine alone; leave out --machine and --memory, or use --start trace',
    ],
  ])('%s', async (command, line) => {
    expect(await at.run(command)).toEqual({ code: 4, stdout: '', stderr: `mm-sim: ${line}\n` });
  });
});

test('a stack is for --log-level debug alone', async () => {
  const { code, stderr } = await at.run('replay empty.txt --log-level debug');
  expect(code).toBe(3);
  expect(stderr.split('\n')[1]).toBe('mm-sim: empty.txt: is empty; record it again');
  expect(stderr).toMatch(/\n {4}at /);
});

test('what is not wrong: no error, and few notes', async () => {
  const { code, stderr } = await at.run('replay small.csv');
  expect([code, stderr]).toEqual([0, SMALL_NOTE]);
  expect(await at.run('check small.csv')).toMatchObject({ code: 0, stderr: '' });
});
