/** What two texts have in common, line by line. */

export type DiffLine = {
  kind: "same" | "gone" | "new";
  text: string;
  /** Its number in the text before, from 1. */
  before: number | null;
  /** Its number in the text after, from 1. */
  after: number | null;
};

/** A run of lines that are shown, or how many are left out in between. */
export type Hunk = { lines: DiffLine[] } | { left_out: number };

/** Edits beyond which a text counts as another one. */
const MOST_EDITS = 1_000;

/** Every line of both texts, in order. */
export function diffLines(before: string, after: string): DiffLine[] {
  const old = splitLines(before);
  const now = splitLines(after);
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) {
    start++;
  }
  let oldEnd = old.length;
  let nowEnd = now.length;
  while (oldEnd > start && nowEnd > start && old[oldEnd - 1] === now[nowEnd - 1]) {
    oldEnd--;
    nowEnd--;
  }
  const kinds = middle(old.slice(start, oldEnd), now.slice(start, nowEnd));
  const all: DiffLine["kind"][] = [
    ...Array<DiffLine["kind"]>(start).fill("same"),
    ...kinds,
    ...Array<DiffLine["kind"]>(old.length - oldEnd).fill("same"),
  ];
  let left = 0;
  let right = 0;
  return all.map((kind) => {
    const isOld = kind !== "new";
    const isNow = kind !== "gone";
    const text = (isOld ? old[left] : now[right]) ?? "";
    left += isOld ? 1 : 0;
    right += isNow ? 1 : 0;
    return { kind, text, before: isOld ? left : null, after: isNow ? right : null };
  });
}

function splitLines(text: string): string[] {
  if (text === "") {
    return [];
  }
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  // A line's end is no line of its own.
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

/** The shortest way from one list to the other (Myers 1986), or everything gone and everything new. */
function middle(old: string[], now: string[]): DiffLine["kind"][] {
  const most = Math.min(old.length + now.length, MOST_EDITS);
  const reached: Map<number, number>[] = [];
  let furthest = new Map<number, number>([[1, 0]]);
  for (let edits = 0; edits <= most; edits++) {
    const next = new Map<number, number>();
    for (let k = -edits; k <= edits; k += 2) {
      const down = furthest.get(k + 1) ?? -1;
      const right = furthest.get(k - 1) ?? -1;
      let x = k === -edits || (k !== edits && right < down) ? down : right + 1;
      let y = x - k;
      while (x < old.length && y < now.length && old[x] === now[y]) {
        x++;
        y++;
      }
      next.set(k, x);
      if (x >= old.length && y >= now.length) {
        return wayBack(reached, furthest, old.length, now.length, edits);
      }
    }
    reached.push(furthest);
    furthest = next;
  }
  return [
    ...Array<DiffLine["kind"]>(old.length).fill("gone"),
    ...Array<DiffLine["kind"]>(now.length).fill("new"),
  ];
}

function wayBack(
  reached: Map<number, number>[],
  last: Map<number, number>,
  oldLength: number,
  nowLength: number,
  edits: number,
): DiffLine["kind"][] {
  const kinds: DiffLine["kind"][] = [];
  const steps = [...reached, last];
  let x = oldLength;
  let y = nowLength;
  for (let d = edits; d > 0; d--) {
    const furthest = steps[d] ?? last;
    const k = x - y;
    const down = furthest.get(k + 1) ?? -1;
    const right = furthest.get(k - 1) ?? -1;
    const isDown = k === -d || (k !== d && right < down);
    const fromX = isDown ? down : right;
    const fromY = fromX - (isDown ? k + 1 : k - 1);
    const startX = isDown ? fromX : fromX + 1;
    while (x > startX) {
      kinds.push("same");
      x--;
      y--;
    }
    kinds.push(isDown ? "new" : "gone");
    x = fromX;
    y = fromY;
  }
  while (x > 0 && y > 0) {
    kinds.push("same");
    x--;
    y--;
  }
  return kinds.reverse();
}

/** What differs with a few lines around it; the rest is counted. */
export function hunks(lines: readonly DiffLine[], around = 3): Hunk[] {
  const near = lines.map(() => false);
  for (const [index, line] of lines.entries()) {
    if (line.kind !== "same") {
      const end = Math.min(index + around, lines.length - 1);
      for (let at = Math.max(index - around, 0); at <= end; at++) {
        near[at] = true;
      }
    }
  }
  const found: Hunk[] = [];
  for (const [index, line] of lines.entries()) {
    const last = found.at(-1);
    if (near[index]) {
      if (last !== undefined && "lines" in last) {
        last.lines.push(line);
      } else {
        found.push({ lines: [line] });
      }
    } else if (last !== undefined && "left_out" in last) {
      last.left_out++;
    } else {
      found.push({ left_out: 1 });
    }
  }
  return found;
}
