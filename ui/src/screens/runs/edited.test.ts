import { describe, expect, test } from "vitest";
import type { RunRecordDetail } from "@/api/bindings";
import { edited, fieldsOf, typed } from "./edited";

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

describe("what is offered", () => {
  const record = (field: string | null, paths: string[]) =>
    ({
      fields: paths.map((path) => ({ path, before: null, after: 1 })),
      summary: { field },
    }) as unknown as RunRecordDetail;
  test.each([
    ["what was refused comes first", "b", ["a", "b", "c"], ["b", "a", "c"], false],
    ["also where it has no value", "d", ["a"], ["d", "a"], false],
    ["parts of a value are not", null, ["a", "b.c", "d[0]"], ["a"], true],
    ["nor a part that was refused", "b.c", ["a"], ["a"], true],
    ["nothing was refused", null, ["a"], ["a"], false],
  ])("%s", (_, refused, paths, offered, hasParts) => {
    const found = fieldsOf(record(refused, paths));
    expect(found.fields.map((field) => field.path)).toEqual(offered);
    expect(found.hasParts).toBe(hasParts);
  });
});
