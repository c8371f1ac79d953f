import { expect, test } from "vitest";
import type { ConnectorChange } from "@/api/bindings";
import { changeWords, isConnectorFile, nameOfFile, sorted } from "@/screens/connectors/changes";

const change = (
  kind: ConnectorChange["kind"],
  field: string | null,
  may_break: boolean,
  syncs: string[] = [],
): ConnectorChange => ({
  kind,
  field,
  may_break,
  stream: "notes",
  syncs: syncs.map((name) => ({ id: name, name })),
});

test("what changes is said in words", () => {
  const check = (kind: ConnectorChange["kind"], field: string | null, expected: string) =>
    expect(changeWords(change(kind, field, true))).toBe(expected);
  check("stream_gone", null, "notes is no longer there");
  check("write_gone", "create", "notes: records can no longer be created");
  check("write_added", "delete", "notes: records can be deleted now");
  check("key_changed", "", "notes: nothing identifies its records any more");
  check("field_gone", "a.b", "notes: the field a.b is no longer there");
  check("cursor_changed", null, "notes is read as a whole each time");
});

test("what touches a sync stands before what might, and that before the rest", () => {
  const all = [
    change("field_added", "x", false, ["s"]),
    change("field_gone", "y", true),
    change("field_gone", "z", true, ["s"]),
  ];
  const found = sorted(all);
  expect(found.touching).toEqual([all[2]]);
  expect(found.breaking).toEqual([all[1]]);
  expect(found.harmless).toEqual([all[0]]);
});

test("a connector is called like its file or like the folder of its file", () => {
  expect(nameOfFile("notes.yaml")).toBe("notes");
  expect(nameOfFile("source-notes/manifest.yaml")).toBe("source-notes");
  expect(nameOfFile("a\\notes\\connector.yml")).toBe("notes");
  expect(nameOfFile("manifest.yaml")).toBe("manifest");
});

test("of a folder only connector files are taken", () => {
  expect(isConnectorFile("all/source-a/manifest.yaml")).toBe(true);
  expect(isConnectorFile("mine/notes.yaml")).toBe(true);
  expect(isConnectorFile("all/source-a/acceptance-test-config.yml")).toBe(false);
  expect(isConnectorFile("mine/icon.svg")).toBe(false);
});
