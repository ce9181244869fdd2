/** Core syntax: `name[:key=value[,key=value…]]` (DESIGN §2). */

import { EXIT, UserError } from '../kernel/errors.js';
import { didYouMean } from '../kernel/nearest.js';
import type { ParameterInfo } from '../pagealloc/core.js';
import { CORES, type CoreEntry, type ParameterValues } from './registry.js';

export interface CoreChoice {
  readonly entry: CoreEntry;
  readonly parameters: ParameterValues;
  /** As the user wrote it. */
  readonly spec: string;
}

/** `compare` takes cores by position and traces by option; everybody mixes that up once. */
const TRACE_ENDING = /\.(?:csv|txt|gz|zst|log)$|\//;

/** Throws UserError (exit code 2) that names the nearest core, key or word. */
export function chooseCore(spec: string): CoreChoice {
  const colon = spec.indexOf(':');
  const name = colon < 0 ? spec : spec.slice(0, colon);
  const entry = CORES.find(({ info }) => info.name === name);
  if (entry === undefined) {
    const names = CORES.map(({ info }) => info.name);
    if (TRACE_ENDING.test(name)) {
      throw wrong(`there is no core '${name}'; it looks like a trace`, `name traces with --trace ${name}`);
    }
    throw wrong(`there is no core '${name}'${didYouMean(name, names)}`, "see 'mm-sim list cores'");
  }
  const parameters: Record<string, string | number | boolean> = {};
  for (const [key, info] of Object.entries(entry.info.parameters)) parameters[key] = info.default;
  if (colon >= 0) {
    for (const pair of spec.slice(colon + 1).split(',')) readPair(entry, pair, parameters);
  }
  return { entry, parameters, spec };
}

function readPair(
  entry: CoreEntry,
  pair: string,
  parameters: Record<string, string | number | boolean>,
): void {
  const { name, parameters: known } = entry.info;
  const equals = pair.indexOf('=');
  const key = equals < 0 ? pair : pair.slice(0, equals);
  const info = Object.hasOwn(known, key) ? known[key] : undefined;
  if (info === undefined) {
    const keys = Object.keys(known);
    throw wrong(`core ${name} has no parameter '${key}'${didYouMean(key, keys)}`, "see 'mm-sim list cores'");
  }
  if (equals < 0)
    throw wrong(`parameter '${key}' of core ${name} lacks a value`, `write ${key}=${info.default}`);
  parameters[key] = readValue(name, key, pair.slice(equals + 1), info);
}

function readValue(core: string, key: string, text: string, info: ParameterInfo): string | number | boolean {
  if (info.type === 'word') return readWord(core, key, text, info);
  if (info.type === 'boolean') {
    if (text === 'true' || text === 'false') return text === 'true';
    throw wrong(`${key}=${text} of core ${core} is neither true nor false`);
  }
  const number = Number(text);
  if (text !== '' && Number.isInteger(number) && number >= 0) return number;
  throw wrong(`${key}=${text} of core ${core} is not a whole number`);
}

function readWord(core: string, key: string, text: string, info: ParameterInfo): string {
  const words = info.values ?? [];
  if (info.refused !== undefined && Object.hasOwn(info.refused, text)) {
    throw wrong(
      `${key}=${text} of core ${core} is refused: ${info.refused[text]}`,
      `use one of ${words.join(', ')}`,
    );
  }
  for (const word of words) {
    if (word === text) return text;
    // `batch:N` stands for batch: and a number above 0.
    if (
      word.endsWith(':N') &&
      text.startsWith(word.slice(0, -1)) &&
      /^[1-9]\d{0,8}$/.test(text.slice(word.length - 1))
    )
      return text;
  }
  throw wrong(
    `${key}=${text} of core ${core} is not known${didYouMean(text, words)}`,
    `use one of ${words.join(', ')}`,
  );
}

function wrong(problem: string, advice?: string): UserError {
  return new UserError(EXIT.commandLine, problem, { advice });
}
