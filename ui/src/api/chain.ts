/** A page of a list that is read page after page: behind what it stands, and how many rows it has. */
type Link = {
  readonly after: string | null;
  /** Not known before it was read. */
  readonly rows: number | null;
};

/** What is known of such a list, whatever of it is kept. */
export type Chain = {
  readonly links: readonly Link[];
  /** So many rows it had before a page became another one: the list does not shrink while it is read again. */
  readonly least: number;
};

export const newChain: Chain = { links: [{ after: null, rows: null }], least: 0 };

/** All pages are known. */
export function isComplete({ links }: Chain): boolean {
  return links.at(-1)?.rows !== null;
}

/** The rows of the pages that are known. */
export function knownRows({ links }: Chain): number {
  return links.reduce((sum, link) => sum + (link.rows ?? 0), 0);
}

/** Rows in place of those that have not been read, so that there is an end to come near to. */
const TO_COME = 3;

/** How many rows the list shows, if it has some as many as expected. */
export function shownRows(chain: Chain, expected: number): number {
  const known = knownRows(chain);
  return isComplete(chain) ? known : Math.max(known + TO_COME, chain.least, expected);
}

/** A page was read: it has so many rows, and behind `next` there are more. The same chain where that is no news. */
export function learned(chain: Chain, page: number, rows: number, next: string | null): Chain {
  const { links } = chain;
  const link = links[page];
  if (link === undefined) {
    return chain;
  }
  const isSameNext =
    links[page + 1] === undefined ? next === null : links[page + 1]?.after === next;
  if (link.rows === rows && isSameNext) {
    return chain;
  }
  const read = [...links.slice(0, page), { ...link, rows }];
  if (isSameNext) {
    return { ...chain, links: [...read, ...links.slice(page + 1)] };
  }
  const least = next === null ? 0 : Math.max(chain.least, knownRows(chain));
  const to = next === null ? [] : [{ after: next, rows: null }];
  return { links: [...read, ...to], least };
}

/** The pages that have rows from `first` to `last`; where more rows are meant than known, also the one to read next. */
export function pagesIn({ links }: Chain, first: number, last: number): number[] {
  const found: number[] = [];
  let start = 0;
  for (const [page, { rows }] of links.entries()) {
    const end = start + (rows ?? Number.POSITIVE_INFINITY);
    if (start <= last && end > first) {
      found.push(page);
    }
    start = end;
  }
  return found;
}

/** The first row of a page. */
export function startOf({ links }: Chain, page: number): number {
  return links.slice(0, page).reduce((sum, link) => sum + (link.rows ?? 0), 0);
}
