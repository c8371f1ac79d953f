import { useMutation, useQueryClient } from "@tanstack/react-query";
import { call, type Request } from "@/api/backend";
import { type ConflictPage, type Decision, rules } from "@/api/bindings";
import type { BackendError } from "@/api/errors";
import { invalidate } from "@/api/invalidate";
import { toastError } from "@/components/Problem";
import type { Matter } from "@/screens/conflicts/choices";

/** So many are decided by one request. */
const AT_ONCE = 2_000;

/**
 * Chooses for conflicts. The list follows at once, and one choice waits for the one before: with the keyboard they come
 * faster than the core answers. The list is read again when the last one is through.
 */
export function useDecide() {
  const client = useQueryClient();
  const { mutate } = useMutation<unknown, BackendError, Request<"decide_conflicts">>({
    mutationKey: ["decide_conflicts"],
    scope: { id: "decide_conflicts" },
    mutationFn: (request) => call("decide_conflicts", request),
    onMutate: async (request) => {
      await client.cancelQueries({ queryKey: ["list_conflicts"] });
      client.setQueriesData<ConflictPage>({ queryKey: ["list_conflicts"] }, (old) =>
        old === undefined ? old : decided(old, request),
      );
    },
    onError: toastError,
    onSettled: () => {
      if (client.isMutating({ mutationKey: ["decide_conflicts"] }) === 1) {
        void invalidate(client, rules.decide_conflicts.tags);
      }
    },
  });
  return (matters: readonly Pick<Matter, "id">[], decision: Decision | null, always: boolean) => {
    for (let from = 0; from < matters.length; from += AT_ONCE) {
      const ids = matters.slice(from, from + AT_ONCE).map((each) => each.id);
      mutate({ ids, decision, always });
    }
  };
}

function decided(page: ConflictPage, request: Request<"decide_conflicts">): ConflictPage {
  const ids = new Set(request.ids);
  return {
    ...page,
    conflicts: page.conflicts.map((conflict) =>
      ids.has(conflict.id) ? { ...conflict, decision: request.decision ?? null } : conflict,
    ),
  };
}
