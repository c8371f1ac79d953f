import { useNavigate } from "@tanstack/react-router";
import type { StartUndo } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { toastError } from "@/components/Problem";

/** Makes the plan that takes something back, and goes there. Nothing is written by this. */
export function useUndo() {
  const navigate = useNavigate();
  const undo = useCommand("start_undo");
  return {
    isPending: undo.isPending,
    asked: undo.variables,
    start: (request: StartUndo) =>
      undo.mutate(request, {
        onError: toastError,
        onSuccess: ({ plan }) => void navigate({ to: "/plans/$plan", params: { plan } }),
      }),
  };
}
