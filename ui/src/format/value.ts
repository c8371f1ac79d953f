/** Whether a value counts as nothing in a before–after comparison. */
export function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

/** A record's value on one line. Spaces at the ends are made visible. */
export function valueText(value: unknown): string {
  if (value === undefined || value === null) {
    return "–";
  }
  if (typeof value === "string") {
    return value === ""
      ? "(empty)"
      : value.replace(/^ +| +$/g, (spaces) => "␣".repeat(spaces.length));
  }
  if (typeof value === "boolean") {
    return value ? "yes" : "no";
  }
  if (typeof value === "number" || typeof value === "bigint") {
    return String(value);
  }
  return JSON.stringify(value);
}

/** JSON with line breaks where it is JSON, else the text as it is. */
export function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
