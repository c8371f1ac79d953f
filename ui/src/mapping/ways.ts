/** Which way the changes of a field flow, and what is different for it. */
import type {
  Direction,
  FieldRule,
  FieldTripView,
  Policy,
  ReadOnly,
  Truth,
  TwoWay,
} from "@/api/bindings";

type Names = { source: string; target: string };

/** The rule of a field, or of the object that it is in. */
export function fieldRule(twoWay: TwoWay, path: string): FieldRule {
  const own = twoWay.fields.find((each) => each.field === path);
  const above = twoWay.fields.find((each) => path.startsWith(`${each.field}.`));
  return {
    direction: "both",
    policy: null,
    truth: null,
    back: null,
    ...(own ?? above),
    field: path,
  };
}

/** With another rule for a field; one that says nothing is left out. */
export function withFieldRule(twoWay: TwoWay, path: string, change: Partial<FieldRule>): TwoWay {
  const rule = { ...fieldRule(twoWay, path), ...change };
  const others = twoWay.fields.filter((each) => each.field !== path);
  const isUsual =
    rule.direction === "both" &&
    rule.policy === null &&
    rule.truth === null &&
    rule.back === null &&
    !others.some((each) => path.startsWith(`${each.field}.`));
  return { ...twoWay, fields: isUsual ? others : [...others, rule] };
}

export const arrows: Record<Direction, string> = { to_target: "→", to_source: "←", both: "⇄" };

export type Way = {
  arrow: string;
  /** Needs a look: something gets lost on the way back, or nothing comes back. */
  isLossy: boolean;
  /** What to know of it. */
  why: string | null;
};

/** How the changes of a field really flow: as it is wanted, as far as its steps can be undone. */
export function wayOf(direction: Direction, trip: FieldTripView | undefined): Way {
  if (direction === "to_target" || trip === undefined || trip.way === "exact") {
    return { arrow: arrows[direction], isLossy: false, why: null };
  }
  const why = [trip.why, trip.trip].filter((each) => each != null).join(" ");
  return trip.way === "one_way"
    ? { arrow: arrows.to_target, isLossy: true, why: why || "Nothing comes back" }
    : { arrow: arrows[direction], isLossy: true, why: why || "Not the same comes back" };
}

/** Where the changes of a field really go. */
export function flowsOf(
  twoWay: TwoWay,
  path: string,
  trips: readonly FieldTripView[],
): { toTarget: boolean; toSource: boolean; isLossy: boolean } {
  const trip = trips.find((each) => each.target === path);
  const { arrow, isLossy } = wayOf(fieldRule(twoWay, path).direction, trip);
  return {
    toTarget: arrow !== arrows.to_source,
    toSource: arrow !== arrows.to_target,
    isLossy,
  };
}

export function directionWords(direction: Direction, { source, target }: Names): string {
  switch (direction) {
    case "both":
      return "Changes flow both ways";
    case "to_target":
      return `Only from ${source} to ${target}`;
    case "to_source":
      return `Only from ${target} to ${source}`;
  }
}

export const policies: readonly Policy[] = [
  "merge",
  "source",
  "target",
  "newest",
  "longest",
  "min",
  "max",
  "union",
  "ask",
];

export function policyWords(policy: Policy, { source, target }: Names): string {
  switch (policy) {
    case "merge":
      return "Put both together, else ask";
    case "source":
      return `${source} is right`;
    case "target":
      return `${target} is right`;
    case "newest":
      return "The record changed last is right";
    case "longest":
      return "The longer text";
    case "min":
      return "The smaller value";
    case "max":
      return "The larger value";
    case "union":
      return "All items of both lists";
    case "ask":
      return "Always ask me";
  }
}

/** On a chip. */
export function policyChip(policy: Policy, { source, target }: Names): string {
  switch (policy) {
    case "source":
      return source;
    case "target":
      return target;
    default:
      return policy;
  }
}

export const truths: readonly Truth[] = ["source", "target", "newest", "ask"];

export function truthWords(truth: Truth, names: Names): string {
  return policyWords(truth, names);
}

export const readOnlyChoices: readonly ReadOnly[] = ["ignore", "revert", "error"];

export function readOnlyWords(choice: ReadOnly): string {
  switch (choice) {
    case "ignore":
      return "Let it be: the sides differ";
    case "revert":
      return "Put it back";
    case "error":
      return "List it as a conflict";
  }
}
