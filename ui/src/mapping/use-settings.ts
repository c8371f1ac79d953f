import type { SaveDraft } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { toastError } from "@/components/Problem";
import { useEditor } from "./store";

export type Change = Omit<SaveDraft, "sync" | "mapping" | "mapping_was">;

/** Changes settings of the sync that is being edited. They are part of its draft. */
export function useSettings(): (change: Change) => void {
  const { syncId } = useEditor();
  const save = useCommand("save_draft");
  return (change) => save.mutate({ sync: syncId, ...change }, { onError: toastError });
}
