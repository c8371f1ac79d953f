import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { PlanDetail, RunCounts, RunDetail, RunProgress } from "@/api/bindings";
import { applyEvent, invalidate, reads } from "@/api/invalidate";
import { queryKey } from "@/api/queries";

const counts: RunCounts = {
  read: 10,
  created: 4,
  updated: 0,
  deleted: 0,
  unchanged: 0,
  filtered: 0,
  invalid: 0,
  rejected: 0,
  conflict: 0,
  held: 0,
};

let client: QueryClient;

beforeEach(() => {
  client = new QueryClient();
});

const isOld = (key: readonly unknown[]) => client.getQueryState(key)?.isInvalidated;

describe("tags", () => {
  test("a query reads the tags of its command, whatever was asked", () => {
    expect(reads(queryKey("get_run", { run: "run_1" }), ["runs"])).toBe(true);
    expect(reads(queryKey("get_run", { run: "run_1" }), ["settings"])).toBe(false);
    expect(reads(["list_run_records", { outcomes: [], search: "" }], ["run_records"])).toBe(true);
    expect(reads(["something else"], ["runs"])).toBe(false);
  });

  test("only what shows a changed tag becomes old", async () => {
    const syncs = queryKey("list_syncs", {});
    const connectors = queryKey("list_connectors", {});
    client.setQueryData(syncs, []);
    client.setQueryData(connectors, []);
    await invalidate(client, ["syncs"]);
    expect(isOld(syncs)).toBe(true);
    expect(isOld(connectors)).toBe(false);
  });

  test("a first answer that was under way when something changed is asked for again", async () => {
    const key = queryKey("list_syncs", {});
    const answers = [["as it was"], ["as it is"]];
    let asked = 0;
    const observer = new QueryObserver(client, {
      queryKey: key,
      staleTime: Number.POSITIVE_INFINITY,
      queryFn: async () => answers[asked++] ?? [],
    });
    const stop = observer.subscribe(() => undefined);
    expect(client.getQueryState(key)?.fetchStatus).toBe("fetching");
    void invalidate(client, ["syncs"]);
    await expect.poll(() => client.getQueryData(key)).toEqual(["as it is"]);
    expect(asked).toBe(2);
    stop();
  });

  test("no tags make nothing old", async () => {
    const syncs = queryKey("list_syncs", {});
    client.setQueryData(syncs, []);
    await invalidate(client, []);
    expect(isOld(syncs)).toBe(false);
  });
});

describe("events", () => {
  const key = queryKey("get_run", { run: "run_1" });
  const detail: RunDetail = {
    summary: {
      id: "run_1",
      sync: "sync_1",
      sync_name: "Contacts",
      trigger: "manual",
      state: "running",
      counts: { ...counts, created: 0 },
      started_at: 0,
      finished_at: null,
    },
    equation: "",
    balances: false,
    sync_version: 1,
    can_undo: false,
    can_approve: false,
  };
  const progress: RunProgress = {
    run: "run_1",
    sync: "sync_1",
    stage: "Writing",
    counts,
    records_per_second: 12,
  };

  test("progress moves the figures of the run that is shown", () => {
    client.setQueryData(key, detail);
    applyEvent(client, { kind: "progress", progress });
    const shown = client.getQueryData<RunDetail>(key);
    expect(shown?.summary.counts).toEqual(counts);
    expect(shown?.progress).toEqual(progress);
    expect(isOld(key)).toBe(false);
  });

  test("progress of a run that nobody looks at is not kept", () => {
    applyEvent(client, { kind: "progress", progress });
    expect(client.getQueryData(key)).toBeUndefined();
  });

  test("a plan in the making shows the figures of its sync, a finished one does not", () => {
    const plan = queryKey("get_plan", { plan: "plan_1" });
    const made: PlanDetail = {
      id: "plan_1",
      sync: "sync_1",
      sync_name: "Contacts",
      state: "building",
      kind: "run",
      created_at: 0,
      counts: {
        read: 0,
        create: 0,
        update: 0,
        delete: 0,
        unchanged: 0,
        filtered: 0,
        invalid: 0,
        held: 0,
        conflict: 0,
      },
      excluded: 0,
      excluded_deletes: 0,
      warnings: [],
    };
    client.setQueryData(plan, made);
    applyEvent(client, { kind: "progress", progress });
    expect(client.getQueryData<PlanDetail>(plan)?.counts).toMatchObject({ read: 10, create: 4 });
    client.setQueryData(plan, { ...made, state: "ready" });
    applyEvent(client, { kind: "progress", progress });
    expect(client.getQueryData<PlanDetail>(plan)?.counts.read).toBe(0);
  });

  test("the last records of a run that is at work are read again, a full page is not", () => {
    const list = ["list_run_records", { run: "run_1", outcomes: [], search: "" }];
    const page = (next: string | null) => ({ records: [], next });
    client.setQueryData(list, page("500"));
    applyEvent(client, { kind: "progress", progress });
    expect(isOld(list)).toBe(false);
    client.setQueryData(list, page(null));
    applyEvent(client, { kind: "progress", progress });
    expect(isOld(list)).toBe(true);
  });

  test("a finished run is read again", () => {
    client.setQueryData(key, detail);
    applyEvent(client, { kind: "run_finished", run: detail.summary });
    expect(isOld(key)).toBe(true);
  });

  test("a sign-in that succeeded makes the list of connections old", () => {
    const list = queryKey("list_connections", {});
    client.setQueryData(list, []);
    const flow = {
      id: "flow_1",
      connector: "harbor",
      steps: [],
      expires_at: null,
    };
    applyEvent(client, { kind: "connect_flow", flow });
    expect(isOld(list)).toBe(false);
    const result = { kind: "connected", connection: "conn_1", account: null } as const;
    applyEvent(client, { kind: "connect_flow", flow: { ...flow, result } });
    expect(isOld(list)).toBe(true);
    expect(client.getQueryData(queryKey("get_connect_flow", { flow: "flow_1" }))).toEqual({
      ...flow,
      result,
    });
  });

  test("an answer that was on its way when a sign-in ended does not take its end back", async () => {
    const flow = { id: "flow_1", connector: "harbor", steps: [], expires_at: null };
    const result = { kind: "connected", connection: "conn_1", account: null } as const;
    const flowKey = queryKey("get_connect_flow", { flow: "flow_1" });
    // The first event comes before anybody asks.
    applyEvent(client, { kind: "connect_flow", flow });
    let answer: (flow: unknown) => void = () => undefined;
    const asked: unknown[] = [];
    const observer = new QueryObserver(client, {
      queryKey: flowKey,
      staleTime: 0,
      queryFn: () =>
        new Promise((resolve) => {
          asked.push(flowKey);
          answer = resolve;
        }),
    });
    const stop = observer.subscribe(() => undefined);
    applyEvent(client, { kind: "connect_flow", flow: { ...flow, result } });
    answer(flow);
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    answer({ ...flow, result });
    await vi.waitFor(() => expect(client.getQueryData(flowKey)).toEqual({ ...flow, result }));
    stop();
  });
});
