import { describe, expect, test } from "vitest";
import type { RunCounts, RunSummary } from "@/api/bindings";
import { equation, runBars, runFigures, settled } from "@/format/runs";

const zero: RunCounts = {
  read: 0,
  created: 0,
  updated: 0,
  deleted: 0,
  unchanged: 0,
  filtered: 0,
  invalid: 0,
  rejected: 0,
  conflict: 0,
  held: 0,
};

const run = (change: Partial<RunSummary>): RunSummary => ({
  id: "run_1",
  sync: "sync_1",
  sync_name: "Contacts",
  trigger: "manual",
  state: "completed",
  counts: zero,
  started_at: 1000,
  finished_at: 3100,
  ...change,
});

describe("the arithmetic of a run", () => {
  test("leaves out zeros", () => {
    expect(equation({ ...zero, read: 5000, created: 4988, unchanged: 12 })).toBe(
      "5\u2009000 read = 4\u2009988 created + 12 unchanged",
    );
  });

  test("names what is still under way", () => {
    expect(equation({ ...zero, read: 10, created: 4 })).toBe("10 read = 4 created + 6 under way");
  });

  test("says in words that nothing was read", () => {
    expect(equation(zero)).toBe("Nothing was read");
  });

  test("counts every outcome once", () => {
    const ones: RunCounts = {
      read: 8,
      created: 1,
      updated: 1,
      deleted: 0,
      unchanged: 1,
      filtered: 1,
      invalid: 1,
      rejected: 1,
      conflict: 1,
      held: 1,
    };
    expect(settled(ones)).toBe(ones.read);
  });
});

describe("runs in a table", () => {
  test("a run that is under way has no duration", () => {
    const counts = { ...zero, read: 43, updated: 43 };
    expect(runFigures(run({ counts }))).toBe("43 changed · 2.1 s");
    expect(runFigures(run({ counts, finished_at: null }))).toBe("43 changed");
  });

  test("the bar of the largest run is full, a run that could not write all is marked", () => {
    const bars = runBars([
      run({ id: "a", counts: { ...zero, read: 100, created: 100 } }),
      run({ id: "b", counts: { ...zero, read: 25, updated: 25, rejected: 0 } }),
      run({ id: "c", counts: { ...zero, read: 1, rejected: 1 } }),
      run({ id: "d", state: "failed" }),
    ]);
    expect(bars.map((bar) => [bar.height, bar.tone])).toEqual([
      [1, "ok"],
      [0.5, "ok"],
      [0, "warn"],
      [0, "bad"],
    ]);
  });
});
