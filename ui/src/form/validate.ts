import {
  type FormField,
  type FormValues,
  isKept,
  leaves,
  pathKey,
  shown,
  valueAt,
  withValue,
} from "@/form/schema";

/** Texts longer than this are not matched against patterns, which a connector file may bring. */
const LONGEST_MATCHED = 4_000;

/** What is missing or does not fit, in words, by the fields' paths. `stored` holds what may stay as it is. */
export function problems(
  fields: readonly FormField[],
  values: FormValues,
  stored: unknown = {},
): Map<string, string> {
  const found = new Map<string, string>();
  for (const field of leaves(fields, values)) {
    const value = valueAt(values, field.path);
    const isStored = isKept(valueAt(stored, field.path));
    const problem = isEmpty(value)
      ? field.required && !isStored && isAsked(field, fields, values)
        ? `${field.label} is needed`
        : null
      : problemOf(field, value);
    if (problem !== null) {
      found.set(pathKey(field.path), problem);
    }
  }
  return found;
}

export function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    (typeof value === "string" && value.trim() === "") ||
    (Array.isArray(value) && value.length === 0)
  );
}

/** A field of an optional group is asked for once something of the group is filled in. */
function isAsked(field: FormField, fields: readonly FormField[], values: FormValues): boolean {
  let level = fields;
  for (let depth = 1; depth < field.path.length; depth++) {
    const path = field.path.slice(0, depth);
    const above = level.find((each) => pathKey(each.path) === pathKey(path));
    if (above === undefined || (above.kind !== "group" && above.kind !== "choice")) {
      return true;
    }
    if (!above.required && !leaves([above], values).some((leaf) => hasValue(leaf, values))) {
      return false;
    }
    level =
      above.kind === "group"
        ? above.fields
        : [...above.fields, ...above.branches.flatMap((branch) => branch.fields)];
  }
  return true;
}

function hasValue(field: FormField, values: FormValues): boolean {
  return !isEmpty(valueAt(values, field.path));
}

function problemOf(field: FormField, value: unknown): string | null {
  switch (field.kind) {
    case "text": {
      const text = String(value).trim();
      if (field.format === "email" && !/^\S+@\S+\.\S+$/.test(text)) {
        return "This is not an e-mail address";
      }
      if (field.pattern !== null && !matches(field.pattern, text)) {
        const wanted = field.patternWords ?? field.example;
        return wanted === null ? "This does not have the right form" : `Write it like ${wanted}`;
      }
      if (field.format === "date" && Number.isNaN(Date.parse(text))) {
        return "This is not a date; write it like 2026-01-31";
      }
      if (field.minLength !== null && text.length < field.minLength) {
        return `This needs at least ${field.minLength} characters`;
      }
      if (field.maxLength !== null && text.length > field.maxLength) {
        return `This can have at most ${field.maxLength} characters`;
      }
      return null;
    }
    case "number": {
      const number = Number(String(value).trim());
      if (!Number.isFinite(number)) {
        return "This is not a number";
      }
      if (field.whole && !Number.isInteger(number)) {
        return "This must be a whole number";
      }
      if (field.minimum !== null && number < field.minimum) {
        return `This must be at least ${field.minimum}`;
      }
      if (field.maximum !== null && number > field.maximum) {
        return `This can be at most ${field.maximum}`;
      }
      return null;
    }
    case "option":
      return field.options.includes(value)
        ? null
        : `Choose one of ${field.options.map(shown).join(", ")}`;
    case "list":
      if (field.whole !== null && Array.isArray(value)) {
        const odd = value.find((item) => !Number.isFinite(Number(item)));
        return odd === undefined ? null : `“${shown(odd)}” is not a number`;
      }
      return null;
    case "json":
      if (typeof value === "string") {
        try {
          JSON.parse(value);
        } catch (error) {
          return `This is not JSON: ${error instanceof Error ? error.message : "it cannot be read"}`;
        }
      }
      return null;
    case "flag":
    case "group":
    case "choice":
      return null;
  }
}

/**
 * Whether a text matches a pattern. One that only other languages understand lets everything pass, and so does
 * one that could take for ever: the core, whose patterns always end, looks at both once more.
 */
export function matches(pattern: string, text: string): boolean {
  if (text.length > LONGEST_MATCHED || !isTame(pattern)) {
    return true;
  }
  for (const flags of ["u", ""]) {
    try {
      return new RegExp(pattern, flags).test(text);
    } catch {
      // The next spelling, or none.
    }
  }
  return true;
}

/** Whether no repeated group repeats or chooses inside: `(a+)+` tries every way to cut a text in pieces. */
export function isTame(pattern: string): boolean {
  // For each open group: whether something in it can match in more than one way.
  const open: boolean[] = [];
  const bare = pattern.replace(/\\./g, "x").replace(/\[[^\]]*\]/g, "x");
  for (let at = 0; at < bare.length; at++) {
    const c = bare[at];
    const repeats = (from: number) => /^(?:[*+]|\{\d+,\d*\})/.test(bare.slice(from, from + 12));
    if (c === "(") {
      open.push(false);
    } else if (c === ")") {
      const isLoose = open.pop() ?? false;
      const isRepeated = repeats(at + 1);
      if (isLoose && isRepeated) {
        return false;
      }
      if ((isLoose || isRepeated) && open.length > 0) {
        open[open.length - 1] = true;
      }
    } else if (open.length > 0 && (c === "|" || repeats(at))) {
      open[open.length - 1] = true;
    }
  }
  return true;
}

/** The values as the core takes them: numbers as numbers, JSON as JSON, without what is empty. */
export function output(fields: readonly FormField[], values: FormValues): FormValues {
  let out: FormValues = values;
  for (const field of leaves(fields, values)) {
    const value = valueAt(values, field.path);
    if (value === undefined) {
      continue;
    }
    out = withValue(out, field.path, isEmpty(value) ? undefined : wire(field, value));
  }
  return withoutNothing(out);
}

function wire(field: FormField, value: unknown): unknown {
  switch (field.kind) {
    case "number":
      return Number(String(value).trim());
    case "text":
      return String(value).trim();
    case "json":
      return typeof value === "string" ? JSON.parse(value) : value;
    case "list":
      return field.whole !== null && Array.isArray(value) ? value.map(Number) : value;
    default:
      return value;
  }
}

function withoutNothing(values: FormValues): FormValues {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [
        name,
        typeof value === "object" && value !== null && !Array.isArray(value)
          ? withoutNothing(value as FormValues)
          : value,
      ]),
  );
}

const two = (n: number) => String(n).padStart(2, "0");

/** A point in time for `<input type="datetime-local">`, in UTC; empty where it is none. */
export function toPicker(text: string): string {
  const date = new Date(text);
  if (text.trim() === "" || Number.isNaN(date.getTime())) {
    return "";
  }
  return date.toISOString().slice(0, 19);
}

/** What a picker gave, in the first usual spelling that the pattern accepts. */
export function fromPicker(picked: string, pattern: string | null): string {
  const date = new Date(`${picked}Z`);
  if (picked === "" || Number.isNaN(date.getTime())) {
    return "";
  }
  const day = `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  const spellings = [
    `${day}T${time}Z`,
    `${day}T${time}.000Z`,
    `${day}T${time}.000000Z`,
    `${day}T${time}+00:00`,
    `${day}T${time}`,
    `${day} ${time}`,
    day,
  ];
  return spellings.find((text) => pattern === null || matches(pattern, text)) ?? `${day}T${time}Z`;
}
