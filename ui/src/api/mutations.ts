import { type UseMutationResult, useMutation, useQueryClient } from "@tanstack/react-query";
import { type CommandName, call, type Request, type Response } from "@/api/backend";
import { rules } from "@/api/bindings";
import type { BackendError } from "@/api/errors";
import { invalidate } from "@/api/invalidate";

/** A command that changes something. What it makes old comes from the registry's tags. */
export function useCommand<K extends CommandName>(
  name: K,
): UseMutationResult<Response<K>, BackendError, Request<K>> {
  const client = useQueryClient();
  return useMutation<Response<K>, BackendError, Request<K>>({
    mutationKey: [name],
    mutationFn: (request) => call(name, request),
    // Not awaited: who asked goes on at once, what is on the screen follows.
    onSuccess: () => {
      void invalidate(client, rules[name].tags);
    },
  });
}
