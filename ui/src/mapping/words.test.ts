import { describe, expect, test } from "vitest";
import { chipParts, stepLabel } from "./chips";
import { step } from "./document";
import { parseTyped, quotedValue, shortValue } from "./kinds";
import { searchTransforms } from "./StepPicker";
import { commandFor } from "./shortcuts";

describe("values on one line", () => {
  test.each<[unknown, string]>([
    [" Ines ", '"␣Ines␣"'],
    ["a\nb", '"a↵b"'],
    [null, "∅"],
    [undefined, "–"],
    [false, "false"],
    [["vip", "beta"], '["vip","beta"]'],
    [1.5, "1.5"],
  ])("%j", (value, expected) => {
    expect(quotedValue(value)).toBe(expected);
  });

  test("are cut", () => {
    expect(shortValue("x".repeat(100), 10)).toBe(`${"x".repeat(9)}…`);
  });
});

test.each<[string, Parameters<typeof parseTyped>[1], unknown]>([
  ["12", "integer", 12],
  ["9007199254740993", "integer", "9007199254740993"],
  ["1.10", "decimal", "1.10"],
  ["1.5", "decimal", 1.5],
  ["abc", "integer", "abc"],
  ["true", "bool", true],
  ['["a"]', "list", ["a"]],
  ["[a", "list", "[a"],
  ["12", "text", "12"],
])("typed %s into %s keeps every digit", (text, type, expected) => {
  expect(parseTyped(text, type)).toEqual(expected);
});

test.each([
  [step("trim"), "trim"],
  [step("date_only"), "date only"],
  [step("value_map", { entries: { a: "b", c: "d" }, unknown: "hold" }), "map 2 values"],
  [step("value_map", { entries: {} }), "map values"],
  [step("phone_e164", { default_country: "ar" }), "phone AR"],
  [step("default_if_empty", { value: "en" }), "or en"],
])("a chip says %j in few words", (given, expected) => {
  expect(stepLabel(given)).toBe(expected);
});

test("a long chain is counted", () => {
  const rule = {
    target: "t",
    origin: { kind: "fields" as const, paths: ["a"] },
    steps: ["trim", "lower", "nfc", "slice"].map((name) => step(name)),
    on_failure: { kind: "hold" as const },
  };
  expect(chipParts(rule)).toEqual(["trim", "lower", "+2"]);
  expect(chipParts({ ...rule, origin: { kind: "constant", value: "x" }, steps: [] })).toEqual([
    "= x",
  ]);
});

describe("keys", () => {
  const press = (key: string, more = {}) => ({
    key,
    ctrlKey: false,
    metaKey: false,
    shiftKey: false,
    altKey: false,
    ...more,
  });

  test.each([
    [press("."), "addStep"],
    [press('"', { shiftKey: true }), "constant"],
    [press("z", { ctrlKey: true }), "undo"],
    [press("Z", { ctrlKey: true, shiftKey: true }), "redo"],
    [press("z", { metaKey: true }), "undo"],
    [press("M", { ctrlKey: true, shiftKey: true }), "autoMap"],
    [press("?", { shiftKey: true }), "shortcuts"],
    [press("n", { ctrlKey: true }), null],
    [press("n", { altKey: true }), null],
    [press("x"), null],
  ])("%j", (given, expected) => {
    expect(commandFor(given)).toBe(expected);
  });
});

test("steps are found by name before other words, and by other words before what they do", () => {
  const view = (name: string, synonyms: string[], summary: string, label = name) => ({
    name,
    label,
    group: "text",
    summary,
    synonyms,
    params: [],
    output: "text",
  });
  const all = [
    view("strip_html", [], "Takes tags out; lowers nothing."),
    view("lower", ["downcase"], "Small letters."),
    view("trim", ["lower edges"], "Takes spaces away."),
    view("reference", ["lookup"], "Another key.", "Linked record"),
  ];
  expect(searchTransforms(all, "lower").map((each) => each.name)).toEqual([
    "lower",
    "trim",
    "strip_html",
  ]);
  expect(searchTransforms(all, "downcase").map((each) => each.name)).toEqual(["lower"]);
  expect(searchTransforms(all, "linked").map((each) => each.name)).toEqual(["reference"]);
  expect(searchTransforms(all, "nothing such")).toEqual([]);
});
