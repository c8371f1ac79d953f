import { expect, test } from "vitest";
import { firstPage, type Known, pagesFor, placeOf, rowsOf, withPage } from "@/api/pages";

const read = (...pages: [length: number, next: number | null][]): Known<number> =>
  pages.reduce(
    (known, [length, next], page) => withPage(known, page, length, next),
    firstPage(0) as Known<number>,
  );

test("a list begins with its first page", () => {
  expect(pagesFor(firstPage(0), 0, 0, 20)).toEqual([0]);
  expect(rowsOf(firstPage(0))).toBe(0);
});

test("the next page is asked for when the known rows end near what is seen", () => {
  const known = read([500, 812]);
  expect(pagesFor(known, 0, 30, 20)).toEqual([0]);
  expect(pagesFor(known, 460, 485, 20)).toEqual([0, 1]);
});

test("after the last page nothing is asked for", () => {
  const known = read([500, 812], [120, null]);
  expect(rowsOf(known)).toBe(620);
  expect(pagesFor(known, 600, 619, 20)).toEqual([1]);
});

test("only pages in sight are kept, however long the list", () => {
  const known = read(...Array.from({ length: 200 }, (_, at) => [500, at] as [number, number]));
  expect(pagesFor(known, 50_000, 50_040, 20)).toEqual([100]);
  expect(pagesFor(known, 49_990, 50_010, 20)).toEqual([99, 100]);
});

test("a row is found in its page", () => {
  const known = read([500, 812], [120, null]);
  expect(placeOf(known, 0)).toEqual({ page: 0, at: 0 });
  expect(placeOf(known, 500)).toEqual({ page: 1, at: 0 });
  expect(placeOf(known, 700)).toEqual({ page: 2, at: 80 });
});

test("a page that is read again changes nothing", () => {
  const known = read([500, 812], [120, null]);
  expect(withPage(known, 0, 500, 812)).toBe(known);
});
