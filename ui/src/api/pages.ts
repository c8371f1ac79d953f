/** Which pages of a long list are known, and which are needed for the rows in sight. Pages are found one by one. */
export type Known<C> = {
  /** Where each page that can be asked for begins. */
  starts: readonly C[];
  /** How many rows each page has that was read. */
  lengths: readonly number[];
};

export function firstPage<C>(start: C): Known<C> {
  return { starts: [start], lengths: [] };
}

export function rowsOf<C>({ lengths }: Known<C>): number {
  return lengths.reduce((sum, each) => sum + each, 0);
}

/** With what a page has told; the second time it tells the same. */
export function withPage<C>(
  known: Known<C>,
  page: number,
  length: number,
  next: C | null,
): Known<C> {
  if (page !== known.lengths.length) {
    return known;
  }
  return {
    lengths: [...known.lengths, length],
    starts: next === null ? known.starts : [...known.starts, next],
  };
}

/** The page in which a row is, and its place there. */
export function placeOf<C>({ lengths }: Known<C>, row: number): { page: number; at: number } {
  let before = 0;
  for (const [page, length] of lengths.entries()) {
    if (row < before + length) {
      return { page, at: row - before };
    }
    before += length;
  }
  return { page: lengths.length, at: row - before };
}

/** The pages for the rows from `first` to `last`, and the next unknown one where the known rows end there. */
export function pagesFor<C>(known: Known<C>, first: number, last: number, near: number): number[] {
  const from = placeOf(known, Math.max(0, first)).page;
  const isAtEnd = last >= rowsOf(known) - near;
  const to = isAtEnd ? known.lengths.length : placeOf(known, last).page;
  const pages: number[] = [];
  for (let page = from; page <= to && page < known.starts.length; page++) {
    pages.push(page);
  }
  return pages;
}
