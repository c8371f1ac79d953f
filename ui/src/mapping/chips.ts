/** The words on chips. */
import type { Rule, Step } from "@/api/bindings";
import { shortValue } from "./kinds";
import { isObject } from "./path";

/** `trim`, `map 5 values`, `phone AR`. */
export function stepLabel(step: Step): string {
  const { name, with: parameters } = step;
  const words = name.replaceAll("_", " ");
  switch (name) {
    case "value_map": {
      const table = Object.values(parameters).find(isObject);
      const count = table ? Object.keys(table).length : 0;
      return count === 0 ? "map values" : `map ${count} ${count === 1 ? "value" : "values"}`;
    }
    case "phone_e164": {
      const region = Object.values(parameters).find(
        (value) => typeof value === "string" && /^[A-Za-z]{2}$/.test(value),
      );
      return typeof region === "string" ? `phone ${region.toUpperCase()}` : "phone";
    }
    case "default_if_empty":
    case "default_if_missing":
      return `or ${shortValue(parameters.value, 12)}`;
    case "reference":
      return "linked record";
    case "expression":
      return "ƒ";
    default:
      return words;
  }
}

const MOST_ON_CHIP = 3;

/** The steps of a rule on one chip; empty where there are none. */
export function chipParts(rule: Rule): string[] {
  const first =
    rule.origin.kind === "constant"
      ? [`= ${shortValue(rule.origin.value, 18)}`]
      : rule.origin.kind === "expression"
        ? ["ƒ"]
        : [];
  const parts = [...first, ...rule.steps.map(stepLabel)];
  return parts.length > MOST_ON_CHIP
    ? [...parts.slice(0, MOST_ON_CHIP - 1), `+${parts.length - MOST_ON_CHIP + 1}`]
    : parts;
}
