import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { type Link, subscribe } from "@/api/backend";
import type { RunSummary } from "@/api/bindings";
import { applyEvent } from "@/api/invalidate";

let link: Link = "open";
const readers = new Set<() => void>();

function setLink(next: Link): void {
  link = next;
  for (const reader of readers) {
    reader();
  }
}

/** Brings the core's events into the cache for as long as the page lives. */
export function startEvents(client: QueryClient, onRunFinished: (run: RunSummary) => void): void {
  subscribe({
    onEvent(event) {
      applyEvent(client, event);
      if (event.kind === "run_finished") {
        onRunFinished(event.run);
      }
    },
    onLink(next) {
      if (next === "open" && link === "lost") {
        // What happened meanwhile was not heard.
        void client.invalidateQueries();
      }
      setLink(next);
    },
  });
}

export function useLink(): Link {
  return useSyncExternalStore(
    (reader) => {
      readers.add(reader);
      return () => readers.delete(reader);
    },
    () => link,
  );
}
