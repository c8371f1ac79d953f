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

/**
 * JSON with line breaks where it is JSON, also where its end is missing; else the text as it is. It is not read:
 * numbers keep digits that JavaScript's own do not have.
 */
export function prettyJson(text: string): string {
  const start = text.trimStart();
  if (!/^(\{\s*(["}]|$)|\[\s*(["{[\]\d-]|true|false|null|$))/.test(start)) {
    return text;
  }
  let out = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  // Strings as a whole, also one that is cut off; then signs, words and numbers.
  for (const [token] of start.matchAll(/"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^\s{}[\],:"]+/gs)) {
    switch (token) {
      case "{":
      case "[":
        depth++;
        out += token + line();
        break;
      case "}":
      case "]":
        depth = Math.max(depth - 1, 0);
        // Nothing inside: both brackets side by side.
        out = /[{[]\s*$/.test(out.slice(-200)) ? out.trimEnd() : out + line();
        out += token;
        break;
      case ",":
        out += token + line();
        break;
      case ":":
        out += ": ";
        break;
      default:
        out += token;
    }
  }
  return out.trimEnd();
}
