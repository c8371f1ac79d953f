/** What stands at the right of a row, and the words for those who hear it. */
import type { Field, Rule, Suggestion } from "@/api/bindings";
import { shortValue, typeWord } from "./kinds";
import type { Model } from "./model";
import { leafOf, valueAt } from "./path";
import type { SideName } from "./store";
import type { Row } from "./tree";

export type RowValue =
  /** The schema does not have the field. */
  | { kind: "ghost"; text: string }
  /** How much inside a container is mapped. */
  | { kind: "count"; text: string }
  /** What the sample record has. */
  | { kind: "sample"; text: string; full: string | undefined }
  /** What would arrive. */
  | { kind: "result"; text: string; full: string }
  | { kind: "problem"; text: string }
  | { kind: "suggestion"; text: string; suggestion: Suggestion }
  /** Cannot be filled. */
  | { kind: "fixed"; text: string }
  | { kind: "empty"; text: string };

export type Counts = { mapped: number; total: number };

export function rowValue(side: SideName, row: Row, model: Model, counts: Counts | null): RowValue {
  if (row.isGhost) {
    return { kind: "ghost", text: "gone · re-link" };
  }
  return side === "source" ? sourceValue(row, model, counts) : targetValue(row, model, counts);
}

function sourceValue({ path }: Row, { record }: Model, counts: Counts | null): RowValue {
  if (counts) {
    const { mapped, total } = counts;
    return { kind: "count", text: mapped > 0 ? `${mapped} of ${total} mapped` : `${total} fields` };
  }
  const value = valueAt(record, path);
  return {
    kind: "sample",
    text: record === undefined ? "" : shortValue(value),
    full: typeof value === "string" ? value : undefined,
  };
}

function targetValue({ path, field, isOpen }: Row, model: Model, counts: Counts | null): RowValue {
  const result = model.results.get(path)?.result;
  if (model.rules.has(path)) {
    const said = model.problems.get(path)?.find((problem) => problem.severity === "error")?.message;
    const problem = result?.problem ?? said;
    return problem == null
      ? {
          kind: "result",
          text: result ? shortValue(result.value) : "",
          full: shortValue(result?.value, 400),
        }
      : { kind: "problem", text: problem };
  }
  if (counts && counts.total > 0) {
    return { kind: "count", text: `${counts.mapped} of ${counts.total}` };
  }
  const suggestion = model.suggestions.get(path);
  if (suggestion?.rule.origin.kind === "fields") {
    const from = suggestion.rule.origin.paths.map(leafOf).join(" + ");
    return { kind: "suggestion", text: `suggest: ${from}?`, suggestion };
  }
  if (field.read_only) {
    return { kind: "fixed", text: "set by the platform" };
  }
  return { kind: "empty", text: field.required && isOpen === undefined ? "not mapped" : "–" };
}

/** Small words beside the name. */
export function marksOf(field: Field, side: SideName): string[] {
  return [
    field.key ? "key" : field.unique ? "unique" : null,
    field.options.length > 0 && side === "source" ? `${field.options.length} values` : null,
    field.custom ? "custom" : null,
  ].filter((mark) => mark !== null);
}

/** The name of a row for screen readers: what can be seen first, then type and cables. */
export function spokenRow(
  side: SideName,
  row: Row,
  name: string,
  value: RowValue,
  model: Model,
): string {
  const { field, path } = row;
  return [
    name,
    field.required && side === "target" ? "required" : null,
    ...marksOf(field, side),
    value.text,
    typeWord(field.type),
    field.read_only ? "read-only" : null,
    side === "source"
      ? mappedTo(model.targetsOf.get(path) ?? [])
      : originWords(model.rules.get(path)),
  ]
    .filter((part) => part !== null && part !== "")
    .join(", ");
}

function mappedTo(targets: string[]): string {
  return targets.length > 0 ? `mapped to ${targets.join(", ")}` : "not mapped";
}

function originWords(rule: Rule | undefined): string {
  switch (rule?.origin.kind) {
    case undefined:
      return "not mapped";
    case "fields":
      return `from ${rule.origin.paths.join(", ")}`;
    case "constant":
      return "from constant";
    case "expression":
      return "from expression";
  }
}
