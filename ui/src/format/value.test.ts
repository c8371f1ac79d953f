import { expect, test } from "vitest";
import { prettyJson, valueText } from "@/format/value";

test.each([
  [null, "–"],
  [undefined, "–"],
  ["", "(empty)"],
  [" Ines ", "␣Ines␣"],
  ["a b", "a b"],
  [true, "yes"],
  [false, "no"],
  [0, "0"],
  ["9007199254740993", "9007199254740993"],
  [["vip", "beta"], '["vip","beta"]'],
])("the value %j reads as %s", (value, text) => {
  expect(valueText(value)).toBe(text);
});

test("text that is no JSON stays as it is", () => {
  expect(prettyJson("a=1&b=2")).toBe("a=1&b=2");
  expect(prettyJson('{"a":1}')).toBe('{\n  "a": 1\n}');
});
