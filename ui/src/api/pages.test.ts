import { describe, expect, test } from "vitest";
import { pagesFor, placeOf } from "@/api/pages";

describe("the pages of a long list", () => {
  test("only those of the rows in sight are asked for", () => {
    expect(pagesFor(0, 30, 100)).toEqual([0]);
    expect(pagesFor(90, 130, 100)).toEqual([0, 1]);
    expect(pagesFor(99_950, 99_999, 100)).toEqual([999]);
    expect(pagesFor(-40, 20, 100), "what is before the first row").toEqual([0]);
  });

  test("a row is found in its page", () => {
    expect(placeOf(0, 100)).toEqual({ page: 0, at: 0 });
    expect(placeOf(99, 100)).toEqual({ page: 0, at: 99 });
    expect(placeOf(100, 100)).toEqual({ page: 1, at: 0 });
  });
});
