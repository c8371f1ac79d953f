type Given = { path: string; value: unknown };

/** A value as a person types it: text as it is, anything else as JSON. */
export function typed(value: unknown): string {
  if (value === undefined || value === null) {
    return "";
  }
  return typeof value === "string" ? value : JSON.stringify(value);
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
