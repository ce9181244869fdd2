/**
 * Texts of a trace (comm, gfp_flags, unknown event names) to small ids, without a string per line: bytes
 * are hashed and compared where they lie, and a string is made only for a text that is new.
 *
 * A hostile or broken trace must not fill the memory: beyond the cap every new text shares one id, 'other'.
 */

export const OTHER = '(other)';

export class ByteDictionary {
  /** Texts by id; id 0 is '', the text of a line that has none. */
  readonly names: string[] = [''];
  private readonly cap: number;
  private arena = new Uint8Array(4096);
  private used = 0;
  /** Where the bytes of an id begin in the arena; those of id n end where those of n + 1 begin. */
  private starts = new Int32Array(64);
  /** Open hash table of ids; 0 is an empty slot, since '' is never stored. */
  private table = new Int32Array(256);
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** At most `cap` ids; a Uint16 column holds 65,536. */
  constructor(cap: number) {
    this.cap = cap;
  }

  /** Id of the bytes from start to end. Bytes that are not UTF-8 are shown as U+FFFD but told apart. */
  idOf(bytes: Uint8Array, start: number, end: number): number {
    if (start >= end) return 0;
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    hash ^= hash >>> 15;
    const mask = this.table.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = this.table[slot];
      if (id === 0) break;
      if (this.matches(id, bytes, start, end)) return id;
      slot = (slot + 1) & mask;
    }
    return this.add(slot, bytes, start, end);
  }

  /** The same for a text that is at hand as a string. */
  idOfText(text: string): number {
    const bytes = new TextEncoder().encode(text);
    return this.idOf(bytes, 0, bytes.length);
  }

  /** Does text `id` stand at `start`, and end at `end`? */
  private matches(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.starts[id];
    const length = this.starts[id + 1] - from;
    if (length !== end - start) return false;
    const { arena } = this;
    for (let i = 0; i < length; i++) if (arena[from + i] !== bytes[start + i]) return false;
    return true;
  }

  private add(slot: number, bytes: Uint8Array, start: number, end: number): number {
    const id = this.names.length;
    if (id >= this.cap - 1) {
      if (id === this.cap - 1) this.names.push(OTHER);
      return this.cap - 1;
    }
    const text = bytes.subarray(start, end);
    this.reserve(id, text.length);
    this.arena.set(text, this.used);
    this.starts[id] = this.used;
    this.used += text.length;
    this.starts[id + 1] = this.used;
    this.names.push(this.decoder.decode(text));
    this.table[slot] = id;
    if (id * 2 > this.table.length) this.rehash();
    return id;
  }

  private reserve(id: number, length: number): void {
    if (this.used + length > this.arena.length) {
      const arena = new Uint8Array(Math.max(this.arena.length * 2, this.used + length));
      arena.set(this.arena);
      this.arena = arena;
    }
    if (id + 2 > this.starts.length) {
      const starts = new Int32Array(this.starts.length * 2);
      starts.set(this.starts);
      this.starts = starts;
    }
  }

  private rehash(): void {
    this.table = new Int32Array(this.table.length * 2);
    const mask = this.table.length - 1;
    const stored = Math.min(this.names.length, this.cap - 1);
    for (let id = 1; id < stored; id++) {
      let hash = 0x811c9dc5;
      for (let i = this.starts[id]; i < this.starts[id + 1]; i++) {
        hash = Math.imul(hash ^ this.arena[i], 0x01000193);
      }
      hash ^= hash >>> 15;
      let slot = hash & mask;
      while (this.table[slot] !== 0) slot = (slot + 1) & mask;
      this.table[slot] = id;
    }
  }
}
