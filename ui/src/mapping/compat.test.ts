import { describe, expect, test } from "vitest";
import type { Field } from "@/api/bindings";
import { fitOf, fitOfMany, startOfTable } from "./compat";
import { ghostRow } from "./tree";

function field(type: Field["type"], more: Partial<Field> = {}): Field {
  return { ...ghostRow("field").field, type, ...more };
}

const option = (value: string, label: string | null = null) => ({ value, label });

describe("a source field", () => {
  test.each<[Field["type"], Field["type"], string, string[]]>([
    ["text", "text", "exact", []],
    ["integer", "text", "exact", []],
    ["integer", "decimal", "exact", []],
    ["object", "any", "exact", []],
    ["timestamp", "date", "convertible", ["date_only"]],
    ["text", "date", "convertible", ["parse_date"]],
    ["text", "decimal", "convertible", ["parse_number"]],
    ["decimal", "integer", "convertible", ["round"]],
    ["text", "integer", "convertible", ["to_integer"]],
    ["text", "bool", "convertible", ["to_bool"]],
    ["list", "text", "convertible", ["join"]],
    ["text", "list", "convertible", ["split"]],
    ["integer", "list", "convertible", ["to_list"]],
    ["text", "enum", "convertible", ["value_map"]],
    ["object", "text", "impossible", []],
    ["text", "object", "impossible", []],
    ["object", "list", "impossible", []],
    ["bool", "date", "impossible", []],
    ["date", "integer", "impossible", []],
  ])("%s → %s is %s", (from, to, level, steps) => {
    const fit = fitOf(field(from), field(to));
    expect([fit.level, fit.steps.map((step) => step.name)]).toEqual([level, steps]);
    expect(fit.reason).not.toBe("");
  });

  test("gives the first item of its list where one is wanted", () => {
    expect(
      fitOf(field("list", { items: "integer" }), field("integer")).steps.map((step) => step.name),
    ).toEqual(["first"]);
    expect(fitOf(field("list", { items: "object" }), field("integer")).level).toBe("impossible");
  });

  test("never fills what the platform sets", () => {
    expect(fitOf(field("text"), field("text", { read_only: true })).reason).toContain("read-only");
  });

  test("is tidied for e-mail, and made a code or a number where that is wanted", () => {
    expect(
      fitOf(field("text"), field("text", { format: "email" })).steps.map((step) => step.name),
    ).toEqual(["trim", "lower"]);
    expect(
      fitOf(field("text"), field("text", { format: "country_code" })).steps.map(
        (step) => step.name,
      ),
    ).toEqual(["country_code"]);
    expect(
      fitOf(field("text"), field("text", { format: "phone", name: "phone_e164" })).steps.map(
        (step) => step.name,
      ),
    ).toEqual(["phone_e164"]);
    expect(fitOf(field("text"), field("text", { max_length: 20 })).reason).toContain(
      "20 characters",
    );
  });
});

describe("choices", () => {
  const stage = field("enum", {
    options: [option("customer"), option("churned", "Un-subscribed"), option("lead")],
  });
  const status = field("enum", { options: [option("Customer"), option("unsubscribed")] });

  test("that are all accepted fit", () => {
    expect(
      fitOf(
        field("enum", { options: [option("a")] }),
        field("enum", { options: [option("a"), option("b")] }),
      ).level,
    ).toBe("exact");
  });

  test("that differ go through a table that begins with the same names", () => {
    expect(fitOf(stage, status).steps).toEqual([
      { name: "value_map", with: { entries: { customer: "Customer", churned: "unsubscribed" } } },
    ]);
    expect(startOfTable(status, stage)).toEqual({ Customer: "customer", unsubscribed: "churned" });
  });
});

describe("several fields", () => {
  test("join into a text and into nothing else", () => {
    expect(
      fitOfMany([field("text"), field("integer")], field("text")).steps.map((step) => step.name),
    ).toEqual(["concat"]);
    expect(fitOfMany([field("text"), field("text")], field("date")).level).toBe("impossible");
    expect(fitOfMany([field("text"), field("object")], field("text")).level).toBe("impossible");
  });

  test("of one are that one", () => {
    expect(fitOfMany([field("timestamp")], field("date"))).toEqual(
      fitOf(field("timestamp"), field("date")),
    );
  });
});
