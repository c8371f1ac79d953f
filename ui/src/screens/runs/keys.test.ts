import { expect, test } from "vitest";
import { rightBefore } from "@/screens/runs/keys";

function check(key: string, lower: string): void {
  const before = rightBefore(key) ?? "";
  const bytes = (text: string) => Buffer.from(text).toString("hex");
  expect(bytes(before) < bytes(key)).toBe(true);
  expect(bytes(before) > bytes(lower)).toBe(true);
}

test("nothing that a platform would call a record stands between", () => {
  check("c1", "c0");
  check("c1", "c0zzz");
  check("é", "è999");
  check("\ue000", "\ud7ff~");
  check("a\u{1f600}", "a\u{1f5ff}9");
});

test("no key has nothing before it", () => {
  expect(rightBefore("")).toBeNull();
});
