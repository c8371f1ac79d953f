import { expect, test } from "vitest";
import {
  beginning,
  chosenBranch,
  leaves,
  readForm,
  readIntro,
  withBranch,
  withValue,
} from "@/form/schema";
import { fromPicker, isTame, matches, output, problems, toPicker } from "@/form/validate";

const schema = {
  type: "object",
  required: ["shop", "credentials"],
  properties: {
    start: {
      type: "string",
      format: "date-time",
      title: "From",
      order: 2,
      pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}Z$",
      pattern_descriptor: "YYYY-MM-DDTHH:mm:ssZ",
    },
    shop: {
      type: "string",
      order: 0,
      title: "Shop",
      description: 'See <a href="https://x">the <b>docs</b></a> or [this](https://y).',
      examples: ["tea"],
    },
    page_size: { type: "integer", default: 100, minimum: 1, maximum: 200 },
    tags: { type: "array", items: { type: "string" } },
    hidden: { type: "string", airbyte_hidden: true, default: "h" },
    credentials: {
      type: "object",
      order: 1,
      oneOf: [
        {
          title: "Key",
          required: ["key"],
          properties: {
            kind: { type: "string", const: "key" },
            key: { type: "string", airbyte_secret: true, title: "API key" },
          },
        },
        {
          title: "User",
          required: ["user", "password"],
          properties: {
            kind: { type: "string", enum: ["user"] },
            user: { type: "string" },
            password: { type: "string", airbyte_secret: true },
          },
        },
      ],
    },
  },
};
const fields = readForm(schema);
const credentials = fields.find((field) => field.name === "credentials");
if (credentials?.kind !== "choice") {
  throw new Error("credentials is a choice");
}

test("what the settings are about is read without the marks of a web page", () => {
  expect(readIntro({ description: "As <b>told</b> by [the docs](https://x)." })).toBe(
    "As told by the docs.",
  );
  expect(readIntro({})).toBe(null);
});

test("fields come in their order, without hidden ones, with words for people", () => {
  expect(fields.map((field) => field.label)).toEqual([
    "Shop",
    "Credentials",
    "From",
    "Page size",
    "Tags",
  ]);
  expect(fields[0]?.hint).toBe("See the docs or this.");
  expect(fields[0]?.example).toBe("tea");
});

test("a form begins with what is stored, else with defaults, and never with a secret", () => {
  expect(beginning(schema, {})).toEqual({
    page_size: "100",
    hidden: "h",
    credentials: { kind: "key" },
  });
  const stored = {
    shop: "tea",
    credentials: { kind: "user", user: "ada", password: { $secret: "/credentials/password" } },
  };
  const values = beginning(schema, stored);
  expect(values.credentials).toEqual({ kind: "user", user: "ada" });
  expect(chosenBranch(credentials, values)).toBe(1);
  expect([...problems(fields, values, stored)]).toEqual([]);
  expect([...problems(fields, values)]).toEqual([["credentials.password", "Password is needed"]]);
});

test("choosing another kind swaps its fields and what tells it apart", () => {
  const values = withBranch(credentials, { credentials: { kind: "key", key: "k" } }, 1);
  expect(values).toEqual({ credentials: { kind: "user" } });
  expect(leaves(fields, values).map((field) => field.path.join("."))).toContain(
    "credentials.password",
  );
});

test("what does not fit is said beside its field, in words", () => {
  const check = (path: string[], value: unknown, expected: string | undefined) => {
    const values = withValue({ shop: "tea", credentials: { kind: "key", key: "k" } }, path, value);
    expect(problems(fields, values).get(path.join("."))).toBe(expected);
  };
  check(["shop"], " ", "Shop is needed");
  check(["start"], "yesterday", "Write it like YYYY-MM-DDTHH:mm:ssZ");
  check(["start"], "2026-01-31T00:00:00Z", undefined);
  check(["page_size"], "1.5", "This must be a whole number");
  check(["page_size"], "many", "This is not a number");
  check(["page_size"], "201", "This can be at most 200");
  check(["credentials", "key"], "", "API key is needed");
});

test("the core gets numbers as numbers and nothing for what is empty", () => {
  const values = {
    shop: " tea ",
    start: "",
    page_size: "50",
    tags: [],
    hidden: "h",
    credentials: { kind: "key", key: "k" },
  };
  expect(output(fields, values)).toEqual({
    shop: "tea",
    page_size: 50,
    hidden: "h",
    credentials: { kind: "key", key: "k" },
  });
});

test("a picked time is written as the pattern wants it", () => {
  expect(toPicker("2026-01-31T10:20:30Z")).toBe("2026-01-31T10:20:30");
  expect(toPicker("soon")).toBe("");
  expect(fromPicker("2026-01-31T10:20", null)).toBe("2026-01-31T10:20:00Z");
  expect(fromPicker("2026-01-31T10:20:30", "^\\d{4}-\\d{2}-\\d{2}$")).toBe("2026-01-31");
  expect(fromPicker("2026-01-31T10:20:30", "\\.000Z$")).toBe("2026-01-31T10:20:30.000Z");
});

test("a pattern that only Python understands refuses nothing", () => {
  const [field] = readForm({ properties: { a: { type: "string", pattern: "(?P<x>a)" } } });
  expect(field && [...problems([field], { a: "b" })]).toEqual([]);
});

test("a pattern that could take for ever is left to the core", () => {
  for (const pattern of ["^(a+)+$", "^(a|a)*$", "(x+x+)+y", "^((a{1,9}){2,})$", "([a-z]*,)*"]) {
    expect(isTame(pattern), pattern).toBe(false);
  }
  for (const pattern of [
    "^https?://",
    "^[a-z+]+(\\.[a-z]{2})?$",
    "^(eu|us)$",
    "\\(+\\)+",
    "^(\\d{4})-(\\d{2})$",
  ]) {
    expect(isTame(pattern), pattern).toBe(true);
  }
  expect(matches("^(a+)+$", `${"a".repeat(40)}!`)).toBe(true);
});
