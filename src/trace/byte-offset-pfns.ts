/**
 * pfns of kernels before 4.2 as perf and trace-cmd print them: the tool subtracted pointers in bytes, so
 * the "pfn" is pfn * sizeof(struct page) (trace-formats §5.4). The page's identity is not hurt by that, but
 * buddy alignment is: the true size, 56 or 64, is the one that leaves no remainder and aligned blocks.
 *
 * Tools of later kernels print a `page=` that is wrong in the same way beside a pfn that is right
 * (tracecmd-4.13-fragments.txt), so the correction needs every event of a batch to agree.
 */
import { type EventColumns, NO_PFN } from './columns.js';
import { note } from './notes.js';
import type { ReadReport } from './report.js';

const SIZES = [64, 56] as const;

export class ByteOffsetPfns {
  private readonly fits = SIZES.map(() => true);
  private readonly rows: number[] = [];

  /** Called for an event whose `page=` is a tool's 0xffffea… address, `offset` bytes behind vmemmap. */
  note(columns: EventColumns, row: number, offset: number): void {
    const pfn = columns.pfn[row];
    if (pfn === NO_PFN || pfn !== offset) return;
    this.rows.push(row);
    for (let i = 0; i < SIZES.length; i++) {
      const real = pfn / SIZES[i];
      if (!Number.isInteger(real) || real % 2 ** columns.order[row] !== 0) this.fits[i] = false;
    }
  }

  /** Divides the pfns of this batch; leaves them alone when no size fits all events so far. */
  correct(columns: EventColumns, report: ReadReport): void {
    const size = SIZES.find((_, i) => this.fits[i]);
    if (this.rows.length > 0 && size !== undefined) {
      for (const row of this.rows) if (row < columns.length) columns.pfn[row] /= size;
      note(report, `pfns are byte offsets of an old tool; they were divided by ${size}`);
    }
    this.rows.length = 0;
  }
}
