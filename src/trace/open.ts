/** From a path to a reader: bytes, format, reader. The only door to traces for the rest of mm-sim. */

import { EXIT, UserError } from '../kernel/errors.js';
import { type ByteSource, type ByteSourceOptions, openBytes } from './byte-source.js';
import type { EventColumns } from './columns.js';
import { detectFormat, type Format, HEAD_BYTES, refuseBinary, TEXT_FORMATS } from './detect.js';
import { ForwardingReader } from './forwarding-reader.js';
import type { TraceReader } from './reader.js';
import { TextReader } from './text-reader.js';

export interface OpenTraceOptions extends ByteSourceOptions {
  /** One of inputFormats(); recognised by content when absent. */
  readonly inputFormat?: string;
  /** Events in a batch. Tests make it small. */
  readonly batchEvents?: number;
}

/** A reader together with the bytes it reads, for progress and checksum. */
export interface OpenedTrace extends TraceReader {
  readonly source: ByteSource;
}

/** Values that `inputFormat` takes. */
export function inputFormats(): readonly Format[] {
  return [...TEXT_FORMATS, 'csv'];
}

/**
 * Opens a trace: a path, or '-' for standard input. Throws UserError (exit code 3) when it is missing,
 * unreadable, or of a format that cannot be read; exit code 2 when inputFormat names none.
 */
export async function openTrace(path: string, options: OpenTraceOptions = {}): Promise<OpenedTrace> {
  const { inputFormat } = options;
  if (inputFormat !== undefined && !inputFormats().includes(inputFormat as Format)) {
    const advice = `formats are ${inputFormats().join(', ')}`;
    throw new UserError(EXIT.commandLine, `'${inputFormat}' is no input format`, { advice });
  }
  const source = await openBytes(path, options);
  try {
    const head = await readHead(source);
    refuseBinary(head.bytes, source.file);
    const format = inputFormat ?? detectFormat(head.bytes, source.file);
    return new FileReader(await readerOf(format, head.chunks, source.file, options), source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function readerOf(
  format: string,
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  { batchEvents }: OpenTraceOptions,
): Promise<TraceReader> {
  if (format !== 'csv') return new TextReader(chunks, format, batchEvents);
  // csv-parse costs start-up time that text traces need not pay.
  const { openCsv } = await import('./csv.js');
  return openCsv(chunks, file);
}

/** Reads enough to recognise the format; `chunks` gives it again, in the same pieces, and then the rest. */
async function readHead(
  source: ByteSource,
): Promise<{ bytes: Uint8Array; chunks: AsyncIterable<Uint8Array> }> {
  const rest = source.chunks[Symbol.asyncIterator]();
  const read: Uint8Array[] = [];
  let length = 0;
  while (length < HEAD_BYTES) {
    const step = await rest.next();
    if (step.done === true) break;
    // Copied: the owner may use its memory again.
    read.push(step.value.slice());
    length += step.value.length;
  }
  async function* again(): AsyncGenerator<Uint8Array> {
    try {
      yield* read;
      for (let step = await rest.next(); step.done !== true; step = await rest.next()) yield step.value;
    } finally {
      await rest.return?.();
    }
  }
  return { bytes: concatenate(read, length), chunks: again() };
}

function concatenate(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

class FileReader extends ForwardingReader implements OpenedTrace {
  readonly source: ByteSource;

  constructor(reader: TraceReader, source: ByteSource) {
    super(reader);
    this.source = source;
  }

  override async next(): Promise<EventColumns | null> {
    const columns = await super.next();
    if (columns === null && this.report.format === 'systrace-html' && this.report.eventsByName.size === 0) {
      throw new UserError(EXIT.badInput, 'is an HTML page without trace data', {
        place: { file: this.source.file },
        advice: 'save the trace as text, or as a systrace page that is not compressed',
      });
    }
    return columns;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.source.close();
  }
}
