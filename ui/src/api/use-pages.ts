import { type UseQueryOptions, useQueries, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import type { CommandName, Response } from "@/api/backend";
import {
  type Chain,
  isComplete,
  knownRows,
  learned,
  newChain,
  pagesIn,
  shownRows,
  startOf,
} from "@/api/chain";
import type { BackendError } from "@/api/errors";
import type { QueryKey } from "@/api/queries";
import { useThrottled } from "@/api/use-throttled";

type Source<K extends CommandName, T> = {
  /** Asks for the page behind this one; the first one is behind nothing. */
  page: (
    after: string | null,
  ) => UseQueryOptions<Response<K>, BackendError, Response<K>, QueryKey<K>>;
  rows: (answer: Response<K>) => readonly T[];
  /** Behind what there are more. */
  next: (answer: Response<K>) => string | null;
  /** So many rows there will be, as far as that is known without reading them. */
  expected?: number | undefined;
  /** The page of this row is kept even when it is out of sight. */
  kept?: number | undefined;
};

export type Pages<T> = {
  /** How many rows the list has, or seems to have. */
  count: number;
  /** Nothing has been heard yet. */
  isPending: boolean;
  error: BackendError | null;
  /** What stands in a row; nothing while its page is read. */
  at: (row: number) => T | undefined;
  /** The row of one of those that are kept, or -1. */
  find: (is: (row: T) => boolean) => number;
  /** Reads what stands in rows whose pages have been seen. */
  read: (first: number, last: number) => Promise<T[]>;
  onRange: (first: number, last: number) => void;
  retry: () => void;
};

/** So many rows before and after those in sight are there already. */
const AHEAD = 40;

/**
 * A list that the core gives page after page. Only the pages in sight are kept; of the others it is remembered where
 * they begin.
 */
export function usePages<K extends CommandName, T>(source: Source<K, T>): Pages<T> {
  const client = useQueryClient();
  const [range, setRange] = useState({ first: 0, last: 0 });
  const [chain, setChain] = useState(newChain);
  const kept = source.kept === undefined ? [] : pagesIn(chain, source.kept, source.kept);
  const inSight = pagesIn(chain, range.first - AHEAD, range.last + AHEAD);
  const pages = [...new Set([...inSight, ...kept])];
  const answers = useQueries({
    queries: pages.map((page) => source.page(chain.links[page]?.after ?? null)),
  });
  const now = pages.reduce<Chain>((known, page, index) => {
    const answer = answers[index]?.data as Response<K> | undefined;
    return answer === undefined
      ? known
      : learned(known, page, source.rows(answer).length, source.next(answer));
  }, chain);
  if (now !== chain) {
    setChain(now);
  }

  const held = new Map<number, T>();
  for (const [index, page] of pages.entries()) {
    const answer = answers[index]?.data as Response<K> | undefined;
    const start = startOf(chain, page);
    for (const [at, row] of (answer === undefined ? [] : source.rows(answer)).entries()) {
      held.set(start + at, row);
    }
  }
  // While a page is read because it begins elsewhere by now, what was in its rows stays on the page.
  const before = useRef<ReadonlyMap<number, T>>(held);
  useEffect(() => {
    if (answers.every((answer) => answer.data !== undefined)) {
      before.current = held;
    }
  });

  return {
    count: shownRows(chain, source.expected ?? 0),
    isPending: knownRows(chain) === 0 && !isComplete(chain),
    error: answers.find((answer) => answer.error !== null)?.error ?? null,
    at: (row) => held.get(row) ?? before.current.get(row),
    find: (is) => [...held].find(([_, row]) => is(row))?.[0] ?? -1,
    read: async (first, last) => {
      const found: T[] = [];
      for (const page of pagesIn(chain, first, last)) {
        const answer = await client.fetchQuery(source.page(chain.links[page]?.after ?? null));
        const start = startOf(chain, page);
        found.push(...source.rows(answer).slice(Math.max(0, first - start), last - start + 1));
      }
      return found;
    },
    onRange: useThrottled(
      useCallback((first: number, last: number) => {
        setRange((was) => (was.first === first && was.last === last ? was : { first, last }));
      }, []),
    ),
    retry: () => {
      for (const answer of answers) {
        if (answer.error !== null) {
          void answer.refetch();
        }
      }
    },
  };
}
