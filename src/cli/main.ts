/**
 * The commander program. Only commander and the option table are loaded here: a command's own code comes
 * with its action, so that `--help` stays quick (DESIGN §7).
 */

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { EXIT } from '../kernel/errors.js';
import { nearest } from '../kernel/nearest.js';
import { printable } from '../output/printable.js';
import { COMMANDS, type CommandDefinition } from './commands.js';
import { OPTIONS, type OptionDefinition } from './options.js';
import { VERSION } from './version.js';

export async function main(argv: readonly string[]): Promise<void> {
  const { guard, fail } = await import('./guard.js');
  guard();
  try {
    await buildProgram().parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version have been printed by then; everything else is a wrong command line.
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.commandLine;
      return;
    }
    await fail(error);
  }
}

export function buildProgram(): Command {
  const program = new Command('mm-sim')
    .description(
      'Replays page alloc/free traces through page-allocator designs on a simulated x86-64 direct map.',
    )
    .version(VERSION)
    .helpOption('-h, --help', 'show this help')
    .showSuggestionAfterError(true);
  quiet(program);
  for (const definition of COMMANDS) addCommand(program, definition);
  program.helpCommand('help [command]', 'show help of a command');
  program.addHelpText(
    'after',
    `
Example: mm-sim compare baseline freetype
Exit codes: 0 done, 1 a threshold was crossed, 2 the command line is wrong,
  3 a file cannot be read or written, 4 the inputs do not fit together,
  5 a bug in mm-sim, 130 interrupted`,
  );
  return program;
}

function addCommand(program: Command, definition: CommandDefinition): void {
  const command = program.command(definition.usage).description(definition.description);
  for (const key of definition.options) command.addOption(optionOf(OPTIONS[key]));
  command.addHelpText('after', `\nExamples:\n${definition.examples.map((line) => `  ${line}`).join('\n')}`);
  command.action(async (...args: unknown[]) => {
    const positional = args.slice(0, -2);
    const options = args.at(-2) as Record<string, unknown>;
    const { run } = await definition.load();
    await run(positional, options);
  });
  quiet(command);
}

function optionOf(definition: OptionDefinition): Option {
  const { choices, parse } = definition;
  const option = new Option(definition.flags, definition.description);
  // Not commander's own choices: they would stand in the help a second time.
  if (choices !== undefined) option.argParser(oneOf(choices));
  if (definition.default !== undefined) option.default(definition.default, String(definition.default));
  if (definition.repeatable === true)
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  else if (parse !== undefined) option.argParser(parse);
  return option;
}

function oneOf(choices: readonly string[]): (text: string) => string {
  return (text) => {
    if (choices.includes(text)) return text;
    const guess = nearest(text, choices);
    const question = guess === null ? '' : `did you mean '${guess}'? `;
    throw new InvalidArgumentError(
      `${question}${question === '' ? 'c' : 'C'}hoices are ${choices.join(', ')}`,
    );
  };
}

/** Errors as one line in our form; commander would print two. */
function quiet(command: Command): void {
  command.exitOverride();
  command.configureOutput({
    outputError: (text, write) => {
      const help = command.name() === 'mm-sim' ? 'mm-sim --help' : `mm-sim ${command.name()} --help`;
      const line = commanderLine(text);
      write(`mm-sim: ${line}${line.endsWith('?') ? ' S' : '; s'}ee '${help}'\n`);
    },
  });
}

/** commander's messages without their frames, such as 'error: option '--cpus <n>' argument '0' is invalid.' */
function commanderLine(text: string): string {
  return printable(
    text
      .trim()
      .replace(/^error: /, '')
      .replace(/^option '(?:-\w, )?(--[\w-]+)[^']*' argument '(.*)' is invalid\. /s, "$1 '$2': ")
      .replace(/^option '(?:-\w, )?(--[\w-]+)[^']*' argument missing$/, '$1 lacks a value')
      .replace(/^(too many arguments for '\w+')\. Expected (.*)\.$/, '$1: expected $2')
      .replace(/\n?\(Did you mean (?:one of )?(.*?)\?\)/, "; did you mean '$1'?"),
  );
}
