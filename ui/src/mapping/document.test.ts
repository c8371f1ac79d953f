import { describe, expect, test } from "vitest";
import type { Mapping, Rule } from "@/api/bindings";
import {
  applyFix,
  applySuggestions,
  asTemplate,
  cablesOf,
  coalesce,
  combine,
  emptyMapping,
  fieldsInTemplate,
  fromExpression,
  insertStep,
  link,
  moveRule,
  moveSource,
  moveStep,
  removeStep,
  replaceSource,
  ruleOf,
  setComment,
  setConstant,
  setExpression,
  setOnFailure,
  step,
  toExpression,
  unlink,
  unlinkSource,
  updateStep,
} from "./document";

const linked = link(emptyMapping, "email_address", ["email"], [step("trim"), step("lower")]);

function names(mapping: Mapping, target: string): string[] {
  return (ruleOf(mapping, target)?.steps ?? []).map((each) => each.name);
}

function paths(mapping: Mapping, target: string): string[] {
  const origin = ruleOf(mapping, target)?.origin;
  return origin?.kind === "fields" ? origin.paths : [];
}

describe("linking", () => {
  test("a target has one rule, and a new link replaces the old one", () => {
    const next = link(linked, "email_address", ["backup_email"]);
    expect(next.rules).toHaveLength(1);
    expect(paths(next, "email_address")).toEqual(["backup_email"]);
    expect(names(next, "email_address")).toEqual([]);
    expect(paths(linked, "email_address")).toEqual(["email"]);
  });

  test("several fields at once are joined into a text", () => {
    expect(names(link(emptyMapping, "full_name", ["first", "last"]), "full_name")).toEqual([
      "concat",
    ]);
  });

  test("combining keeps the steps behind the joining one", () => {
    const next = combine(linked, "email_address", ["backup_email"]);
    expect(paths(next, "email_address")).toEqual(["email", "backup_email"]);
    expect(names(next, "email_address")).toEqual(["concat", "trim", "lower"]);
    expect(names(coalesce(next, "email_address", ["third"]), "email_address")).toEqual([
      "coalesce",
      "trim",
      "lower",
    ]);
  });

  test("adding what is there already changes nothing", () => {
    expect(combine(linked, "email_address", ["email"])).toBe(linked);
  });

  test("combining with nothing is a plain link", () => {
    expect(combine(emptyMapping, "a", ["x"])).toEqual(link(emptyMapping, "a", ["x"]));
  });

  test("a constant becomes the default of what is laid over it, or part of the text", () => {
    const constant = setConstant(emptyMapping, "language", "en");
    const filled = coalesce(constant, "language", ["language"]);
    expect(ruleOf(filled, "language")?.steps).toEqual([step("default_if_empty", { value: "en" })]);
    expect(ruleOf(combine(constant, "language", ["region"]), "language")?.origin).toEqual({
      kind: "expression",
      template: "en {{ record.region }}",
    });
  });

  test("taking cables away takes the joining step with the second to last and the rule with the last", () => {
    const two = combine(linked, "email_address", ["backup_email"]);
    const one = unlinkSource(two, "email_address", "email");
    expect(paths(one, "email_address")).toEqual(["backup_email"]);
    expect(names(one, "email_address")).toEqual(["trim", "lower"]);
    expect(unlinkSource(one, "email_address", "backup_email").rules).toEqual([]);
    expect(unlinkSource(one, "email_address", "nobody")).toBe(one);
  });

  test("unlinking what is not linked changes nothing", () => {
    expect(unlink(linked, ["nobody"])).toBe(linked);
    expect(unlink(linked, ["email_address"]).rules).toEqual([]);
  });

  test("an orphan finds a new source or a new target", () => {
    expect(paths(replaceSource(linked, "email_address", "email", "mail"), "email_address")).toEqual(
      ["mail"],
    );
    const moved = moveRule(linked, "email_address", "mail");
    expect(moved.rules.map((rule) => rule.target)).toEqual(["mail"]);
    expect(names(moved, "mail")).toEqual(["trim", "lower"]);
  });

  test("the order of combined fields can be changed", () => {
    const both = link(emptyMapping, "full_name", ["last", "first"]);
    expect(paths(moveSource(both, "full_name", 1, 0), "full_name")).toEqual(["first", "last"]);
  });
});

describe("steps", () => {
  test("are put in, changed, moved and taken out", () => {
    const added = insertStep(linked, "email_address", 1, step("slice", { length: 10 }));
    expect(names(added, "email_address")).toEqual(["trim", "slice", "lower"]);
    expect(names(moveStep(added, "email_address", 2, 0), "email_address")).toEqual([
      "lower",
      "trim",
      "slice",
    ]);
    expect(
      ruleOf(updateStep(added, "email_address", 1, { length: 5 }), "email_address")?.steps[1],
    ).toEqual(step("slice", { length: 5 }));
    expect(names(removeStep(added, "email_address", 0), "email_address")).toEqual([
      "slice",
      "lower",
    ]);
  });

  test("moving out of the list changes nothing", () => {
    expect(names(moveStep(linked, "email_address", 0, 7), "email_address")).toEqual([
      "trim",
      "lower",
    ]);
    expect(removeStep(linked, "email_address", 9)).toBe(linked);
  });
});

describe("origins", () => {
  test("another kind of origin starts without steps, the same kind keeps them", () => {
    const constant = setConstant(linked, "email_address", "x@example.com");
    expect(names(constant, "email_address")).toEqual([]);
    const expression = insertStep(
      setExpression(emptyMapping, "a", "{{ 1 }}"),
      "a",
      0,
      step("to_text"),
    );
    expect(names(setExpression(expression, "a", "{{ 2 }}"), "a")).toEqual(["to_text"]);
  });

  test("fields in templates are found in all their spellings", () => {
    expect(
      fieldsInTemplate(
        "{{ record.a.b | trim }} {{ record[\"odd name\"] }} {{ record.items[0].sku }} {{ record['c'] }} {{ record.a.b }}",
      ),
    ).toEqual(["a.b", "odd name", "items[0].sku", "c"]);
  });

  test("cables come from fields and from expressions", () => {
    const mapping = setConstant(
      setExpression(linked, "greeting", "Hi {{ record.first_name }}"),
      "list_id",
      "l1",
    );
    expect(cablesOf(mapping)).toEqual([
      { source: "email", target: "email_address", order: 0, kind: "field" },
      { source: "first_name", target: "greeting", order: 0, kind: "expression" },
    ]);
  });

  test("a policy and a note belong to the rule", () => {
    const mapping = setComment(
      setOnFailure(linked, "email_address", { kind: "skip" }),
      "email_address",
      "asked by sales",
    );
    expect(ruleOf(mapping, "email_address")).toMatchObject({
      on_failure: { kind: "skip" },
      comment: "asked by sales",
    });
    expect(ruleOf(setComment(mapping, "email_address", " "), "email_address")).not.toHaveProperty(
      "comment",
    );
  });
});

describe("proposals and fixes", () => {
  const proposal: Rule = {
    target: "email_address",
    origin: { kind: "fields", paths: ["mail"] },
    steps: [],
    on_failure: { kind: "hold" },
  };

  test("proposals never replace what a person drew", () => {
    const next = applySuggestions(linked, [proposal, { ...proposal, target: "phone" }]);
    expect(paths(next, "email_address")).toEqual(["email"]);
    expect(paths(next, "phone")).toEqual(["mail"]);
  });

  test("a fix replaces, moves or removes a rule", () => {
    expect(
      paths(
        applyFix(linked, { label: "", target: "email_address", rule: proposal }),
        "email_address",
      ),
    ).toEqual(["mail"]);
    expect(
      applyFix(linked, {
        label: "",
        target: "email_address",
        rule: { ...proposal, target: "mail" },
      }).rules.map((rule) => rule.target),
    ).toEqual(["mail"]);
    expect(applyFix(linked, { label: "", target: "email_address", rule: null }).rules).toEqual([]);
  });
});

test.each<[Rule["origin"], string, string]>([
  [{ kind: "fields", paths: ["email"] }, "trim", "{{ record.email | trim }}"],
  [{ kind: "fields", paths: ["a", "b"] }, "concat", "{{ [record.a, record.b] | concat }}"],
  [{ kind: "expression", template: "{{ record.a }}" }, "trim", "{{ (record.a) | trim }}"],
  [{ kind: "constant", value: 5 }, "", "5"],
])("%j reads as a template", (origin, name, expected) => {
  expect(
    asTemplate({
      target: "t",
      origin,
      steps: name === "" ? [] : [step(name)],
      on_failure: { kind: "hold" },
    }),
  ).toBe(expected);
});

describe("expressions and cables", () => {
  const both = link(emptyMapping, "name", ["first", "last.name"], [step("concat"), step("trim")]);

  test.each([
    [linked, "email_address", "{{ record.email }}"],
    [both, "name", "{{ record.first }} {{ record.last.name }}"],
    [
      link(emptyMapping, "name", ["a", "b"], [step("coalesce")]),
      "name",
      "{{ record.a or record.b }}",
    ],
    [
      link(emptyMapping, "name", ["a", "b"], [step("concat", { separator: ", " })]),
      "name",
      "{{ record.a }}, {{ record.b }}",
    ],
  ])("%# a rule goes on as an expression and comes back", (mapping, target, template) => {
    const written = ruleOf(toExpression(mapping, target), target);
    expect(written?.origin).toEqual({ kind: "expression", template });
    expect(written && fromExpression(written)).toEqual(ruleOf(mapping, target));
  });

  test("an expression that does more stays one", () => {
    const rule = ruleOf(setExpression(emptyMapping, "a", "{{ record.a | upper }}"), "a");
    expect(rule && fromExpression(rule)).toBeNull();
  });
});
