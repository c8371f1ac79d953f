import { expect, test } from "vitest";
import type { PlanDetail } from "@/api/bindings";
import { applyLabel, changesOf, planEquation, whyNotApply } from "@/screens/plans/counts";

const none = {
  read: 0,
  create: 0,
  update: 0,
  delete: 0,
  unchanged: 0,
  filtered: 0,
  invalid: 0,
  held: 0,
  conflict: 0,
};

const plan = (change: Partial<PlanDetail>): PlanDetail => ({
  id: "plan_1",
  sync: "sync_1",
  sync_name: "Contacts",
  state: "ready",
  kind: "run",
  created_at: 0,
  counts: { ...none, read: 200, create: 12, update: 31, unchanged: 155, held: 2 },
  excluded: 0,
  excluded_deletes: 0,
  warnings: [],
  ...change,
});

test("what is ticked off is not applied", () => {
  expect(changesOf(plan({ excluded: 3 }))).toBe(40);
  expect(changesOf(plan({ excluded: 100 }))).toBe(0);
});

test("a plan that cannot be applied says why", () => {
  expect(whyNotApply(plan({}))).toBeUndefined();
  expect(whyNotApply(plan({ state: "building" }))).toMatch(/not ready/);
  expect(whyNotApply(plan({ excluded: 43 }))).toMatch(/ticked off/);
  const same = { ...none, read: 5, unchanged: 5 };
  expect(whyNotApply(plan({ counts: same }))).toMatch(/nothing to change/);
});

test("the plan's arithmetic leaves out zeros", () => {
  expect(planEquation(plan({}).counts)).toBe(
    "200 read = 12 create + 31 update + 155 unchanged + 2 hold",
  );
});

test("the button says how many records would be deleted", () => {
  const counts = { ...none, read: 10, update: 4, delete: 3 };
  expect(applyLabel(plan({}))).toBe("Apply 43 changes");
  expect(applyLabel(plan({ counts }))).toBe("Apply 7 changes, 3 deletes");
  expect(applyLabel(plan({ counts, excluded: 2, excluded_deletes: 2 }))).toBe(
    "Apply 5 changes, 1 delete",
  );
  expect(applyLabel(plan({ counts, excluded: 4 }))).toBe("Apply 3 deletes");
});

test("decisions that write nothing can be applied all the same", () => {
  const counts = { ...none, read: 2, unchanged: 2 };
  expect(whyNotApply(plan({ kind: "decisions", counts }))).toBeUndefined();
  expect(applyLabel(plan({ kind: "decisions", counts }))).toBe("Leave them as they are");
});

test("taking back what is gone already says so", () => {
  const counts = { ...none, read: 2, unchanged: 2 };
  expect(whyNotApply(plan({ kind: "undo", counts }))).toMatch(/nothing left to take back/);
});

test("matching anew is worth applying also when nothing is written", () => {
  const counts = { ...none, read: 5, unchanged: 5 };
  expect(whyNotApply(plan({ kind: "relink", counts }))).toBeUndefined();
  expect(applyLabel(plan({ kind: "relink", counts }))).toBe("Match them anew");
  const written = { ...none, read: 5, update: 2, unchanged: 3 };
  expect(applyLabel(plan({ kind: "relink", counts: written }))).toBe("Apply 2 changes");
});

test("a sync that made nothing has nothing to remove", () => {
  const counts = { ...none, read: 5, filtered: 5 };
  expect(whyNotApply(plan({ kind: "purge", counts }))).toMatch(/nothing to remove/);
});
