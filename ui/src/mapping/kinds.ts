/** How types and values are written: words, short text of a value, typed text as a value. */
import type { FieldType } from "@/api/bindings";

const WORDS: Record<FieldType, string> = {
  any: "anything",
  text: "text",
  integer: "whole number",
  decimal: "number",
  float: "number",
  bool: "true or false",
  date: "date",
  time: "time of day",
  timestamp: "date and time",
  bytes: "bytes",
  enum: "choice",
  object: "object",
  list: "list",
};

/** In the middle of a sentence. */
export function typeWord(type: FieldType): string {
  return WORDS[type];
}

/** One line for a row: spaces at the ends shown, null as ∅, long text cut. */
export function shortValue(value: unknown, most = 80): string {
  switch (typeof value) {
    case "undefined":
      return "–";
    case "string":
      return clip(shown(value), most);
    case "object":
      return value === null ? "∅" : clip(JSON.stringify(value), most);
    default:
      return String(value);
  }
}

/** As in code: texts in quotes. */
export function quotedValue(value: unknown, most = 120): string {
  return typeof value === "string" ? clip(`"${shown(value)}"`, most) : shortValue(value, most);
}

function shown(text: string): string {
  return text
    .replace(/\r?\n/g, "↵")
    .replace(/\t/g, "⇥")
    .replace(/^ +| +$/g, (spaces) => "␣".repeat(spaces.length));
}

function clip(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** What a person typed, as a value of that type; text that is none stays text and the compiler says why. */
export function parseTyped(text: string, type: FieldType): unknown {
  switch (type) {
    case "bool":
      return text === "true" ? true : text === "false" ? false : text;
    case "integer":
      return /^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
    case "decimal":
    case "float": {
      const number = Number(text);
      // Only where not one digit is lost.
      return text.trim() !== "" && Number.isFinite(number) && String(number) === text
        ? number
        : text;
    }
    case "list":
    case "object":
    case "any":
      return parseJson(text);
    default:
      return text;
  }
}

function parseJson(text: string): unknown {
  if (!/^\s*[[{"]|^(?:true|false|null|-?\d+)$/.test(text)) {
    return text;
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
