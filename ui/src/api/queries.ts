import { queryOptions } from "@tanstack/react-query";
import { type CommandName, call, type Request, type Response } from "@/api/backend";
import type { BackendError } from "@/api/errors";

declare module "@tanstack/react-query" {
  interface Register {
    defaultError: BackendError;
  }
}

/** The cache key of a query: its command and what was asked. */
export type QueryKey<K extends CommandName> = readonly [K, Request<K>];

export function queryKey<K extends CommandName>(name: K, request: Request<K>): QueryKey<K> {
  return [name, request];
}

/** Options for `useQuery`, `useSuspenseQuery` and loaders: one command with its request. */
export function query<K extends CommandName>(name: K, request: Request<K>) {
  return queryOptions<Response<K>, BackendError, Response<K>, QueryKey<K>>({
    queryKey: queryKey(name, request),
    queryFn: () => call(name, request),
  });
}

/** Milliseconds between two questions about something that is under way. */
const ASKED_EVERY = 3_000;

export const appStatus = () => query("get_app_status", {});
export const overview = () => query("get_overview", {});
export const settings = () => query("get_settings", {});
export const storage = () => query("get_storage", {});
export const connectors = () => query("list_connectors", {});
export const connector = (id: string) => query("get_connector", { connector: id });
export const connectorText = (id: string, version: number | null = null) =>
  query("get_connector_text", { connector: id, version });
export const connectorSchema = () => query("get_connector_schema", {});
// Their keys hold whole files, a new one with every pause in typing: they are not kept.
const UNKEPT = { gcTime: 5_000 };
export const connectorReport = (name: string, text: string) => ({
  ...query("validate_connector", { name, text }),
  ...UNKEPT,
});
export const comparison = (request: Request<"compare_connector">) => ({
  ...query("compare_connector", request),
  ...UNKEPT,
});
export const connections = () => query("list_connections", {});
export const connection = (id: string) => query("get_connection", { connection: id });
export const connectFlow = (flow: string) => query("get_connect_flow", { flow });
export const stream = (connection: string, name: string) =>
  query("describe_stream", { connection, stream: name });
export const syncs = () => query("list_syncs", {});
export const sync = (id: string) => query("get_sync", { sync: id });
export const plan = (id: string) => query("get_plan", { plan: id });
/** A plan that is looked at: while it is being made it is also asked for, should an event get lost. */
export const shownPlan = (id: string) =>
  queryOptions({
    ...plan(id),
    refetchInterval: ({ state }) => (state.data?.state === "building" ? ASKED_EVERY : false),
  });
export const run = (id: string) => query("get_run", { run: id });
export const runRecord = (run: string, seq: number) => query("get_run_record", { run, seq });

/** Rows in a page of conflicts, of records or of runs. */
export const ROWS = 200;

/** Pages of long lists that are out of sight are forgotten after this time: a plan may have a million entries. */
const FORGOTTEN_AFTER = 10_000;

/** Entries in a page of a plan: few enough that any page is there at once, however long the plan. */
export const ENTRIES = 100;

/** One page of a plan's entries. */
export function planPage(request: Omit<Request<"list_plan_entries">, "limit">) {
  return { ...query("list_plan_entries", { ...request, limit: ENTRIES }), gcTime: FORGOTTEN_AFTER };
}

export type ConflictRequest = Omit<Request<"list_conflicts">, "after" | "limit">;

/** One page of the conflicts that fit. */
export function conflictPage(request: ConflictRequest, after: string | null) {
  return {
    ...query("list_conflicts", { ...request, after, limit: ROWS }),
    gcTime: FORGOTTEN_AFTER,
  };
}

/** How many conflicts there are, of one sync or of all. */
export const conflictCounts = (sync: string | null = null) =>
  query("list_conflicts", { sync, search: "", limit: 1 });

export type RecordRequest = Omit<Request<"list_run_records">, "after" | "limit">;

/** One page of what became of records. */
export function recordPage(request: RecordRequest, after: string | null) {
  return {
    ...query("list_run_records", { ...request, after, limit: ROWS }),
    gcTime: FORGOTTEN_AFTER,
  };
}

export type RunsRequest = Omit<Request<"list_runs">, "before" | "limit">;

/** One page of runs, newest first. */
export function runsPage(request: RunsRequest, before: string | null) {
  return { ...query("list_runs", { ...request, before, limit: ROWS }), gcTime: FORGOTTEN_AFTER };
}
