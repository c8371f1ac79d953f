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

const CHOOSE_FIRST = {
  code: "changed_elsewhere",
  message: "The mapping was changed in another window or program.",
  hint: "Choose first which of both to go on with.",
} as const;

/** What a person pressed needs the document to be saved, and it is not. Other failures were told when they happened. */
export function toastElsewhere(thrown: unknown): void {
  const error = toBackendError(thrown);
  if (error.code === "changed_elsewhere") {
    toast.warning(error.message, { id: "draft", description: error.hint });
  }
}

export type SaveState =
  | { kind: "saved" }
  | { kind: "saving" }
  | { kind: "failed"; error: BackendError }
  /** Somebody else has saved another document: nothing is saved until the person has chosen. */
  | { kind: "elsewhere"; theirs: Mapping };

/** Answers may come late: so many documents that were saved from here are known again. */
const OURS_KEPT = 20;

/**
 * Writes the document down as a draft, at most a second after an edit, one write at a time, the latest document. `known` is what the backend has, as far as was heard.
 * `flush` writes now and resolves when the backend has it: for what needs the draft, such as a plan.
 * `accept` says that the backend has this document, and that the person knows.
 */
export function useAutosave(
  sync: string,
  mapping: Mapping,
  known: Mapping,
): { state: SaveState; flush: () => Promise<void>; accept: (mapping: Mapping) => void } {
  const client = useQueryClient();
  const [state, setState] = useState<SaveState>({ kind: "saved" });
  const saved = useRef<Mapping | null>(null);
  const ours = useRef<Mapping[]>([]);
  const heard = useRef<Mapping | null>(null);
  if (saved.current === null) {
    saved.current = sameDocument(mapping, known) ? mapping : known;
    ours.current = [saved.current];
    heard.current = known;
  }
  const elsewhere = useRef<Mapping | null>(null);
  const latest = useRef(mapping);
  const running = useRef<Promise<void> | null>(null);
  latest.current = mapping;

  const save = useCallback(async (): Promise<void> => {
    while (running.current) {
      await running.current;
    }
    const wanted = latest.current;
    const was = saved.current;
    if (wanted === was || was === null) {
      return;
    }
    if (elsewhere.current !== null) {
      throw toBackendError(CHOOSE_FIRST);
    }
    setState({ kind: "saving" });
    ours.current = [...ours.current, wanted].slice(-OURS_KEPT);
    const write = call("save_draft", { sync, mapping: wanted, mapping_was: was }).then(
      () => {
        saved.current = wanted;
        setState({ kind: "saved" });
        void invalidate(client, rules.save_draft.tags);
      },
      async (thrown: unknown) => {
        const error = toBackendError(thrown);
        if (error.code === "changed_elsewhere") {
          const { mapping: theirs } = await call("get_sync", { sync });
          elsewhere.current = theirs;
          setState({ kind: "elsewhere", theirs });
          throw error;
        }
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
        if (error.code === "changed_elsewhere") {
          return;
        }
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

  // What is heard of the backend is ours, or somebody else's.
  useEffect(() => {
    if (known === heard.current) {
      return;
    }
    heard.current = known;
    if (!ours.current.some((each) => sameDocument(each, known))) {
      elsewhere.current = known;
      setState({ kind: "elsewhere", theirs: known });
    }
  }, [known]);

  // Another program is not heard of: whoever comes back to this window looks.
  useEffect(() => {
    const look = () => {
      if (document.visibilityState === "visible") {
        void client.invalidateQueries({ queryKey: queryKey("get_sync", { sync }) });
      }
    };
    window.addEventListener("focus", look);
    document.addEventListener("visibilitychange", look);
    return () => {
      window.removeEventListener("focus", look);
      document.removeEventListener("visibilitychange", look);
    };
  }, [client, sync]);

  const accept = useCallback((known: Mapping) => {
    saved.current = known;
    ours.current = [...ours.current, known].slice(-OURS_KEPT);
    elsewhere.current = null;
    setState({ kind: "saved" });
  }, []);

  return { state, flush: save, accept };
}
