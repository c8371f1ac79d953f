import { readFileSync } from "node:fs";
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
        retry: { type: ["boolean", "string"] },
      },
    },
    None: {
      description: "One page.",
      properties: { type: { const: "None" }, any: { type: ["string", "number", "boolean"] } },
    },
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
  check("streams:\n  - pages:\n      |", ["type", "cursor_value", "into", "retry", "any"]);
  check("streams:\n  - pages:\n      type: None\n      |", ["any"]);
  check("streams:\n  - pages:\n      |\n      type: Cursor\n", ["cursor_value", "into", "retry"]);
});

test("values are offered where there are only a few", () => {
  check("streams:\n  - pages:\n      type: |", ["Cursor", "None"]);
  check("streams:\n  - pages:\n      type: Cursor\n      into: he|", ["header", "path"]);
  check("streams:\n  - pages:\n      type: Cursor\n      retry: |", ["true", "false"]);
  check("streams:\n  - pages:\n      type: None\n      any: |", []);
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

test("under definitions a component is known by its type alone", () => {
  check("definitions:\n  pager:\n    type: |", ["DeclarativeSource", "Stream", "Cursor", "None"]);
  check("definitions:\n  pager:\n    type: Cursor\n    |", ["cursor_value", "into", "retry"]);
  check("definitions:\n  base:\n    type: Stream\n    pages:\n      type: |", ["Cursor", "None"]);
});

test("references name what stands under definitions", () => {
  const file =
    "definitions:\n  pager:\n    type: Cursor\n  base_stream:\n    name: x\nstreams:\n  - pages:\n";
  check(`${file}      $ref: "#/|"`, ["#/definitions/pager", "#/definitions/base_stream"]);
  check(`${file}      $ref: |`, ["#/definitions/pager", "#/definitions/base_stream"]);
  const bare = complete(schema, `${file}      $ref: `, file.length + 12);
  expect(bare?.suggestions[0]?.apply).toBe('"#/definitions/pager"');
});

test("templates know the settings that the file asks for", () => {
  const spec =
    "spec:\n  connection_specification:\n    properties:\n      api_key:\n        type: string\n      shop: {type: string}\n";
  check(`${spec}streams:\n  - name: "{{ config['|"`, ["api_key", "shop"]);
  check(`${spec}streams:\n  - name: "{{ config.a|"`, ["api_key", "shop"]);
});

test("the published schema leads from the top of a file to its smallest parts", () => {
  const published: unknown = JSON.parse(
    readFileSync("../crates/connectors/schema/connector.schema.json", "utf8"),
  );
  const offered = (text: string) =>
    complete(published, text, text.length)?.suggestions.map((each) => each.label) ?? [];
  const stream = "type: DeclarativeSource\nstreams:\n  - type: DeclarativeStream\n    ";
  expect(offered("")).toContain("streams");
  expect(offered(`${stream}retriever:\n      type: `)).toContain("SimpleRetriever");
  expect(offered(`${stream}retriever:\n      requester:\n        http_method: `)).toContain("POST");
  const paging = `${stream}retriever:\n      type: SimpleRetriever\n      paginator:\n        type: DefaultPaginator\n        `;
  expect(offered(`${paging}pagination_strategy:\n          type: `)).toContain("CursorPagination");
  expect(
    offered(`${paging}page_token_option:\n          type: RequestOption\n          inject_into: `),
  ).toContain("header");
  expect(offered("patchbay:\n  ")).toContain("writes");
  expect(offered("patchbay:\n  writes:\n    contacts:\n      ")).toContain("operations");
});
