import { useQueries } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import type { Request } from "@/api/backend";
import type { PlanEntryView } from "@/api/bindings";
import type { BackendError } from "@/api/errors";
import { firstPage, type Known, pagesFor, placeOf, rowsOf, withPage } from "@/api/pages";
import { planPage } from "@/api/queries";
import { NEAR_END } from "@/components/VirtualList";

export type Entries = {
  /** Rows that are known so far; more come when the end is in sight. */
  count: number;
  /** Nothing has been heard yet. */
  isPending: boolean;
  error: BackendError | null;
  /** What stands in a row; nothing while its page is read. */
  at: (row: number) => PlanEntryView | undefined;
  onRange: (first: number, last: number) => void;
  retry: () => void;
};

/** The entries of a plan; only the pages in sight are kept. Another request needs another component. */
export function useEntries(
  request: Omit<Request<"list_plan_entries">, "after" | "limit">,
): Entries {
  const [known, setKnown] = useState<Known<number>>(() => firstPage(0));
  const [range, setRange] = useState({ first: 0, last: 0 });
  const pages = pagesFor(known, range.first, range.last, NEAR_END);
  const answers = useQueries({
    queries: pages.map((page) => planPage({ ...request, after: known.starts[page] ?? 0 })),
  });
  const newest = pages.indexOf(known.lengths.length);
  const found = answers[newest]?.data;
  useEffect(() => {
    if (found !== undefined) {
      const next = found.has_more ? (found.entries.at(-1)?.seq ?? null) : null;
      setKnown((now) => withPage(now, known.lengths.length, found.entries.length, next));
    }
  }, [found, known.lengths.length]);
  const onRange = useCallback(
    (first: number, last: number) =>
      setRange((now) => (now.first === first && now.last === last ? now : { first, last })),
    [],
  );
  return {
    count: rowsOf(known),
    isPending: known.lengths.length === 0,
    error: answers.find((answer) => answer.error !== null)?.error ?? null,
    at: (row) => {
      const { page, at } = placeOf(known, row);
      return answers[pages.indexOf(page)]?.data?.entries[at];
    },
    onRange,
    retry: () => {
      for (const answer of answers) {
        if (answer.error !== null) {
          void answer.refetch();
        }
      }
    },
  };
}
