/** Names to small ids for readers that have strings already (CSV, merge); dictionary.ts works on bytes. */
import { OTHER } from './dictionary.js';

/** Ids are kept in Uint16 columns. What comes after that many names shares one. */
const MAX_NAMES = 0xffff;

export class NameTable {
  /** By id; id 0 is ''. */
  readonly names: string[] = [''];
  private readonly ids = new Map<string, number>([['', 0]]);

  id(name: string): number {
    const known = this.ids.get(name);
    if (known !== undefined) return known;
    const kept = this.names.length < MAX_NAMES ? name : OTHER;
    let id = this.ids.get(kept);
    if (id === undefined) {
      id = this.names.length;
      this.names.push(kept);
      this.ids.set(kept, id);
    }
    return id;
  }
}
