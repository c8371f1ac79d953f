import { type InfiniteData, useMutation, useQueryClient } from "@tanstack/react-query";
import { call, type Request } from "@/api/backend";
import { type ConflictPage, rules } from "@/api/bindings";
import type { BackendError } from "@/api/errors";
import { invalidate } from "@/api/invalidate";
import { toastError } from "@/components/Problem";

type Cached = ConflictPage | InfiniteData<ConflictPage>;

/**
 * Chooses for conflicts. The list follows at once, and one choice waits for the one before: with the keyboard they come
 * faster than the core answers. The list is read again when the last one is through.
 */
export function useDecide() {
  const client = useQueryClient();
  return useMutation<unknown, BackendError, Request<"decide_conflicts">>({
    mutationKey: ["decide_conflicts"],
    scope: { id: "decide_conflicts" },
    mutationFn: (request) => call("decide_conflicts", request),
    onMutate: async (request) => {
      await client.cancelQueries({ queryKey: ["list_conflicts"] });
      client.setQueriesData<Cached>({ queryKey: ["list_conflicts"] }, (old) =>
        old === undefined
          ? old
          : "pages" in old
            ? { ...old, pages: old.pages.map((page) => decided(page, request)) }
            : decided(old, request),
      );
    },
    onError: toastError,
    onSettled: () => {
      if (client.isMutating({ mutationKey: ["decide_conflicts"] }) === 1) {
        void invalidate(client, rules.decide_conflicts.tags);
      }
    },
  });
}

function decided(page: ConflictPage, request: Request<"decide_conflicts">): ConflictPage {
  return {
    ...page,
    conflicts: page.conflicts.map((conflict) =>
      request.ids.includes(conflict.id)
        ? { ...conflict, decision: request.decision ?? null }
        : conflict,
    ),
  };
}
