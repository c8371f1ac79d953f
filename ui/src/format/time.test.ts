import { describe, expect, test } from "vitest";
import { duration, moment, relative } from "@/format/time";

const now = new Date(2026, 10, 22, 14, 30).getTime();
const minute = 60_000;

describe("relative times", () => {
  test.each([
    [0, "now"],
    [9_000, "now"],
    [59_000, "59 s ago"],
    [minute, "1 min ago"],
    [59 * minute, "59 min ago"],
    [60 * minute, "1 h ago"],
    [25 * 60 * minute, "1 d ago"],
    [-11 * minute, "in 11 min"],
    [-26 * 60 * minute, "in 1 d"],
  ])("%d ms before now reads as %s", (before, text) => {
    expect(relative(now - before, now)).toBe(text);
  });

  test("a week ago is a date, with the year where it is another one", () => {
    expect(relative(new Date(2026, 2, 12).getTime(), now)).toBe("12 Mar");
    expect(relative(new Date(2025, 2, 12).getTime(), now)).toBe("12 Mar 2025");
  });

  test("a moment of today has no date", () => {
    expect(moment(new Date(2026, 10, 22, 9, 5).getTime(), now)).toBe("09:05");
    expect(moment(new Date(2026, 10, 21, 9, 5).getTime(), now)).toBe("21 Nov 09:05");
  });
});

describe("durations", () => {
  test.each([
    [0, "under 1 ms"],
    [85, "85 ms"],
    [2100, "2.1 s"],
    [12_400, "12 s"],
    [60_000, "1 min"],
    [200_000, "3 min 20 s"],
    [3_600_000, "1 h"],
    [5_400_000, "1 h 30 min"],
  ])("%d ms read as %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});
