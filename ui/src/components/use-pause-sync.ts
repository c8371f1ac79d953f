import { toast } from "sonner";
import type { SyncSummary } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { toastError } from "@/components/Problem";

/** Pauses a sync, or lets it run by itself again. */
export function usePauseSync({ id, is_paused }: Pick<SyncSummary, "id" | "is_paused">) {
  const pause = useCommand("pause_sync");
  return {
    isPending: pause.isPending,
    toggle: () =>
      pause.mutate(
        { sync: id, is_paused: !is_paused },
        { onError: toastError, onSuccess: tellPaused },
      ),
  };
}

function tellPaused({ name, is_paused, every_minutes }: SyncSummary) {
  if (is_paused) {
    toast(`${name} is paused`, { description: "It runs when you start it, and not by itself." });
  } else {
    toast(`${name} is not paused any more`, {
      description:
        every_minutes === null ? "It runs when you start it." : "It runs by itself again.",
    });
  }
}
