/**
 * Schema → rows. A row knows its depth, place among its siblings and whether it is open; what is mapped, sampled
 * or wrong with it is looked up by its path when it is drawn.
 */
import type { Field, FieldType, Schema } from "@/api/bindings";
import { type Filter, type Filterable, isEmpty, type Mark, matches } from "./filter";
import { childPath, leafOf } from "./path";

export type Row = {
  path: string;
  field: Field;
  depth: number;
  /** Counted from 1, for screen readers. */
  position: number;
  siblings: number;
  parent: string | null;
  /** Undefined where there is nothing inside. */
  isOpen?: boolean;
  /** The rule names a field that the schema does not have. */
  isGhost?: boolean;
  /** Does not match the filter, but has something inside that does. */
  isContext?: boolean;
};

/** The rows inside a row, all levels down. Rows stand parents first, so they are one stretch. */
function inside(outline: Outline, row: Row): Row[] {
  const from = outline.all.indexOf(row) + 1;
  const length = outline.all.slice(from).findIndex((other) => other.depth <= row.depth);
  return outline.all.slice(from, length < 0 ? undefined : from + length);
}

/** What the rows of one side need to know besides the schema. */
export type Facts = {
  isMapped: (path: string) => boolean;
  hasProblem: (path: string) => boolean;
  sample: (path: string) => string;
};

/** A schema, laid out once: every field by its path, parents before children. */
export type Outline = {
  all: readonly Row[];
  byPath: ReadonlyMap<string, Row>;
};

/** Deepest nesting that is drawn; data may be deeper. */
const DEEPEST = 24;

export function outlineOf(schema: Schema): Outline {
  const all: Row[] = [];
  const byPath = new Map<string, Row>();
  const visit = (fields: Field[], parent: string | null, prefix: string, depth: number) => {
    fields.forEach((field, index) => {
      const path = childPath(prefix, field.name);
      const hasInside = field.fields.length > 0 && depth < DEEPEST;
      const row: Row = {
        path,
        field,
        depth,
        position: index + 1,
        siblings: fields.length,
        parent,
        ...(hasInside ? { isOpen: true } : {}),
      };
      all.push(row);
      byPath.set(path, row);
      if (hasInside) {
        visit(field.fields, path, field.type === "list" ? `${path}[]` : path, depth + 1);
      }
    });
  };
  visit(schema.fields, null, "", 0);
  return { all, byPath };
}

/** The row of a path; `tags[]` and `tags[0]` are on the row of `tags`. */
export function rowAt(outline: Outline, path: string): Row | undefined {
  for (let here = path; here !== ""; here = here.replace(/\[(?:\d*)\]$/, "")) {
    const row = outline.byPath.get(here);
    if (row) {
      return row;
    }
    if (!/\[\d*\]$/.test(here)) {
      break;
    }
  }
  return outline.byPath.get(path.replace(/\[\d+\]/g, "[]"));
}

/** A row for a path that the schema does not have (any more). */
export function ghostRow(path: string): Row {
  const field: Field = {
    name: leafOf(path),
    label: null,
    description: null,
    type: "any",
    format: null,
    required: false,
    read_only: false,
    nullable: true,
    key: false,
    unique: false,
    max_length: null,
    references: null,
    options: [],
    custom: false,
    inferred: false,
    fields: [],
    items: null,
  };
  return { path, field, depth: 0, position: 1, siblings: 1, parent: null, isGhost: true };
}

/** Paths that rules use and the schema lacks, once each. */
export function orphansOf(outline: Outline, used: Iterable<string>): string[] {
  return [...new Set(used)].filter((path) => !rowAt(outline, path));
}

/** The rows to draw: closed branches and what the filter leaves out are gone, ancestors of a match stay. */
export function visibleRows(
  outline: Outline,
  closed: ReadonlySet<string>,
  filter: Filter,
  facts: Facts,
  ghosts: readonly string[] = [],
): Row[] {
  const rows = isEmpty(filter) ? unfiltered(outline, closed) : filtered(outline, filter, facts);
  const shownGhosts = ghosts
    .map(ghostRow)
    .filter((row) => isEmpty(filter) || matches(filter, filterableOf(row, facts)));
  return [...shownGhosts, ...rows];
}

function unfiltered(outline: Outline, closed: ReadonlySet<string>): Row[] {
  const rows: Row[] = [];
  let hiddenBelow = Number.POSITIVE_INFINITY;
  for (const row of outline.all) {
    if (row.depth > hiddenBelow) {
      continue;
    }
    const isClosed = row.isOpen !== undefined && closed.has(row.path);
    hiddenBelow = isClosed ? row.depth : Number.POSITIVE_INFINITY;
    rows.push(isClosed ? { ...row, isOpen: false } : row);
  }
  return rows;
}

function filtered(outline: Outline, filter: Filter, facts: Facts): Row[] {
  const kept = new Map<string, boolean>();
  for (const row of outline.all) {
    if (!matches(filter, filterableOf(row, facts))) {
      continue;
    }
    kept.set(row.path, true);
    for (
      let parent = row.parent;
      parent !== null;
      parent = outline.byPath.get(parent)?.parent ?? null
    ) {
      if (kept.has(parent)) {
        break;
      }
      kept.set(parent, false);
    }
  }
  return outline.all.flatMap((row) => {
    const isMatch = kept.get(row.path);
    return isMatch === undefined ? [] : isMatch ? [row] : [{ ...row, isContext: true }];
  });
}

function filterableOf(row: Row, facts: Facts): Filterable {
  const { field, path } = row;
  const marks = new Set<Mark>();
  const mark = (is: boolean, name: Mark) => is && marks.add(name);
  const isMapped = facts.isMapped(path);
  mark(isMapped, "mapped");
  mark(!isMapped && row.isOpen === undefined, "unmapped");
  mark(field.required, "required");
  mark(field.key, "key");
  mark(field.unique, "unique");
  mark(field.read_only, "readonly");
  mark(field.custom, "custom");
  mark(field.options.length > 0, "enum");
  const text = [path, field.label, field.description]
    .filter((each) => each !== null)
    .join("\n")
    .toLowerCase();
  return {
    text,
    type: field.type,
    marks,
    hasProblem: facts.hasProblem(path),
    sample: facts.sample(path).toLowerCase(),
  };
}

/** Required fields without a rule: they stand on top. Inside an object that is not required they wait for their siblings. */
export function missingRequired(outline: Outline, isMapped: (path: string) => boolean): Row[] {
  return outline.all.filter((row) => {
    if (!row.field.required || row.field.read_only || isMapped(row.path)) {
      return false;
    }
    if (inside(outline, row).some((other) => isMapped(other.path))) {
      return false;
    }
    const parent = row.parent === null ? undefined : outline.byPath.get(row.parent);
    if (!parent) {
      return true;
    }
    return (
      !isMapped(parent.path) &&
      (parent.field.required || inside(outline, parent).some((other) => isMapped(other.path)))
    );
  });
}

/** Mapped and mappable leaves inside a container: the "3 of 4 mapped" on its row. */
export function coverage(
  outline: Outline,
  path: string,
  isMapped: (path: string) => boolean,
): { mapped: number; total: number } {
  const row = outline.byPath.get(path);
  const leaves = row
    ? inside(outline, row).filter((each) => each.isOpen === undefined && !each.field.read_only)
    : [];
  return { mapped: leaves.filter((row) => isMapped(row.path)).length, total: leaves.length };
}

/** The nearest row of a list that shows this path: itself, or the ancestor that hides it. */
export function nearestVisible(
  outline: Outline,
  indexOf: ReadonlyMap<string, number>,
  path: string,
): string | null {
  let here = rowAt(outline, path)?.path ?? (indexOf.has(path) ? path : null);
  while (here !== null && !indexOf.has(here)) {
    here = outline.byPath.get(here)?.parent ?? null;
  }
  return here;
}

/** Type-ahead: the next row after `from` whose name or label begins with what was typed, going round. */
export function typeAhead(rows: readonly Row[], from: number, typed: string): number {
  const wanted = typed.toLowerCase();
  for (let n = 0; n < rows.length; n++) {
    // While more letters come the present row may stay; a first letter goes on to the next.
    const at = (Math.max(from, 0) + n + (typed.length === 1 ? 1 : 0)) % rows.length;
    const field = rows[at]?.field;
    if (
      field &&
      (field.name.toLowerCase().startsWith(wanted) || field.label?.toLowerCase().startsWith(wanted))
    ) {
      return at;
    }
  }
  return -1;
}

/** Children of two containers that belong together by name, as pairs of paths. */
export function pairByName(source: Row, target: Row): { pairs: [string, string][]; total: number } {
  const plain = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  const pairs: [string, string][] = [];
  const visit = (from: Field, to: Field, fromPath: string, toPath: string, depth: number) => {
    const byName = new Map(from.fields.map((field) => [plain(field.name), field]));
    for (const child of to.fields) {
      const match = byName.get(plain(child.name));
      if (!match || child.read_only || depth > DEEPEST) {
        continue;
      }
      const [matchPath, childTarget] = [
        childPath(fromPath, match.name),
        childPath(toPath, child.name),
      ];
      if (isContainer(match.type) && isContainer(child.type) && child.fields.length > 0) {
        visit(match, child, matchPath, childTarget, depth + 1);
      } else {
        pairs.push([matchPath, childTarget]);
      }
    }
  };
  visit(source.field, target.field, source.path, target.path, 0);
  return { pairs, total: target.field.fields.filter((field) => !field.read_only).length };
}

function isContainer(type: FieldType): boolean {
  return type === "object";
}

/** The field whose name is most like that of a lost one: shared letters in pairs, the place in the tree as a tie-break. */
export function bestPartner(lost: string, candidates: readonly Row[]): Row | undefined {
  const wanted = pairsOf(leafOf(lost));
  let best: { row: Row; score: number } | undefined;
  for (const row of candidates) {
    const own = pairsOf(row.field.name);
    const shared = [...own].filter((pair) => wanted.has(pair)).length;
    const score =
      (2 * shared) / Math.max(1, own.size + wanted.size) +
      (row.path.split(".").length === lost.split(".").length ? 0.05 : 0);
    if (!best || score > best.score) {
      best = { row, score };
    }
  }
  return best && best.score > 0.3 ? best.row : undefined;
}

function pairsOf(name: string): Set<string> {
  const plain = name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  return new Set(
    plain.length < 2
      ? [plain]
      : Array.from({ length: plain.length - 1 }, (_, at) => plain.slice(at, at + 2)),
  );
}
