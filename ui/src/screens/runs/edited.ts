import type { RunRecordDetail } from "@/api/bindings";

export type Given = { path: string; value: unknown };

/** What of a record can be typed anew. What could not be made or was refused comes first. */
export function fieldsOf({ fields, summary }: Pick<RunRecordDetail, "fields" | "summary">): {
  fields: Given[];
  /** How many of the first are what was refused. */
  refused: number;
} {
  // A list is typed as a whole.
  const refused = (summary.field ?? "").replace(/\[\d*\].*$/, "");
  const isRefused = ({ path }: Given) =>
    path === refused || path.startsWith(`${refused}.`) || path.startsWith(`${refused}[`);
  const given = fields.map(({ path, after }): Given => ({ path, value: after }));
  const first = refused === "" ? [] : given.filter(isRefused);
  if (refused !== "" && first.length === 0) {
    first.push({ path: refused, value: undefined });
  }
  const rest = given.filter((field) => !first.includes(field));
  return { fields: [...first, ...rest], refused: first.length };
}

/** A value as a person types it: text as it is, anything else as JSON. */
export function typed(value: unknown): string {
  if (value === undefined || value === null) {
    return "";
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** More than fits on a line. */
export function isLong(value: unknown): boolean {
  const text = typed(value);
  return text.length > 80 || text.includes("\n");
}

/** What was typed, as a value of the kind that was there: a text stays a text even where it looks like a number. */
function read(text: string, was: unknown): unknown {
  if (typeof was === "string") {
    return text;
  }
  if (text === "") {
    return null;
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The fields whose text was changed, with what is to be in them. */
export function edited(
  fields: readonly Given[],
  texts: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  for (const { path, value } of fields) {
    const text = texts[path];
    if (text !== undefined && text !== typed(value)) {
      changes[path] = read(text, value);
    }
  }
  return changes;
}
