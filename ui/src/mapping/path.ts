/** Field paths as the backend writes them: `address.city`, `tags[]`, `items[0].sku`, `custom["odd.name"]`. */

export type Segment =
  | { kind: "name"; name: string }
  | { kind: "each" }
  | { kind: "index"; index: number };

const STEP = /\.?([^.[\]"\\]+)|\[\]|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]/y;

/** The steps of a path; null when it cannot be read. */
export function segmentsOf(path: string): Segment[] | null {
  const segments: Segment[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < path.length) {
    const found = STEP.exec(path);
    if (!found) {
      return null;
    }
    if (found[1] !== undefined) {
      segments.push({ kind: "name", name: found[1] });
    } else if (found[2] !== undefined) {
      segments.push({ kind: "index", index: Number(found[2]) });
    } else if (found[3] !== undefined) {
      segments.push({ kind: "name", name: found[3].replace(/\\(.)/g, "$1") });
    } else {
      segments.push({ kind: "each" });
    }
  }
  return segments;
}

/** `parent` and one more name. */
export function childPath(parent: string, name: string): string {
  if (/^[^.[\]"\\]+$/.test(name)) {
    return parent === "" ? name : `${parent}.${name}`;
  }
  return `${parent}["${name.replace(/\\/g, "\\\\").replace(/"/g, '\\"')}"]`;
}

/** The last name on a path. */
export function leafOf(path: string): string {
  const names = (segmentsOf(path) ?? []).filter((segment) => segment.kind === "name");
  return names.at(-1)?.name ?? path;
}

/** Whether `path` lies below `ancestor`. */
export function isBelow(path: string, ancestor: string): boolean {
  const next = path[ancestor.length];
  return path.startsWith(ancestor) && (next === "." || next === "[");
}

/** What a record holds there; undefined when it has no such member. `[]` gathers from every item. */
export function valueAt(record: unknown, path: string): unknown {
  const segments = segmentsOf(path);
  return segments ? read(record, segments) : undefined;
}

function read(here: unknown, [segment, ...rest]: Segment[]): unknown {
  switch (segment?.kind) {
    case undefined:
      return here;
    case "name":
      return isObject(here) && Object.hasOwn(here, segment.name)
        ? read(here[segment.name], rest)
        : undefined;
    case "index":
      return Array.isArray(here) && segment.index < here.length
        ? read(here[segment.index], rest)
        : undefined;
    case "each":
      return Array.isArray(here)
        ? here.map((item) => read(item, rest)).filter((value) => value !== undefined)
        : undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
