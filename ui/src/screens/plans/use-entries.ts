import { useQueries } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import type { Request } from "@/api/backend";
import type { PlanEntryView } from "@/api/bindings";
import type { BackendError } from "@/api/errors";
import { pagesFor, placeOf } from "@/api/pages";
import { ENTRIES, planPage } from "@/api/queries";
import { useThrottled } from "@/api/use-throttled";

export type Entries = {
  /** How many rows the list has. */
  count: number;
  /** Nothing has been heard yet. */
  isPending: boolean;
  error: BackendError | null;
  /** What stands in a row; nothing while its page is read. */
  at: (row: number) => PlanEntryView | undefined;
  onRange: (first: number, last: number) => void;
  retry: () => void;
};

/** So many rows before and after those in sight are there already. */
const AHEAD = 40;

/** The entries of a plan, from anywhere in it; only the pages in sight are kept, and the first, which tells how many. */
export function useEntries(request: Omit<Request<"list_plan_entries">, "from" | "limit">): Entries {
  const [range, setRange] = useState({ first: 0, last: 0 });
  const inSight = pagesFor(range.first - AHEAD, range.last + AHEAD, ENTRIES);
  // The first page alone, before it has told whether there are more.
  const [count, setCount] = useState<number | null>(null);
  const pages = [...new Set([0, ...inSight])].filter(
    (page) => page === 0 || page * ENTRIES < (count ?? 0),
  );
  const answers = useQueries({
    queries: pages.map((page) => planPage({ ...request, from: page * ENTRIES })),
  });
  const total = answers[0]?.data?.total;
  if (total !== undefined && total !== count) {
    setCount(total);
  }
  return {
    count: count ?? 0,
    isPending: count === null,
    error: answers.find((answer) => answer.error !== null)?.error ?? null,
    at: (row) => {
      const { page, at } = placeOf(row, ENTRIES);
      return answers[pages.indexOf(page)]?.data?.entries[at];
    },
    onRange: useThrottled(
      useCallback((first: number, last: number) => {
        setRange((now) => (now.first === first && now.last === last ? now : { first, last }));
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
