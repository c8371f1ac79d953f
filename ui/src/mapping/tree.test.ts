import { describe, expect, test } from "vitest";
import type { Field } from "@/api/bindings";
import { isEmpty, matches, parseFilter } from "./filter";
import {
  bestPartner,
  coverage,
  type Facts,
  ghostRow,
  missingRequired,
  nearestVisible,
  orphansOf,
  outlineOf,
  pairByName,
  rowAt,
  typeAhead,
  visibleRows,
} from "./tree";

function field(name: string, more: Partial<Field> = {}): Field {
  return { ...ghostRow(name).field, name, type: "text", ...more };
}

const outline = outlineOf({
  fields: [
    field("id", { key: true }),
    field("email", { label: "E-mail", required: true }),
    field("address", {
      type: "object",
      fields: [
        field("city"),
        field("geo", {
          type: "object",
          fields: [
            field("lat", { type: "float", required: true }),
            field("lon", { type: "float", read_only: true }),
          ],
        }),
      ],
    }),
    field("lines", { type: "list", items: "object", fields: [field("sku")] }),
    field("created_at", { type: "timestamp" }),
  ],
});

const nothing: Facts = { isMapped: () => false, hasProblem: () => false, sample: () => "" };
const noFilter = parseFilter("");

function shown(query = "", closed: string[] = [], facts = nothing): string[] {
  return visibleRows(outline, new Set(closed), parseFilter(query), facts).map((row) => row.path);
}

describe("rows", () => {
  test("stand parents first, with their place among their siblings", () => {
    expect(shown()).toEqual([
      "id",
      "email",
      "address",
      "address.city",
      "address.geo",
      "address.geo.lat",
      "address.geo.lon",
      "lines",
      "lines[].sku",
      "created_at",
    ]);
    expect(outline.byPath.get("address.geo")).toMatchObject({
      depth: 1,
      position: 2,
      siblings: 2,
      parent: "address",
    });
  });

  test("of closed branches are gone, whatever is open inside", () => {
    expect(shown("", ["address"])).toEqual([
      "id",
      "email",
      "address",
      "lines",
      "lines[].sku",
      "created_at",
    ]);
    expect(shown("", ["address", "address.geo", "lines"])).toEqual([
      "id",
      "email",
      "address",
      "lines",
      "created_at",
    ]);
  });

  test("of lost fields stand on top", () => {
    const rows = visibleRows(outline, new Set(), noFilter, nothing, ["old"]);
    expect(rows[0]).toMatchObject({ path: "old", isGhost: true });
  });

  test("are found for items of lists", () => {
    expect(rowAt(outline, "lines[]")?.path).toBe("lines");
    expect(rowAt(outline, "lines[0].sku")?.path).toBe("lines[].sku");
    expect(rowAt(outline, "nobody")).toBeUndefined();
    expect(orphansOf(outline, ["email", "gone", "lines[0]", "gone"])).toEqual(["gone"]);
  });
});

describe("the filter", () => {
  test("keeps the ancestors of a match", () => {
    expect(shown("city")).toEqual(["address", "address.city"]);
    expect(
      visibleRows(outline, new Set(["address"]), parseFilter("city"), nothing)[0]?.isContext,
    ).toBe(true);
  });

  test.each([
    ["type:date", ["created_at"]],
    ["is:required", ["email", "address", "address.geo", "address.geo.lat"]],
    ["is:key", ["id"]],
    ["e-mail", ["email"]],
    ['sample:"@acme"', ["email"]],
    ["has:problem", ["created_at"]],
    ["is:mapped", ["email"]],
    ["type:text is:unmapped", ["id", "address", "address.city", "lines", "lines[].sku"]],
    ["nobody", []],
  ])("%s", (query, expected) => {
    const facts: Facts = {
      isMapped: (path) => path === "email",
      hasProblem: (path) => path === "created_at",
      sample: (path) => (path === "email" ? "Ines@Acme.com" : ""),
    };
    expect(shown(query, [], facts)).toEqual(expected);
  });

  test("reads quotes that are not closed and words it does not know", () => {
    expect(parseFilter('sample:"@ac')).toMatchObject({ samples: ["@ac"] });
    expect(parseFilter("type:nonsense")).toMatchObject({ words: ["type:nonsense"], types: [] });
    expect(isEmpty(parseFilter("  "))).toBe(true);
  });

  test("looks for plain words in samples too", () => {
    expect(
      matches(parseFilter('"two words"'), {
        text: "x",
        type: "text",
        marks: new Set(),
        hasProblem: false,
        sample: "has two words",
      }),
    ).toBe(true);
  });
});

describe("required fields", () => {
  test("inside an object that nothing fills do not count", () => {
    expect(missingRequired(outline, () => false).map((row) => row.path)).toEqual(["email"]);
  });

  test("count once their object is being filled", () => {
    const mapped = new Set(["email", "address.geo.lon"]);
    expect(missingRequired(outline, (path) => mapped.has(path)).map((row) => row.path)).toEqual([
      "address.geo.lat",
    ]);
  });

  test("do not count when the whole object is filled", () => {
    const mapped = new Set(["email", "address.geo"]);
    expect(missingRequired(outline, (path) => mapped.has(path))).toEqual([]);
  });
});

test("a container knows how much of it is mapped", () => {
  expect(coverage(outline, "address", (path) => path === "address.city")).toEqual({
    mapped: 1,
    total: 2,
  });
});

test("a hidden field is shown by its nearest ancestor", () => {
  const index = new Map(shown("", ["address"]).map((path, at) => [path, at]));
  expect(nearestVisible(outline, index, "address.geo.lat")).toBe("address");
  expect(nearestVisible(outline, index, "email")).toBe("email");
  expect(nearestVisible(outline, index, "gone")).toBeNull();
});

test("typing jumps to the next name, and more letters stay with it", () => {
  const rows = visibleRows(outline, new Set(), noFilter, nothing);
  const at = (path: string) => rows.findIndex((row) => row.path === path);
  expect(typeAhead(rows, at("id"), "e")).toBe(at("email"));
  expect(typeAhead(rows, at("email"), "em")).toBe(at("email"));
  expect(typeAhead(rows, at("created_at"), "i")).toBe(at("id"));
  expect(typeAhead(rows, 0, "zzz")).toBe(-1);
});

test("containers are paired by name, deep, without what cannot be written", () => {
  const from = outlineOf({
    fields: [
      field("address", {
        type: "object",
        fields: [
          field("City"),
          field("zip"),
          field("geo", { type: "object", fields: [field("lat"), field("lon")] }),
        ],
      }),
    ],
  }).byPath.get("address");
  const to = outline.byPath.get("address");
  expect(from && to && pairByName(from, to)).toEqual({
    pairs: [
      ["address.City", "address.city"],
      ["address.geo.lat", "address.geo.lat"],
    ],
    total: 2,
  });
});

test("a lost field finds what is most like it, or nothing", () => {
  const rows = outline.all.filter((row) => row.isOpen === undefined);
  expect(bestPartner("e_mail", rows)?.path).toBe("email");
  expect(bestPartner("created", rows)?.path).toBe("created_at");
  expect(bestPartner("xyz", rows)).toBeUndefined();
});
