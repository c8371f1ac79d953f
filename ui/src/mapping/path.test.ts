import { expect, test } from "vitest";
import { childPath, isBelow, leafOf, segmentsOf, valueAt } from "./path";

const record = {
  id: 1,
  address: { city: "Rosario" },
  items: [{ sku: "a" }, { sku: "b" }, {}],
  'od.d"': true,
};

test.each([
  ["id", 1],
  ["address.city", "Rosario"],
  ["address.street", undefined],
  ["items[0].sku", "a"],
  ["items[].sku", ["a", "b"]],
  ["items[]", record.items],
  ['["od.d\\""]', true],
  ["constructor", undefined],
])("%s is read out of a record", (path, expected) => {
  expect(valueAt(record, path)).toEqual(expected);
});

test("odd names are quoted and read back", () => {
  const path = childPath("custom", 'a.b"c\\');
  expect(path).toBe('custom["a.b\\"c\\\\"]');
  expect(segmentsOf(path)).toEqual([
    { kind: "name", name: "custom" },
    { kind: "name", name: 'a.b"c\\' },
  ]);
  expect(leafOf(path)).toBe('a.b"c\\');
});

test("a broken path has no segments", () => {
  expect(segmentsOf("a[")).toBeNull();
  expect(segmentsOf('a["b')).toBeNull();
});

test("below means a member or an item, not a longer name", () => {
  expect(isBelow("address.city", "address")).toBe(true);
  expect(isBelow("items[].sku", "items")).toBe(true);
  expect(isBelow("address_line", "address")).toBe(false);
  expect(isBelow("address", "address")).toBe(false);
});
