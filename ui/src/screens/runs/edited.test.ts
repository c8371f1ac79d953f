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
    ["what was refused comes first", "b", ["a", "b", "c"], ["b", "a", "c"], 1],
    ["also where it has no value", "d", ["a"], ["d", "a"], 1],
    ["and where it is a part", "b.c", ["a", "b.a", "b.c"], ["b.c", "a", "b.a"], 1],
    ["all parts of what was refused", "b", ["a", "b.a", "b.c"], ["b.a", "b.c", "a"], 2],
    ["a list as a whole", "b[2].c", ["a", "b"], ["b", "a"], 1],
    ["a name that only begins alike is another one", "b", ["bc"], ["b", "bc"], 1],
    ["nothing was refused", null, ["a", "b.c"], ["a", "b.c"], 0],
  ])("%s", (_, field, paths, offered, refused) => {
    const found = fieldsOf(record(field, paths));
    expect(found.fields.map((each) => each.path)).toEqual(offered);
    expect(found.refused).toBe(refused);
  });
});
