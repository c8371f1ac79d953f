import type { Query, QueryClient } from "@tanstack/react-query";
import type { CommandName } from "@/api/backend";
import {
  type ConnectFlow,
  type PlanDetail,
  type RunDetail,
  rules,
  type Tag,
  type UiEvent,
} from "@/api/bindings";
import { queryKey } from "@/api/queries";

function isCommand(name: unknown): name is CommandName {
  return typeof name === "string" && name in rules;
}

/** Whether a cached query shows something that one of the tags stands for. */
export function reads(key: readonly unknown[], tags: readonly Tag[]): boolean {
  const name = key[0];
  return isCommand(name) && rules[name].tags.some((tag) => tags.includes(tag));
}

/** Marks what shows one of the tags as old; what is on the screen is read again. */
export function invalidate(client: QueryClient, tags: readonly Tag[]): Promise<void> {
  if (tags.length === 0) {
    return Promise.resolve();
  }
  return client.invalidateQueries({ predicate: (query: Query) => reads(query.queryKey, tags) });
}

/** Puts an event of the core into the cache. */
export function applyEvent(client: QueryClient, event: UiEvent): void {
  switch (event.kind) {
    case "changed":
      void invalidate(client, event.tags);
      return;
    case "progress": {
      const { progress } = event;
      client.setQueryData<RunDetail>(queryKey("get_run", { run: progress.run }), (old) =>
        old === undefined
          ? undefined
          : { ...old, progress, summary: { ...old.summary, counts: progress.counts } },
      );
      return;
    }
    case "run_finished":
      void invalidate(client, ["runs", "syncs", "run_records"]);
      return;
    case "connect_flow":
      client.setQueryData<ConnectFlow>(
        queryKey("get_connect_flow", { flow: event.flow.id }),
        event.flow,
      );
      if (event.flow.result?.kind === "connected") {
        void invalidate(client, ["connections"]);
      }
      return;
    case "plan_progress":
      client.setQueryData<PlanDetail>(queryKey("get_plan", { plan: event.plan.id }), event.plan);
      return;
    default:
      event satisfies never;
  }
}
