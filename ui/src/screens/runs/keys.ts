const LAST = "\u{10ffff}";

/** A text that stands right before a key in the order of the store: a page after it begins with the key, if it is there. */
export function rightBefore(key: string): string | null {
  const letters = [...key];
  const code = letters.pop()?.codePointAt(0);
  if (code === undefined) {
    return null;
  }
  const start = letters.join("");
  if (code === 0) {
    return start;
  }
  // Halves of letters are no letters.
  const previous = code === 0xe000 ? 0xd7ff : code - 1;
  return start + String.fromCodePoint(previous) + LAST;
}
