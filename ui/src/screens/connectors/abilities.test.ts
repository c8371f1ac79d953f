import { expect, test } from "vitest";
import type { CapabilitiesView } from "@/api/bindings";
import { abilities, abilityFacts } from "@/screens/connectors/abilities";

const nothing: CapabilitiesView = {
  read: true,
  incremental: false,
  create: false,
  update: false,
  delete: false,
  archive: false,
  upsert: null,
  batch_size: 1,
  match_by: [],
  idempotent_create: false,
  deletions: { kind: "by_absence" },
};

const facts = (can: Partial<CapabilitiesView>, cursor: string | null = null) =>
  abilityFacts({
    name: "notes",
    label: "Notes",
    schema: null,
    key: ["id"],
    cursor_field: cursor,
    capabilities: { ...nothing, ...can },
  }).map((fact) => `${fact.label}: ${fact.words}`);

test("what a stream can do is a word each", () => {
  expect(abilities(nothing)).toEqual(["read all"]);
  expect(abilities({ ...nothing, incremental: true, create: true, delete: true })).toEqual([
    "read changes",
    "create",
    "delete",
  ]);
  expect(abilities({ ...nothing, upsert: "email" })).toEqual(["read all", "create or update"]);
});

test("what becomes of a lost answer is said as the core does it", () => {
  expect(facts({})).toEqual([
    "Reading: all of it each time; the platform does not say what changed",
    "Deletions: found by reading everything and seeing what is missing",
    "Key: id",
    "Writing: not described in this connector",
  ]);
  expect(facts({ create: true }, "changed_at")).toEqual([
    "Reading: only what changed, by changed_at",
    "Deletions: found by reading everything and seeing what is missing",
    "Key: id",
    "Writing: one record a request.",
    "Found by: nothing; a record that is not linked yet cannot be looked up",
    "Lost answers: a create whose answer was lost is kept for you to decide",
  ]);
  expect(facts({ create: true, match_by: ["email"], batch_size: 500, upsert: "email" })).toContain(
    "Writing: up to 500 records a request. The platform decides by email.",
  );
  expect(facts({ create: true, match_by: ["email"] })).toContain(
    "Lost answers: a create is looked up before it is sent again",
  );
  expect(facts({ create: true, idempotent_create: true })).toContain(
    "Lost answers: a create can be sent again; the platform makes one record of both",
  );
});

test("a list of changes or of deletions is named", () => {
  const listed = facts({ incremental: true, deletions: { kind: "listed", stream: "events" } });
  expect(listed).toContain("Reading: only what changed, by the platform's list of changes");
  expect(listed).toContain("Deletions: listed in events");
  expect(facts({ deletions: { kind: "marked", field: "is_deleted" } })).toContain(
    "Deletions: told by is_deleted",
  );
});
