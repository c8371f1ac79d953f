import { expect, test } from "vitest";
import { edited, typed } from "./edited";

test.each([
  ["text stays text", "0123", "0456", "0456"],
  ["an emptied text is an empty text", "a", "", ""],
  ["a number stays a number", 7, "8", 8],
  ["an emptied number is nothing", 7, "", null],
  ["what was missing may be a text", undefined, "Ada", "Ada"],
  ["or a number", undefined, "12.5", 12.5],
  ["a list stays a list", ["a"], '["a","b"]', ["a", "b"]],
])("%s", (_, was, text, becomes) => {
  const changes = edited([{ path: "field", value: was }], { field: text });
  expect(changes).toEqual({ field: becomes });
});

test("what was not touched, or is as it was, is not sent", () => {
  const fields = [
    { path: "name", value: "Ada" },
    { path: "tags", value: ["a"] },
  ];
  expect(edited(fields, {})).toEqual({});
  expect(edited(fields, { name: "Ada", tags: typed(["a"]) })).toEqual({});
});
