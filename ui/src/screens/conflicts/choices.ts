import type { ConflictKind, ConflictView, Decision } from "@/api/bindings";
import { valueText } from "@/format/value";

/** What of a conflict a choice is about; the values of both sides may be long. */
export type Matter = Pick<
  ConflictView,
  "id" | "sync" | "field" | "kind" | "source_name" | "target_name" | "decision"
>;

export function matterOf(conflict: ConflictView): Matter {
  const { id, sync, field, kind, source_name, target_name, decision = null } = conflict;
  return { id, sync, field, kind, source_name, target_name, decision };
}

/** Whether two conflicts are about the same pair of records. */
export function isSamePair(
  one: ConflictView | undefined,
  other: ConflictView | undefined,
): boolean {
  return (
    one !== undefined &&
    other !== undefined &&
    one.sync === other.sync &&
    one.source_key === other.source_key &&
    one.target_key === other.target_key
  );
}

/** Conflicts by what was chosen for each, so that each choice can be put back by one request. */
export function byDecision(
  matters: readonly Matter[],
): { ids: string[]; decision: Decision | null }[] {
  const groups = new Map<string, { ids: string[]; decision: Decision | null }>();
  for (const { id, decision = null } of matters) {
    const group = groups.get(JSON.stringify(decision)) ?? { ids: [], decision };
    group.ids.push(id);
    groups.set(JSON.stringify(decision), group);
  }
  return [...groups.values()];
}

export function isWhole(conflict: Pick<ConflictView, "field">): boolean {
  return conflict.field === "";
}

export type Choice = "source" | "target" | "keep_both";
export const choices: readonly Choice[] = ["source", "target", "keep_both"];

/** What each choice does, in words; nothing where a choice would be the same as another one. */
export function choiceWords(conflict: Matter, choice: Choice): string | null {
  const { source_name: source, target_name: target, kind } = conflict;
  const isWholeRecord = isWhole(conflict);
  if (kind === "undo") {
    const words: Record<Choice, string | null> = isWholeRecord
      ? { source: `Delete it in ${target}`, target: "Keep it", keep_both: null }
      : { source: "Put the old value back", target: "Keep what is there now", keep_both: null };
    return words[choice];
  }
  if (choice === "keep_both") {
    return isWholeRecord ? "Leave both as they are" : "Keep both as they are";
  }
  if (isWholeRecord && kind === "deleted_on_source") {
    return choice === "source" ? `Delete it in ${target} too` : `Make it again in ${source}`;
  }
  if (isWholeRecord && kind === "deleted_on_target") {
    return choice === "target" ? `Delete it in ${source} too` : `Make it again in ${target}`;
  }
  return choice === "source" ? `Take ${source}` : `Take ${target}`;
}

/** Why a choice cannot be made; nothing if it can. */
export function whyNotChoose(conflict: Matter, choice: Choice | "value"): string | undefined {
  if (choice === "value") {
    return isWhole(conflict) ? "A whole record has no own value" : undefined;
  }
  if (choice === "target" && conflict.kind === "no_way_back") {
    return `This value cannot be turned into one for ${conflict.source_name}. Type another one.`;
  }
  return choiceWords(conflict, choice) === null
    ? "For what is taken back there is only the old value and the one now"
    : undefined;
}

/** Why a choice cannot become the rule of its field. */
export function whyNotAlways(conflict: Matter, isTwoWay: boolean): string | undefined {
  if (isWhole(conflict)) {
    return "Only a field can have a rule";
  }
  if (conflict.kind === "undo") {
    return "This is about a run that was taken back";
  }
  return isTwoWay ? undefined : "Only a sync that goes both ways has such rules";
}

export function decisionOf(choice: Choice): Decision {
  return { take: choice };
}

/** What both sides get by a decision, in words. */
export function resultText(conflict: ConflictView): string | null {
  const { decision } = conflict;
  if (decision === null || decision === undefined) {
    return null;
  }
  if (decision.take === "value") {
    return valueText(decision.value);
  }
  if (isWhole(conflict) || decision.take === "keep_both") {
    return choiceWords(conflict, decision.take) ?? choiceWords(conflict, "target");
  }
  return valueText(decision.take === "source" ? conflict.source : conflict.target);
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : null;
}

/** A record as one line: these fields, else the values that tell people most. */
function recordText(value: unknown, names: readonly string[]): string {
  const fields = fieldsOf(value);
  if (fields === null) {
    return valueText(value);
  }
  const shown =
    names.length > 0
      ? names.map((name) => [name, fields[name]] as const)
      : Object.entries(fields)
          .filter(([, each]) => each !== null && each !== "" && typeof each !== "object")
          .slice(0, 4);
  return shown.map(([name, each]) => `${name}: ${valueText(each)}`).join(" · ");
}

type Said = { base: string; source: string; target: string };

/** What is said of it in words. Of a whole record, what differs from what both sides last agreed on. */
export function saidOf(conflict: ConflictView): Said {
  const { base, source, target } = conflict;
  if (!isWhole(conflict)) {
    return { base: valueText(base), source: valueText(source), target: valueText(target) };
  }
  const agreed = fieldsOf(base) ?? {};
  const sides = [source, target].map(fieldsOf).filter((side) => side !== null);
  const names = Object.keys(agreed).filter((name) =>
    sides.some((side) => JSON.stringify(side[name]) !== JSON.stringify(agreed[name])),
  );
  const text = (value: unknown) => recordText(value, names);
  const wasNotThere = conflict.kind === "undo" && source == null;
  return {
    base: text(base),
    source: wasNotThere || conflict.kind === "deleted_on_source" ? gone(conflict) : text(source),
    target: conflict.kind === "deleted_on_target" ? gone(conflict) : text(target),
  };
}

function gone({ kind }: ConflictView): string {
  return kind === "undo" ? "not there" : "deleted";
}

/** When the values of a conflict about a run that is taken back were there; the columns name the platforms. */
export const undoTimes: Said = { base: "after the run", source: "before the run", target: "now" };

export type Typed = { value: unknown } | { problem: string };

/** What a person typed as the value of a field, read as what the field holds on either side. */
export function ownValue(text: string, { source, target, base }: ConflictView): Typed {
  const like = [target, source, base].find((value) => value !== null && value !== undefined);
  if (text === "") {
    return { value: like === undefined || typeof like === "string" ? "" : null };
  }
  switch (typeof like) {
    case "number": {
      const value = Number(text.trim());
      return text.trim() !== "" && Number.isFinite(value)
        ? { value }
        : { problem: "A number is needed here" };
    }
    case "boolean": {
      const word = text.trim().toLowerCase();
      if (["yes", "true"].includes(word)) {
        return { value: true };
      }
      return ["no", "false"].includes(word) ? { value: false } : { problem: "Type yes or no" };
    }
    case "object":
      try {
        return { value: JSON.parse(text) };
      } catch {
        return { problem: "A list or an object is needed here, written as JSON" };
      }
    default:
      return { value: text };
  }
}

/** The text that a person begins with when typing a value. */
export function editText(value: unknown): string {
  if (value === null || value === undefined) {
    return "";
  }
  if (typeof value === "boolean") {
    return value ? "yes" : "no";
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

const kinds: Record<ConflictKind, string> = {
  both_changed: "both changed",
  first_meeting: "first meeting",
  deleted_on_source: "deleted and changed",
  deleted_on_target: "deleted and changed",
  loop: "goes back and forth",
  read_only: "not this side's to change",
  no_way_back: "no way back",
  undo: "changed since",
};

export function kindWord(kind: ConflictKind): string {
  return kinds[kind];
}

export type Key =
  | "next"
  | "previous"
  | "select"
  | "select_next"
  | "select_previous"
  | "select_all"
  | "first"
  | "last"
  | "page_down"
  | "page_up"
  | "edit"
  | "take_back"
  | "always"
  | "clear"
  | "find"
  | Choice;

type Pressed = Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey">;

/** What a key means in the list; nothing where it is none of the list's. */
export function keyMeaning(event: Pressed): Key | null {
  if (event.ctrlKey || event.metaKey) {
    return event.key === "a" ? "select_all" : null;
  }
  if (event.altKey) {
    return null;
  }
  switch (event.key) {
    case "j":
      return "next";
    case "k":
      return "previous";
    case "ArrowDown":
    case "J":
      return event.shiftKey ? "select_next" : "next";
    case "ArrowUp":
    case "K":
      return event.shiftKey ? "select_previous" : "previous";
    case "Home":
      return "first";
    case "End":
      return "last";
    case "PageDown":
      return "page_down";
    case "PageUp":
      return "page_up";
    case " ":
    case "x":
      return "select";
    case "1":
      return "source";
    case "2":
      return "target";
    case "3":
      return "keep_both";
    case "e":
    case "Enter":
      return "edit";
    case "u":
      return "take_back";
    case "a":
      return "always";
    case "/":
      return "find";
    case "Escape":
      return "clear";
    default:
      return null;
  }
}
