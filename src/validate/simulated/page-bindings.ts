/**
 * Which page of the model stands for a page of the recording, once the model is no longer corrected. A page
 * that was in use at the first snapshot stands for itself.
 */

export interface Piece {
  readonly pfn: number;
  readonly order: number;
}

export class PageBindings {
  /** Recorded page to the model's, page by page: an allocation may be freed in pieces. */
  private readonly modelPage = new Map<number, number>();
  /** The model's pages that stand for one. */
  private readonly bound = new Set<number>();

  /** The model has handed the block out, for a request whose line is still to come. */
  hold(model: number, order: number): void {
    for (let page = 0; page < 2 ** order; page++) this.bound.add(model + page);
  }

  bind(recorded: number, order: number, model: number): void {
    for (let page = 0; page < 2 ** order; page++) {
      this.modelPage.set(recorded + page, model + page);
      this.bound.add(model + page);
    }
  }

  /**
   * The model's pieces for a block that the recording frees; they are forgotten. `isInUse` says whether a
   * page of the model is in use. What the model never had is left out.
   */
  release(recorded: number, order: number, isInUse: (pfn: number) => boolean): Piece[] {
    const pages = 2 ** order;
    const first = this.pageOf(recorded, isInUse);
    let isWhole = first >= 0 && first % pages === 0;
    for (let page = 1; page < pages && isWhole; page++)
      isWhole =
        this.modelPage.get(recorded + page) === (this.modelPage.has(recorded) ? first + page : undefined);
    const pieces: Piece[] = isWhole ? [{ pfn: first, order }] : [];
    for (let page = 0; page < pages; page++) {
      const model = page === 0 ? first : this.pageOf(recorded + page, isInUse);
      if (!isWhole && model >= 0) pieces.push({ pfn: model, order: 0 });
      this.modelPage.delete(recorded + page);
      if (model >= 0) this.bound.delete(model);
    }
    return pieces;
  }

  private pageOf(recorded: number, isInUse: (pfn: number) => boolean): number {
    const model = this.modelPage.get(recorded);
    if (model !== undefined) return model;
    return !this.bound.has(recorded) && isInUse(recorded) ? recorded : -1;
  }
}
