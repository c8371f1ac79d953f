import { expect, test } from "vitest";
import type { DeleteRule } from "@/api/bindings";
import { deleteSentence, effectiveDelete } from "./DeleteSettings";

const rule = (change: Partial<DeleteRule>): DeleteRule => ({
  action: { kind: "keep" },
  after_days: 0,
  sightings: 2,
  full_read_hours: 24,
  ...change,
});

test("a mirror deletes unless something else is chosen", () => {
  expect(effectiveDelete("keep", "mirror")).toBe("delete");
  expect(effectiveDelete("archive", "mirror")).toBe("archive");
  expect(effectiveDelete("keep", "upsert")).toBe("keep");
});

test("what becomes of a deleted record is one plain sentence", () => {
  expect(deleteSentence(rule({}), "upsert")).toBe(
    "A record that is deleted on one side stays on the other.",
  );
  expect(deleteSentence(rule({ action: { kind: "archive" }, after_days: 30 }), "upsert")).toBe(
    "A record that is deleted on one side is archived on the other side, 30 days later. It counts as deleted when 2 complete reads have missed it. One that only leaves the filter stays.",
  );
});
