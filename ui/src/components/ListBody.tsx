import type { ReactNode } from "react";
import type { BackendError } from "@/api/errors";
import { Button } from "@/components/Button";
import { Problem } from "@/components/Problem";

type Props = {
  error: BackendError | null;
  onRetry: () => void;
  /** Nothing has been heard yet. */
  isPending: boolean;
  isEmpty: boolean;
  /** In place of the rows while nothing has been heard. */
  loading: ReactNode;
  /** In place of the rows when there are none. */
  empty: ReactNode;
  /** The rows. */
  children: ReactNode;
};

/** What stands below the head of a list: its rows, or why there are none. What is known stays when more cannot be had. */
export function ListBody({ error, onRetry, isPending, isEmpty, loading, empty, children }: Props) {
  if (error !== null && (isPending || isEmpty)) {
    return (
      <Problem
        className="m-6 max-w-[640px]"
        error={error}
        actions={<Button onClick={onRetry}>Try again</Button>}
      />
    );
  }
  if (isPending) {
    return loading;
  }
  return (
    <>
      {isEmpty ? empty : children}
      {error !== null && (
        <div
          role="alert"
          className="flex items-center gap-3 border-t border-bad/30 bg-bad-soft px-6 py-2"
        >
          <span className="min-w-0 flex-1 truncate">
            Not all of the list can be shown: {error.message}
          </span>
          <Button onClick={onRetry}>Try again</Button>
        </div>
      )}
    </>
  );
}
