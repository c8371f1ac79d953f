import { expect, test } from "vitest";
import type { ConnectorProblem } from "@/api/bindings";
import { corrected, expectedWords } from "@/screens/connectors/problems";

const problem = (line: number | null, said: string, expected: string): ConnectorProblem => ({
  is_error: true,
  line,
  column: 1,
  path: "",
  problem: said,
  expected,
});

test("what would be right is a sentence", () => {
  expect(expectedWords(problem(1, "", "a list"))).toBe("Expected: a list.");
  expect(expectedWords(problem(1, "", "perhaps `name`"))).toBe("Did you mean `name`?");
});

test("a misspelt word is put right in its line, and only as a whole word", () => {
  const check = (text: string, line: number | null, expected: string | null) =>
    expect(corrected(text, problem(line, "`key` is not known", "perhaps `keys`"))).toBe(expected);
  check("a: 1\nkey: 2", 2, "a: 1\nkeys: 2");
  check("primary_key: 1, key: 2", 1, "primary_key: 1, keys: 2");
  check("a: 1", 1, null);
  check("key: 1", null, null);
  check("key: 1", 5, null);
  expect(corrected("key: 1", problem(1, "`key` is not known", "one of a, b"))).toBe(null);
});
