/**
 * Whether a source field can fill a target field, with the words why, and the steps that a drop puts in.
 * Only a first look for the person who drags: the compiler has the last word.
 */
import type { Field, FieldType, Step } from "@/api/bindings";
import { step } from "./document";
import { typeWord } from "./kinds";

export type Fit = {
  level: "exact" | "convertible" | "impossible";
  /** Why, in short words. */
  reason: string;
  /** What a drop puts in between. */
  steps: Step[];
  /** Something may be lost or fail: the chip is amber. */
  isLossy: boolean;
};

const exact: Fit = { level: "exact", reason: "same type", steps: [], isLossy: false };

function widened(reason: string): Fit {
  return { level: "exact", reason, steps: [], isLossy: false };
}

function by(reason: string, ...steps: Step[]): Fit {
  return { level: "convertible", reason, steps, isLossy: true };
}

function no(reason: string): Fit {
  return { level: "impossible", reason, steps: [], isLossy: true };
}

const NUMBERS: FieldType[] = ["integer", "decimal", "float"];
const SCALARS: FieldType[] = [
  "text",
  "enum",
  "integer",
  "decimal",
  "float",
  "bool",
  "date",
  "time",
  "timestamp",
];

export function fitOf(source: Field, target: Field): Fit {
  if (target.read_only) {
    return no("is read-only: the platform sets it");
  }
  const fit = fitOfTypes(source, target);
  if (fit.level === "impossible") {
    return fit;
  }
  return withFormat(source, target, fit);
}

/** Several fields at once come as one text. */
export function fitOfMany(sources: readonly Field[], target: Field): Fit {
  const [first] = sources;
  if (sources.length <= 1 && first) {
    return fitOf(first, target);
  }
  const nested = sources.find((source) => source.type === "object" || source.type === "list");
  if (nested) {
    return no(`“${nested.name}” is ${withArticle(nested.type)}: it cannot be joined with others`);
  }
  if (target.read_only) {
    return no("is read-only: the platform sets it");
  }
  return target.type === "text" || target.type === "any"
    ? {
        level: "convertible",
        reason: `joins ${sources.length} fields into one text`,
        steps: [step("concat")],
        isLossy: false,
      }
    : no(`several fields join into text, not into ${withArticle(target.type)}`);
}

function fitOfTypes(source: Field, target: Field): Fit {
  const [from, to] = [source.type, target.type];
  if (from === to) {
    return from === "enum" ? fitOfOptions(source, target) : exact;
  }
  if (to === "any") {
    return widened("takes anything");
  }
  if (from === "any") {
    return {
      level: "convertible",
      reason: "the type is only known when a record comes",
      steps: [],
      isLossy: true,
    };
  }
  if (from === "object") {
    return no(
      to === "list"
        ? "an object is not a list: pick a field inside"
        : `an object is not ${withArticle(to)}: pick a field inside`,
    );
  }
  if (to === "object") {
    return no(`${withArticle(from)} cannot become an object: pick a field inside`);
  }
  if (to === "list") {
    return from === "text"
      ? by("splits the text at commas", step("split"))
      : by("becomes a list of one", step("to_list"));
  }
  if (from === "list") {
    if (to === "text") {
      return by("joins the items into one text", step("join"));
    }
    return source.items === null || source.items === to
      ? by("takes the first item", step("first"))
      : no(`a list is not ${withArticle(to)}`);
  }
  if (from === "bytes") {
    return no(`bytes are not ${withArticle(to)}`);
  }
  switch (to) {
    case "text":
      return widened(`${typeWord(from)} is written out as text`);
    case "enum":
      return SCALARS.includes(from)
        ? by("match its values to the choices", step("value_map", { entries: {} }))
        : no(`${withArticle(from)} is not a choice`);
    case "integer":
      return NUMBERS.includes(from)
        ? by("rounds to a whole number", step("round"))
        : from === "text" || from === "enum" || from === "bool"
          ? by("reads the text as a whole number", step("to_integer"))
          : no(`${withArticle(from)} is not a number`);
    case "decimal":
    case "float":
      if (NUMBERS.includes(from)) {
        return widened("numbers keep their digits");
      }
      return from === "text" || from === "enum"
        ? by("reads the text as a number", step("parse_number"))
        : from === "bool"
          ? by("1 for true, 0 for false", step("to_integer"))
          : no(`${withArticle(from)} is not a number`);
    case "bool":
      return from === "text" || from === "enum" || from === "integer"
        ? by("reads yes, true, 1 as true", step("to_bool"))
        : no(`${withArticle(from)} is not true or false`);
    case "date":
      return from === "timestamp"
        ? by("drops the time of day", step("date_only"))
        : from === "text"
          ? by("reads the text as a date", step("parse_date"))
          : no(`${withArticle(from)} is not a date`);
    case "timestamp":
      return from === "date" || from === "text" || from === "integer"
        ? by(
            from === "date" ? "needs a time of day" : "reads it as a date and time",
            step("parse_date"),
          )
        : no(`${withArticle(from)} is not a date`);
    case "time":
      return from === "text" || from === "timestamp"
        ? by("takes the time of day", step("format_date", { format: "%H:%M:%S" }))
        : no(`${withArticle(from)} is not a time`);
    case "bytes":
      return from === "text"
        ? widened("text is taken as it is")
        : no(`${withArticle(from)} is not bytes`);
  }
}

/** Choices into choices: fits when every value is accepted, else they are matched in a table. */
function fitOfOptions(source: Field, target: Field): Fit {
  const accepted = new Set(target.options.map((option) => option.value));
  const unknown = source.options.filter((option) => !accepted.has(option.value));
  if (accepted.size === 0 || (source.options.length > 0 && unknown.length === 0)) {
    return exact;
  }
  return by(
    "the choices differ: match them in a table",
    step("value_map", { entries: startOfTable(source, target) }),
  );
}

/** Values whose names or labels are the same on both sides. */
export function startOfTable(source: Field, target: Field): Record<string, string> {
  const plain = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  const targets = new Map(
    target.options.flatMap((option) =>
      [option.value, option.label ?? option.value].map(
        (text) => [plain(text), option.value] as const,
      ),
    ),
  );
  return Object.fromEntries(
    source.options.flatMap((option) => {
      const found =
        targets.get(plain(option.value)) ?? targets.get(plain(option.label ?? option.value));
      return found === undefined ? [] : [[option.value, found]];
    }),
  );
}

/** Text of one meaning into text of another. */
function withFormat(source: Field, target: Field, fit: Fit): Fit {
  if (fit.level !== "exact" || (target.type !== "text" && target.type !== "any")) {
    return fit;
  }
  if (target.format === "email" && source.type === "text") {
    return {
      level: "exact",
      reason:
        source.format === "email" ? "both are e-mail addresses" : "has to be an e-mail address",
      steps: [step("trim"), step("lower")],
      isLossy: false,
    };
  }
  if (target.format === "country_code" && source.format !== "country_code") {
    return by("countries become two-letter codes", step("country_code"));
  }
  if (
    target.format === "phone" &&
    /e\.?_?164/i.test(`${target.name} ${target.label ?? ""} ${target.description ?? ""}`)
  ) {
    return by("phone numbers become international", step("phone_e164"));
  }
  if (source.format === "html" && target.format !== "html" && source.type === "text") {
    return by("takes the tags out", step("strip_html"));
  }
  if (
    target.max_length !== null &&
    source.type === "text" &&
    (source.max_length === null || source.max_length > target.max_length)
  ) {
    return { ...fit, reason: `${fit.reason}; at most ${target.max_length} characters` };
  }
  return fit;
}

function withArticle(type: FieldType): string {
  const word = typeWord(type);
  return type === "any" || type === "text" || type === "bytes" || type === "bool"
    ? word
    : `${/^[aeiou]/.test(word) ? "an" : "a"} ${word}`;
}
