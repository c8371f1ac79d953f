/** The pages for the rows from `first` to `last` of a list that can be read from any row on. */
export function pagesFor(first: number, last: number, size: number): number[] {
  const from = Math.floor(Math.max(0, first) / size);
  const to = Math.floor(Math.max(0, last) / size);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** The page in which a row is, and its place there. */
export function placeOf(row: number, size: number): { page: number; at: number } {
  return { page: Math.floor(row / size), at: row % size };
}
