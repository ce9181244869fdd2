/**
 * Small values attached to lines of a trace, found by one pass and read by the next: ascending lines, so
 * that the reader moves a cursor and looks nothing up.
 */

export interface FileLines {
  /** Ascending, each once. */
  readonly lines: Uint32Array;
  readonly values: Uint8Array;
}

/** By file index (column `file`), as lines count within their file. */
export class LineValues {
  readonly files: readonly FileLines[];
  readonly count: number;

  constructor(files: readonly FileLines[]) {
    this.files = files;
    this.count = files.reduce((sum, file) => sum + file.lines.length, 0);
  }

  /** Lines that carry this value. */
  countOf(value: number): number {
    let count = 0;
    for (const { values } of this.files) for (const each of values) if (each === value) count++;
    return count;
  }

  cursor(): LineCursor {
    return new LineCursor(this.files);
  }
}

/** Reads LineValues beside a trace. Lines of one file must be asked for in ascending order. */
export class LineCursor {
  private readonly files: readonly FileLines[];
  private readonly next: Int32Array;

  constructor(files: readonly FileLines[]) {
    this.files = files;
    this.next = new Int32Array(files.length);
  }

  /** The value of a line; 0 when it has none. */
  at(file: number, line: number): number {
    if (file >= this.files.length) return 0;
    const { lines, values } = this.files[file];
    let at = this.next[file];
    while (at < lines.length && lines[at] < line) at++;
    this.next[file] = at;
    return at < lines.length && lines[at] === line ? values[at] : 0;
  }
}

/** Collects in any order; a line named twice keeps its last value. */
export class LineValuesBuilder {
  private readonly byFile: { lines: number[]; values: number[] }[] = [];

  add(file: number, line: number, value: number): void {
    while (this.byFile.length <= file) this.byFile.push({ lines: [], values: [] });
    this.byFile[file].lines.push(line);
    this.byFile[file].values.push(value);
  }

  build(): LineValues {
    return new LineValues(this.byFile.map(({ lines, values }) => sorted(lines, values)));
  }
}

function sorted(lines: readonly number[], values: readonly number[]): FileLines {
  // Array.sort is stable: of equal lines the last one added comes last, and is the one that is kept.
  const order = lines.map((_, index) => index).sort((x, y) => lines[x] - lines[y]);
  const kept = order.filter((entry, index) => lines[entry] !== lines[order[index + 1]]);
  return {
    lines: Uint32Array.from(kept, (entry) => lines[entry]),
    values: Uint8Array.from(kept, (entry) => values[entry]),
  };
}
