import { expect, test } from "vitest";
import { emptyMapping, setConstant } from "./document";
import {
  current,
  differentTargets,
  keepMine,
  push,
  redo,
  redoName,
  restore,
  startHistory,
  store,
  takeTheirs,
  undo,
  undoName,
} from "./history";

const one = setConstant(emptyMapping, "a", 1);
const two = setConstant(one, "b", 2);

function memory(limit = Number.POSITIVE_INFINITY): Storage {
  const kept = new Map<string, string>();
  return {
    length: 0,
    clear: () => kept.clear(),
    key: () => null,
    getItem: (key) => kept.get(key) ?? null,
    removeItem: (key) => void kept.delete(key),
    setItem: (key, value) => {
      if (value.length > limit) {
        throw new DOMException("full", "QuotaExceededError");
      }
      kept.set(key, value);
    },
  };
}

test("undo and redo walk through named documents", () => {
  let history = push(push(startHistory(emptyMapping), "Set a", one), "Set b", two);
  expect(undoName(history)).toBe("Set b");
  history = undo(history);
  expect(current(history)).toBe(one);
  expect([undoName(history), redoName(history)]).toEqual(["Set a", "Set b"]);
  expect(current(redo(history))).toBe(two);
  expect(current(undo(undo(undo(history))))).toBe(emptyMapping);
});

test("an edit after undo drops what was undone", () => {
  const history = push(undo(push(startHistory(emptyMapping), "Set a", one)), "Set both", two);
  expect(redoName(history)).toBeUndefined();
  expect(history.entries.map((entry) => entry.name)).toEqual(["Open", "Set both"]);
});

test("what was changed elsewhere and what stood here are both an undo away", () => {
  const history = push(startHistory(emptyMapping), "Set a", one);
  const theirs = takeTheirs(history, two);
  expect(current(theirs)).toBe(two);
  expect(current(undo(theirs))).toBe(one);
  const mine = keepMine(history, two);
  expect(current(mine)).toEqual(one);
  expect(current(mine)).not.toBe(one);
  expect(current(undo(mine))).toBe(two);
  expect(current(undo(undo(mine)))).toBe(one);
});

test("the targets that differ are named", () => {
  expect(differentTargets(one, two)).toEqual(["b"]);
  expect(differentTargets(two, setConstant(one, "b", 3))).toEqual(["b"]);
  expect(differentTargets(two, { ...two })).toEqual([]);
  expect(differentTargets(emptyMapping, two)).toEqual(["a", "b"]);
});

test("typing is one step", () => {
  let history = startHistory(emptyMapping);
  for (const value of ["h", "he", "hey"]) {
    history = push(history, "Set a", setConstant(emptyMapping, "a", value), "constant:a");
  }
  expect(history.entries).toHaveLength(2);
  expect(current(undo(history))).toBe(emptyMapping);
});

test("an edit that changes nothing is none", () => {
  const history = startHistory(one);
  expect(push(history, "Nothing", one)).toBe(history);
});

test("the steps survive a reload while they lead to the document", () => {
  const storage = memory();
  const three = setConstant(two, "c", 3);
  const history = undo(push(push(startHistory(emptyMapping), "Set a", one), "Set b", two));
  store(storage, "s1", history);
  expect(restore(storage, "s1", one)).toEqual(history);
  const theirs = restore(storage, "s1", three);
  expect(current(theirs)).toEqual(three);
  expect(current(redo(theirs))).toEqual(one);
  expect(restore(storage, "s1", three, Date.now() + 10_000_000)).toEqual(startHistory(three));
  expect(restore(storage, "s2", one)).toEqual(startHistory(one));
});

test("an edit that was not saved is taken up again, but not for ever", () => {
  const storage = memory();
  const history = push(startHistory(one), "Set b", two);
  store(storage, "s1", history, 1_000);
  expect(current(restore(storage, "s1", one, 2_000))).toEqual(two);
  expect(current(restore(storage, "s1", one, 10_000_000))).toEqual(one);
});

test("the order of members does not make another document", () => {
  const storage = memory();
  const history = push(startHistory(emptyMapping), "Set a", one);
  store(storage, "s1", history);
  const turned = {
    rules: one.rules.map(({ target, ...rest }) => ({ ...rest, target })),
    version: 1,
  };
  expect(restore(storage, "s1", turned)).toEqual(history);
});

test("a full storage keeps fewer steps, and broken text none", () => {
  let history = startHistory(emptyMapping);
  for (let n = 0; n < 50; n++) {
    history = push(history, `Set ${n}`, setConstant(emptyMapping, "a", n));
  }
  const small = memory(1200);
  store(small, "s1", history);
  const restored = restore(small, "s1", current(history));
  expect(restored.entries.length).toBeGreaterThan(1);
  expect(restored.entries.length).toBeLessThan(20);
  small.setItem("patchbay.mapping.history.s1", '{"entries":[{}],"at":0,"stored_at":1}');
  expect(restore(small, "s1", one)).toEqual(startHistory(one));
});
