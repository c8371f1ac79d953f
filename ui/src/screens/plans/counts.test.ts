import { expect, test } from "vitest";
import type { PlanDetail } from "@/api/bindings";
import { changesOf, planEquation, whyNotApply } from "@/screens/plans/counts";

const plan = (change: Partial<PlanDetail>): PlanDetail => ({
  id: "plan_1",
  sync: "sync_1",
  sync_name: "Contacts",
  state: "ready",
  created_at: 0,
  counts: { read: 200, create: 12, update: 31, unchanged: 155, filtered: 0, invalid: 0, held: 2 },
  excluded: 0,
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
  const same = { read: 5, create: 0, update: 0, unchanged: 5, filtered: 0, invalid: 0, held: 0 };
  expect(whyNotApply(plan({ counts: same }))).toMatch(/nothing to change/);
});

test("the plan's arithmetic leaves out zeros", () => {
  expect(planEquation(plan({}).counts)).toBe(
    "200 read = 12 create + 31 update + 155 unchanged + 2 hold",
  );
});
