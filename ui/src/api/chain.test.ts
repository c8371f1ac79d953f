import { describe, expect, test } from "vitest";
import {
  type Chain,
  isComplete,
  knownRows,
  learned,
  newChain,
  pagesIn,
  shownRows,
  startOf,
} from "@/api/chain";

/** Three pages of 10, 10 and 5 rows. */
const whole = [
  { rows: 10, next: "j" },
  { rows: 10, next: "t" },
  { rows: 5, next: null },
].reduce<Chain>((chain, { rows, next }, page) => learned(chain, page, rows, next), newChain);

describe("a list that is read page after page", () => {
  test("each page tells where the next one begins, until the last one", () => {
    expect(isComplete(newChain)).toBe(false);
    const one = learned(newChain, 0, 10, "j");
    expect(one.links).toEqual([
      { after: null, rows: 10 },
      { after: "j", rows: null },
    ]);
    expect([isComplete(one), knownRows(one)]).toEqual([false, 10]);
    expect([isComplete(whole), knownRows(whole)]).toEqual([true, 25]);
    expect([0, 1, 2].map((page) => startOf(whole, page))).toEqual([0, 10, 20]);
  });

  test("an empty list is complete with its first page", () => {
    const empty = learned(newChain, 0, 0, null);
    expect([isComplete(empty), shownRows(empty, 40)]).toEqual([true, 0]);
  });

  test.each([
    ["one page", 0, 4, [0]],
    ["where two meet", 8, 12, [0, 1]],
    ["the end", 20, 40, [2]],
    ["before the first row", -40, 3, [0]],
    ["all of it", 0, 24, [0, 1, 2]],
  ])("only pages in sight are read: %s", (_, first, last, pages) => {
    expect(pagesIn(whole, first, last)).toEqual(pages);
  });

  test("what lies behind the known rows is read page by page", () => {
    const one = learned(newChain, 0, 10, "j");
    expect(pagesIn(one, 0, 8)).toEqual([0]);
    expect(pagesIn(one, 0, 10)).toEqual([0, 1]);
    expect(pagesIn(one, 900, 940)).toEqual([1]);
    expect(pagesIn(learned(one, 1, 10, "t"), 900, 940)).toEqual([2]);
  });

  test("a page without rows leads on to the next one", () => {
    const searched = learned(newChain, 0, 0, "j");
    expect(pagesIn(searched, 0, 40)).toEqual([1]);
  });

  test("a page that is as it was is no news", () => {
    expect(learned(whole, 1, 10, "t")).toBe(whole);
    expect(learned(whole, 7, 10, "t"), "nobody asks for it any more").toBe(whole);
  });

  test("the last page may grow", () => {
    expect(knownRows(learned(whole, 2, 8, null))).toBe(28);
    const longer = learned(whole, 2, 10, "z");
    expect([isComplete(longer), shownRows(longer, 0)]).toEqual([false, 33]);
  });

  test("where a page begins elsewhere by now, what follows is read again, and the list keeps its length", () => {
    const moved = learned(whole, 0, 10, "k");
    expect(moved.links).toEqual([
      { after: null, rows: 10 },
      { after: "k", rows: null },
    ]);
    expect(shownRows(moved, 0)).toBe(25);
    const again = learned(learned(moved, 1, 10, "u"), 2, 4, null);
    expect(shownRows(again, 0)).toBe(24);
    const shorter = learned(whole, 0, 7, null);
    expect([isComplete(shorter), shownRows(shorter, 0)]).toEqual([true, 7]);
  });

  test("as many rows as are expected are shown until they are known", () => {
    expect(shownRows(newChain, 1_240)).toBe(1_240);
    expect(shownRows(whole, 1_240)).toBe(25);
  });
});
