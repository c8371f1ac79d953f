import { expect, test } from "vitest";
import { complete } from "@/editor/completion";

const schema = {
  $ref: "#/$defs/Source",
  $defs: {
    Source: {
      type: "object",
      required: ["type", "check"],
      properties: {
        type: { const: "DeclarativeSource" },
        streams: { type: "array", items: { anyOf: [{ $ref: "#/$defs/Stream" }] } },
        check: { type: "object" },
      },
    },
    Stream: {
      type: "object",
      description: "One stream.",
      properties: {
        type: { const: "Stream" },
        name: { type: "string" },
        pages: { anyOf: [{ $ref: "#/$defs/Cursor" }, { $ref: "#/$defs/None" }] },
      },
    },
    Cursor: {
      description: "By cursor.",
      required: ["cursor_value"],
      properties: {
        type: { const: "Cursor" },
        cursor_value: { type: "string" },
        into: { enum: ["header", "path"] },
        retry: { type: "boolean" },
      },
    },
    None: { description: "One page.", properties: { type: { const: "None" } } },
  },
};

/** The place is where | stands. */
function check(marked: string, expected: string[] | null) {
  const position = marked.indexOf("|");
  const found = complete(schema, marked.replace("|", ""), position);
  expect(found?.suggestions.map((each) => each.label) ?? null).toEqual(expected);
}

test("members are offered where members stand, needed ones first, without those that are there", () => {
  check("|", ["type", "check", "streams"]);
  check("type: DeclarativeSource\n|", ["check", "streams"]);
  check("streams:\n  - |", ["type", "name", "pages"]);
  check("streams:\n  - type: Stream\n    na|", ["name", "pages"]);
});

test("a list may stand as far left as its member", () => {
  check("streams:\n- type: Stream\n  |", ["name", "pages"]);
  check("streams:\n- name: a\n- name: b\n  |\ncheck: {}", ["type", "pages"]);
});

test("the type decides which members there are", () => {
  check("streams:\n  - pages:\n      |", ["type", "cursor_value", "into", "retry"]);
  check("streams:\n  - pages:\n      type: None\n      |", []);
  check("streams:\n  - pages:\n      |\n      type: Cursor\n", ["cursor_value", "into", "retry"]);
});

test("values are offered where there are only a few", () => {
  check("streams:\n  - pages:\n      type: |", ["Cursor", "None"]);
  check("streams:\n  - pages:\n      type: Cursor\n      into: he|", ["header", "path"]);
  check("streams:\n  - pages:\n      type: Cursor\n      retry: |", ["true", "false"]);
});

test("nothing is offered in the middle of a text or where nothing is known", () => {
  check("type: DeclarativeSource and |", null);
  check("unknown:\n  |", []);
  expect(complete("no schema", "a", 1)).toBe(null);
});

test("what is typed so far is replaced", () => {
  expect(complete(schema, "che", 3)?.from).toBe(0);
  expect(complete(schema, "streams:\n  - pages:\n      type: Cu", 35)?.from).toBe(33);
});
