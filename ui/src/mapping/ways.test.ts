import { expect, test } from "vitest";
import type { FieldTripView, TwoWay } from "@/api/bindings";
import { fieldRule, flowsOf, wayOf, withFieldRule } from "./ways";

const usual: TwoWay = {
  policy: "merge",
  truth: "source",
  creates_on_source: true,
  read_only: "ignore",
  fields: [],
};

test("a field without a rule flows both ways", () => {
  expect(fieldRule(usual, "phone")).toMatchObject({ direction: "both", policy: null });
});

test("a rule for an object counts for what is in it", () => {
  const rules = withFieldRule(usual, "address", { direction: "to_target" });
  expect(fieldRule(rules, "address.city").direction).toBe("to_target");
  expect(fieldRule(rules, "addressee").direction).toBe("both");
  const inner = withFieldRule(rules, "address.city", { direction: "both" });
  expect(fieldRule(inner, "address.city").direction).toBe("both");
});

test("a rule that says nothing is left out", () => {
  const rules = withFieldRule(usual, "phone", { policy: "ask" });
  expect(rules.fields).toHaveLength(1);
  expect(withFieldRule(rules, "phone", { policy: null }).fields).toEqual([]);
});

const trip = (change: Partial<FieldTripView>): FieldTripView => ({
  target: "phone",
  way: "exact",
  differ: 0,
  ...change,
});

test("what does not come back the same is amber and says why", () => {
  expect(wayOf("both", trip({}))).toEqual({ arrow: "⇄", isLossy: false, why: null });
  expect(wayOf("both", trip({ way: "lossy", why: "Case is lost." }))).toEqual({
    arrow: "⇄",
    isLossy: true,
    why: "Case is lost.",
  });
  expect(wayOf("both", trip({ way: "one_way" })).arrow).toBe("→");
  expect(wayOf("to_target", trip({ way: "one_way" })).isLossy).toBe(false);
});

test("arrows point where changes really go", () => {
  const one = withFieldRule(usual, "phone", { direction: "to_source" });
  expect(flowsOf(one, "phone", [])).toEqual({ toTarget: false, toSource: true, isLossy: false });
  expect(flowsOf(usual, "phone", [])).toMatchObject({ toTarget: true, toSource: true });
  // What cannot be turned around does not come back, whatever was chosen.
  expect(flowsOf(usual, "phone", [trip({ way: "one_way" })])).toEqual({
    toTarget: true,
    toSource: false,
    isLossy: true,
  });
});
