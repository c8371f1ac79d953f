/** The editor's talk with the backend: drafts out, checks and previews in. */
import {
  keepPreviousData,
  queryOptions,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { toast } from "sonner";
import { type CommandName, call, type Request } from "@/api/backend";
import { type Mapping, rules, type Samples } from "@/api/bindings";
import { type BackendError, toBackendError } from "@/api/errors";
import { invalidate } from "@/api/invalidate";
import { query, queryKey } from "@/api/queries";
import { sameDocument } from "./history";

const SAVE_AFTER = 600;
const CHECK_AFTER = 120;
const SUMMARISE_AFTER = 450;
/** Answers about documents that are not on the screen any more are kept for undo, but not for long. */
const KEEP_FOR = 60_000;

/** The value as it was when it last stood still for this long. */
export function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

/** What was shown stays until the new answer is there: nothing flickers while typing. */
function steady<K extends CommandName>(name: K, request: Request<K>) {
  return queryOptions({
    ...query(name, request),
    placeholderData: keepPreviousData,
    gcTime: KEEP_FOR,
    staleTime: KEEP_FOR,
    retry: false,
  });
}

export function useSamples(sync: string) {
  return useQuery({
    ...query("get_samples", { sync, refresh: false }),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
}

/** Reads new samples from the platform; what was worked out from the old ones is worked out again. */
export function useReadSamples(sync: string) {
  const client = useQueryClient();
  return useMutation<Samples, BackendError>({
    mutationFn: () => call("get_samples", { sync, refresh: true }),
    onSuccess: async (samples) => {
      client.setQueryData(queryKey("get_samples", { sync, refresh: false }), samples);
      await client.invalidateQueries({
        predicate: ({ queryKey: [name] }) =>
          name === "check_mapping" ||
          name === "preview_mapping" ||
          name === "preview_rows" ||
          name === "suggest_mapping",
      });
    },
  });
}

export function useReport(sync: string, mapping: Mapping) {
  return useQuery(steady("check_mapping", { sync, mapping: useSettled(mapping, CHECK_AFTER) }));
}

export function usePreview(sync: string, mapping: Mapping, sample: number) {
  return useQuery(
    steady("preview_mapping", { sync, mapping: useSettled(mapping, CHECK_AFTER), sample }),
  );
}

export function usePreviewRows(sync: string, mapping: Mapping, isShown: boolean) {
  return useQuery({
    ...steady("preview_rows", { sync, mapping: useSettled(mapping, SUMMARISE_AFTER) }),
    enabled: isShown,
  });
}

export function useSuggestions(sync: string, mapping: Mapping) {
  return useQuery(
    steady("suggest_mapping", { sync, mapping: useSettled(mapping, SUMMARISE_AFTER) }),
  );
}

export function useTransforms() {
  return useQuery({ ...query("list_transforms", {}), staleTime: Number.POSITIVE_INFINITY });
}

export type SaveState =
  | { kind: "saved" }
  | { kind: "saving" }
  | { kind: "failed"; error: BackendError };

/**
 * Writes the document down as a draft, at most a second after an edit, one write at a time, the latest document. `known` is what the backend had when the editor opened.
 * `flush` writes now and resolves when the backend has it: for what needs the draft, such as a plan.
 */
export function useAutosave(
  sync: string,
  mapping: Mapping,
  known: Mapping,
): { state: SaveState; flush: () => Promise<void>; accept: (mapping: Mapping) => void } {
  const client = useQueryClient();
  const [state, setState] = useState<SaveState>({ kind: "saved" });
  const saved = useRef<Mapping | null>(null);
  saved.current ??= sameDocument(mapping, known) ? mapping : known;
  const latest = useRef(mapping);
  const running = useRef<Promise<void> | null>(null);
  latest.current = mapping;

  const save = useCallback(async (): Promise<void> => {
    while (running.current) {
      await running.current;
    }
    const wanted = latest.current;
    if (wanted === saved.current) {
      return;
    }
    setState({ kind: "saving" });
    const write = call("save_draft", { sync, mapping: wanted }).then(
      () => {
        saved.current = wanted;
        setState({ kind: "saved" });
        void invalidate(client, rules.save_draft.tags);
      },
      (thrown: unknown) => {
        const error = toBackendError(thrown);
        setState({ kind: "failed", error });
        throw error;
      },
    );
    running.current = write
      .catch(() => undefined)
      .finally(() => {
        running.current = null;
      });
    await write;
  }, [client, sync]);

  useEffect(() => {
    if (mapping === saved.current) {
      return;
    }
    const timer = setTimeout(() => {
      save().catch((error: BackendError) => {
        toast.error("The draft could not be saved", {
          id: "draft",
          description: `${error.message} It is kept in this window and saved with the next edit.`,
        });
      });
    }, SAVE_AFTER);
    return () => clearTimeout(timer);
  }, [mapping, save]);

  // Leaving the screen or hiding the window must not cost the last second.
  useEffect(() => {
    const now = () => void save().catch(() => undefined);
    window.addEventListener("pagehide", now);
    document.addEventListener("visibilitychange", now);
    return () => {
      window.removeEventListener("pagehide", now);
      document.removeEventListener("visibilitychange", now);
      now();
    };
  }, [save]);

  /** The backend has this document already. */
  const accept = useCallback((known: Mapping) => {
    saved.current = known;
    latest.current = known;
  }, []);

  return { state, flush: save, accept };
}
