import { expect, test } from "vitest";
import type { ConflictView } from "@/api/bindings";
import {
  byDecision,
  choices,
  choiceWords,
  isSamePair,
  keyMeaning,
  matterOf,
  ownValue,
  resultText,
  saidOf,
  whyNotAlways,
  whyNotChoose,
} from "@/screens/conflicts/choices";

const conflict = (change: Partial<ConflictView>): ConflictView => ({
  id: "conflict_1",
  sync: "sync_1",
  sync_name: "Contacts",
  source_name: "Harbor",
  target_name: "Postino",
  title: "ada@example.com",
  source_key: "c1",
  target_key: "s1",
  field: "phone",
  kind: "both_changed",
  what: "phone was changed in Harbor and in Postino since they last agreed.",
  base: "1",
  source: "2",
  target: "3",
  created_at: 0,
  ...change,
});

test("conflicts of the same two records belong together", () => {
  const one = conflict({ id: "a" });
  expect(isSamePair(one, conflict({ id: "b", field: "city" }))).toBe(true);
  expect(isSamePair(one, conflict({ id: "b", source_key: "c2" }))).toBe(false);
  expect(isSamePair(one, conflict({ id: "b", sync: "sync_2" }))).toBe(false);
  expect(isSamePair(one, undefined)).toBe(false);
});

test("what was chosen before is put back choice by choice", () => {
  const matters = [
    conflict({ id: "a" }),
    conflict({ id: "b", decision: { take: "source" } }),
    conflict({ id: "c", decision: null }),
    conflict({ id: "d", decision: { take: "value", value: "1" } }),
    conflict({ id: "e", decision: { take: "source" } }),
  ].map(matterOf);
  expect(byDecision(matters)).toEqual([
    { ids: ["a", "c"], decision: null },
    { ids: ["b", "e"], decision: { take: "source" } },
    { ids: ["d"], decision: { take: "value", value: "1" } },
  ]);
});

const words = (change: Partial<ConflictView>) =>
  choices.map((choice) => choiceWords(conflict(change), choice));

test("each choice says plainly what it does", () => {
  expect(words({})).toEqual(["Take Harbor", "Take Postino", "Keep both as they are"]);
  expect(words({ field: "", kind: "deleted_on_source" })).toEqual([
    "Delete it in Postino too",
    "Make it again in Harbor",
    "Leave both as they are",
  ]);
  expect(words({ field: "", kind: "deleted_on_target" })).toEqual([
    "Make it again in Postino",
    "Delete it in Harbor too",
    "Leave both as they are",
  ]);
  expect(words({ kind: "undo" })).toEqual([
    "Put the old value back",
    "Keep what is there now",
    null,
  ]);
});

test("what cannot be chosen says why", () => {
  expect(whyNotChoose(conflict({}), "target")).toBeUndefined();
  expect(whyNotChoose(conflict({ kind: "no_way_back" }), "target")).toMatch(/Type another one/);
  expect(whyNotChoose(conflict({ field: "" }), "value")).toMatch(/whole record/);
  expect(whyNotAlways(conflict({}), true)).toBeUndefined();
  expect(whyNotAlways(conflict({}), false)).toMatch(/both ways/);
  expect(whyNotAlways(conflict({ field: "" }), true)).toMatch(/field/);
});

test("the result is what both sides get", () => {
  expect(resultText(conflict({}))).toBeNull();
  expect(resultText(conflict({ decision: { take: "source" } }))).toBe("2");
  expect(resultText(conflict({ decision: { take: "value", value: 7 } }))).toBe("7");
  expect(resultText(conflict({ decision: { take: "keep_both" } }))).toBe("Keep both as they are");
  expect(
    resultText(conflict({ field: "", kind: "deleted_on_source", decision: { take: "source" } })),
  ).toBe("Delete it in Postino too");
});

test("of a whole record what differs is shown", () => {
  const base = { name: "Ada", city: "Rome", tags: ["a"] };
  const now = { ...base, id: "s1", tags: ["b"] };
  const whole = { field: "", base, source: null, target: now };
  expect(saidOf(conflict({ ...whole, kind: "undo" }))).toEqual({
    base: 'tags: ["a"]',
    source: "not there",
    target: 'tags: ["b"]',
  });
  expect(saidOf(conflict({ ...whole, kind: "deleted_on_source" })).source).toBe("deleted");
  expect(saidOf(conflict({ ...whole, target: base, kind: "deleted_on_source" })).target).toBe(
    "name: Ada · city: Rome",
  );
  expect(saidOf(conflict({ base: null }))).toEqual({ base: "–", source: "2", target: "3" });
});

test("a typed value is what the field holds", () => {
  expect(ownValue("12", conflict({ target: 3 }))).toEqual({ value: 12 });
  expect(ownValue("twelve", conflict({ target: 3 }))).toHaveProperty("problem");
  expect(ownValue("12", conflict({}))).toEqual({ value: "12" });
  expect(ownValue("no", conflict({ target: true }))).toEqual({ value: false });
  expect(ownValue('["a"]', conflict({ target: [] }))).toEqual({ value: ["a"] });
  expect(ownValue("a, b", conflict({ target: [] }))).toHaveProperty("problem");
  expect(ownValue("", conflict({ target: 3 }))).toEqual({ value: null });
});

const pressed = (key: string, more: object = {}) =>
  keyMeaning({ key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more });

test("keys of the browser stay the browser's", () => {
  expect(pressed("1")).toBe("source");
  expect(pressed("1", { ctrlKey: true })).toBeNull();
  expect(pressed("a", { ctrlKey: true })).toBe("select_all");
  expect(pressed("ArrowDown", { shiftKey: true })).toBe("select_next");
  expect(pressed("End")).toBe("last");
  expect(pressed("Tab")).toBeNull();
});
