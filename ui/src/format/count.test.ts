import { describe, expect, test } from "vitest";
import { bytes, count, counted, percent } from "@/format/count";

describe("counts", () => {
  test.each([
    [0, "0"],
    [999, "999"],
    [1000, "1\u2009000"],
    [48213, "48\u2009213"],
    [1234567, "1\u2009234\u2009567"],
    [-5000, "−5\u2009000"],
  ])("%d reads as %s", (value, text) => {
    expect(count(value)).toBe(text);
  });

  test("one is singular, everything else is plural", () => {
    expect([0, 1, 2].map((value) => counted(value, "record"))).toEqual([
      "0 records",
      "1 record",
      "2 records",
    ]);
    expect(counted(2, "sync stops", "syncs stop")).toBe("2 syncs stop");
  });

  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1 KB"],
    [1536, "1.5 KB"],
    [12 * 1024 * 1024, "12 MB"],
    [1024 ** 3, "1 GB"],
  ])("%d bytes read as %s", (value, text) => {
    expect(bytes(value)).toBe(text);
  });

  test("a share is only 0 or 100 when it is exactly that", () => {
    expect(percent(1, 1_000_000)).toBe(1);
    expect(percent(999_999, 1_000_000)).toBe(99);
    expect(percent(0, 10)).toBe(0);
    expect(percent(10, 10)).toBe(100);
    expect(percent(3, 0)).toBe(0);
  });
});
