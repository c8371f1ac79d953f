import { expect, test } from "vitest";
import type { StreamView } from "@/api/bindings";
import {
  modeConsequence,
  proposedName,
  whyNotBothWays,
  whyNotMode,
  whyNotSource,
  whyNotTarget,
} from "@/screens/syncs/choices";

const stream = (can: Partial<StreamView["capabilities"]>): StreamView => ({
  name: "contacts",
  label: "Contacts",
  capabilities: {
    read: false,
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
    ...can,
  },
});

test("a side can only be what it is able to be", () => {
  expect(whyNotSource(stream({ read: true }))).toBeUndefined();
  expect(whyNotSource(stream({ create: true }))).toBe("cannot be read");
  expect(whyNotTarget(stream({ update: true }))).toBeUndefined();
  expect(whyNotTarget(stream({ read: true, delete: true }))).toBe("can only be read");
});

test("a mode needs what it does", () => {
  const createOnly = stream({ create: true });
  expect(whyNotMode("create", createOnly)).toBeUndefined();
  expect(whyNotMode("update", createOnly)).toMatch(/cannot be changed/);
  expect(whyNotMode("upsert", createOnly)).toMatch(/cannot be changed/);
  expect(whyNotMode("upsert", stream({ update: true }))).toMatch(/cannot be created/);
});

test("the proposed name says what goes where", () => {
  expect(proposedName("Harbor CRM", "Contacts", "Postino", "Subscribers")).toBe(
    "Harbor CRM contacts → Postino subscribers",
  );
});

test("a mirror needs a target that can delete, a full refresh one that can be read", () => {
  const writable = stream({ create: true, update: true });
  expect(whyNotMode("mirror", writable)).toMatch(/neither deleted nor put away/);
  expect(whyNotMode("full_refresh", writable)).toMatch(/cannot be read/);
  expect(whyNotMode("append", stream({ create: true }))).toBeUndefined();
});

test("a mirror of what can only be put away puts away, and says so", () => {
  const can = { create: true, update: true };
  const archives = stream({ ...can, archive: true });
  expect(whyNotMode("mirror", archives)).toBeUndefined();
  expect(modeConsequence("mirror", archives)).toMatch(/is put away there/);
  const deletes = stream({ ...can, delete: true, archive: true });
  expect(modeConsequence("mirror", deletes)).toMatch(/is deleted there too/);
});

test("both ways needs a target that can be read and a source that can be changed", () => {
  const both = stream({ read: true, create: true, update: true });
  expect(whyNotBothWays(both, both)).toBeUndefined();
  expect(whyNotBothWays(both, stream({ create: true }))).toMatch(/cannot be read/);
  expect(whyNotBothWays(stream({ read: true }), both)).toMatch(/cannot be changed/);
});
