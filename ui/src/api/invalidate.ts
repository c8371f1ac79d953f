import type { Query, QueryClient } from "@tanstack/react-query";
import type { CommandName } from "@/api/backend";
import {
  type ConnectFlow,
  type PlanDetail,
  type RunDetail,
  type RunProgress,
  type RunRecords,
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
  const predicate = (query: Query) => reads(query.queryKey, tags);
  for (const query of client.getQueryCache().findAll({ predicate })) {
    againAfterFirst(client, query);
  }
  return client.invalidateQueries({ predicate });
}

/**
 * A first answer that is on its way may be older than what has just happened, and would pass for fresh: it is
 * asked for once more when it is there. (Later ones are cancelled and asked for again by the cache itself.)
 */
function againAfterFirst(client: QueryClient, query: Query): void {
  if (query.state.data === undefined) {
    againAfter(client, query);
  }
}

/** An answer that is on its way may be older than what was just put in its place: it is asked for once more. */
function againAfter(client: QueryClient, query: Query): void {
  if (query.state.fetchStatus !== "fetching") {
    return;
  }
  const again = () =>
    client.invalidateQueries({ queryKey: query.queryKey, exact: true }, { cancelRefetch: false });
  void query.promise?.then(again, again);
}

/** Whether a page shows the last records of a run so far. */
function growsWith({ queryKey: [name, request], state }: Query, run: string): boolean {
  const page = state.data as RunRecords | undefined;
  return (
    name === "list_run_records" &&
    typeof request === "object" &&
    request !== null &&
    "run" in request &&
    request.run === run &&
    page !== undefined &&
    (page.next ?? null) === null
  );
}

/** A plan in the making tells its figures as a run does. A sync does one of both at a time. */
function showPlanProgress(client: QueryClient, { sync, counts, waiting }: RunProgress): void {
  client.setQueriesData<PlanDetail>({ queryKey: ["get_plan"] }, (plan) =>
    plan?.state !== "building" || plan.sync !== sync
      ? plan
      : {
          ...plan,
          waiting: waiting ?? null,
          counts: {
            read: counts.read,
            create: counts.created,
            update: counts.updated,
            delete: counts.deleted,
            unchanged: counts.unchanged,
            filtered: counts.filtered,
            invalid: counts.invalid,
            held: counts.held,
            conflict: counts.conflict,
          },
        },
  );
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
      showPlanProgress(client, progress);
      void client.invalidateQueries(
        { predicate: (query) => growsWith(query, progress.run) },
        { cancelRefetch: false },
      );
      return;
    }
    case "run_finished":
      void invalidate(client, ["runs", "syncs", "run_records"]);
      return;
    case "connect_flow": {
      const key = queryKey("get_connect_flow", { flow: event.flow.id });
      const query = client.getQueryCache().find({ queryKey: key });
      if (query !== undefined) {
        againAfter(client, query);
      }
      client.setQueryData<ConnectFlow>(key, event.flow);
      if (event.flow.result?.kind === "connected") {
        void invalidate(client, ["connections"]);
      }
      return;
    }
    case "plan_progress": {
      const key = queryKey("get_plan", { plan: event.plan.id });
      const query = client.getQueryCache().find({ queryKey: key });
      if (query !== undefined) {
        againAfter(client, query);
      }
      client.setQueryData<PlanDetail>(key, event.plan);
      return;
    }
    default:
      event satisfies never;
  }
}
