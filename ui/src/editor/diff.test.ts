import { expect, test } from "vitest";
import { diffLines, hunks } from "@/editor/diff";

const signs = { same: " ", gone: "-", new: "+" } as const;

function check(before: string, after: string, expected: string[]) {
  const lines = diffLines(before, after);
  expect(lines.map((line) => signs[line.kind] + line.text)).toEqual(expected);
  // Both texts can be made from it.
  const side = (kind: "gone" | "new") =>
    lines.filter((line) => line.kind === "same" || line.kind === kind).map((line) => line.text);
  expect(side("gone").join("\n")).toBe(before.replace(/\n$/, ""));
  expect(side("new").join("\n")).toBe(after.replace(/\n$/, ""));
}

test("lines that came, went and stayed are told apart", () => {
  check("a\nb\nc\n", "a\nc\nd\n", [" a", "-b", " c", "+d"]);
  check("", "a\nb", ["+a", "+b"]);
  check("a\nb", "", ["-a", "-b"]);
  check("a", "a", [" a"]);
  check("a\nb\nc\na\nb\nb\na", "c\nb\na\nb\na\nc", [
    "-a",
    "-b",
    " c",
    "+b",
    " a",
    " b",
    "-b",
    " a",
    "+c",
  ]);
});

test("lines have their numbers in both texts", () => {
  const lines = diffLines("a\nb\nc", "b\nx\nc");
  expect(lines.map((line) => [line.before, line.after])).toEqual([
    [1, null],
    [2, 1],
    [null, 2],
    [3, 3],
  ]);
});

test("texts that have nothing in common end soon", () => {
  const many = (word: string) => Array.from({ length: 20_000 }, (_, n) => `${word}${n}`).join("\n");
  expect(diffLines(many("a"), many("b")).length).toBe(40_000);
});

test("what is the same is counted, except a few lines around what is not", () => {
  const text = Array.from({ length: 20 }, (_, n) => `line ${n}`);
  const changed = text.with(10, "other");
  const found = hunks(diffLines(text.join("\n"), changed.join("\n")), 2);
  expect(found.map((hunk) => ("lines" in hunk ? hunk.lines.length : -hunk.left_out))).toEqual([
    -8, 6, -7,
  ]);
});
