/** What can stand at a place of a connector file, by its JSON schema. Pure: text in, suggestions out. */

type Schema = Record<string, unknown>;

export type Suggestion = { label: string; detail: string | null; apply: string };

export type Completion = { from: number; suggestions: Suggestion[] };

const DEEPEST = 60;

/** What can be typed at `position` of `text`; null where nothing is known. */
export function complete(root: unknown, text: string, position: number): Completion | null {
  if (!isSchema(root)) {
    return null;
  }
  const before = text.slice(0, position);
  const lineStart = before.lastIndexOf("\n") + 1;
  const typed = before.slice(lineStart);
  const line = before.split("\n").length - 1;
  const lines = text.split("\n").map(entriesOf);
  const setting = /\{\{[^}]*\bconfig(?:\[\s*["']|\.)(\w*)$/.exec(typed);
  if (setting !== null) {
    return {
      from: position - (setting[1] ?? "").length,
      suggestions: membersUnder(lines, ["spec", "connection_specification", "properties"]).map(
        (label) => ({ label, detail: "A setting of the connection.", apply: label }),
      ),
    };
  }
  const asReference = /^\s*(?:- +)*(?:[\w$]+:[ \t]+)?\$ref:[ \t]+(["']?)([#\w./-]*)$/.exec(typed);
  if (asReference !== null) {
    const [, quote = "", word = ""] = asReference;
    return {
      from: position - word.length,
      suggestions: membersUnder(lines, ["definitions"]).map((name) => {
        const label = `#/definitions/${name}`;
        // Without quotes the rest would be a comment.
        return { label, detail: null, apply: quote === "" ? `"${label}"` : label };
      }),
    };
  }
  const asValue = /^(\s*(?:- +)*)([\w$]+):[ \t]+["']?([\w.-]*)$/.exec(typed);
  if (asValue !== null) {
    const [, lead = "", key = "", word = ""] = asValue;
    const maps = mapsAt(root, lines, line, lead.length);
    const known = values(root, maps, key);
    return {
      from: position - word.length,
      // Where anything may stand, as under `definitions`, it can be any component.
      suggestions: known.length === 0 && key === "type" && maps.length === 0 ? kinds(root) : known,
    };
  }
  const asKey = /^(\s*(?:- +)*)([\w$]*)$/.exec(typed);
  if (asKey !== null) {
    const [, lead = "", word = ""] = asKey;
    const maps = mapsAt(root, lines, line, lead.length);
    const present = new Set(
      siblings(lines, line, lead.length)
        .filter((entry) => entry.line !== line)
        .map((entry) => entry.key),
    );
    return {
      from: position - word.length,
      suggestions: keys(root, maps).filter((each) => !present.has(each.label)),
    };
  }
  return null;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type Entry = { line: number; indent: number; key: string | null; value: string };

/** The items and members that begin on a line, from left to right. An item has no key. */
function entriesOf(text: string, line: number): Entry[] {
  const entries: Entry[] = [];
  let rest = text;
  let column = 0;
  for (;;) {
    const spaces = /^ */.exec(rest)?.[0].length ?? 0;
    column += spaces;
    rest = rest.slice(spaces);
    if (rest === "-" || rest.startsWith("- ")) {
      entries.push({ line, indent: column, key: null, value: "" });
      column += 1;
      rest = rest.slice(1);
      continue;
    }
    const member = /^(["']?)([\w$.-]+)\1:(?:\s+(.*))?$/.exec(rest);
    if (member !== null && !rest.startsWith("#")) {
      const value = (member[3] ?? "").replace(/\s+#.*$/, "").trim();
      entries.push({ line, indent: column, key: member[2] ?? "", value });
    }
    return entries;
  }
}

/** The members of the map whose members stand at `indent` around a line. */
function siblings(lines: Entry[][], line: number, indent: number): Entry[] {
  const found: Entry[] = [];
  const own = lines[line]?.filter((entry) => entry.key !== null && entry.indent === indent) ?? [];
  found.push(...own);
  const startsHere = (lines[line] ?? []).some(
    (entry) => entry.key === null && entry.indent < indent,
  );
  for (let at = line - 1; at >= 0 && !startsHere; at--) {
    const entries = lines[at] ?? [];
    const member = entries.find((entry) => entry.key !== null && entry.indent === indent);
    if (member !== undefined) {
      found.push(member);
    }
    if (entries.some((entry) => entry.indent < indent)) {
      break;
    }
  }
  for (let at = line + 1; at < lines.length; at++) {
    const entries = lines[at] ?? [];
    if (entries.some((entry) => entry.indent < indent)) {
      break;
    }
    const member = entries.find((entry) => entry.key !== null && entry.indent === indent);
    if (member !== undefined) {
      found.push(member);
    }
  }
  return found;
}

type Step = { key: string | null; line: number; indent: number };

/** The way from the top of the file to the map at a place: members and items. */
function wayTo(lines: Entry[][], line: number, indent: number): Step[] {
  const way: Step[] = [];
  let current = indent;
  let item: number | null = null;
  for (let at = line; at >= 0; at--) {
    const entries = lines[at] ?? [];
    for (const entry of [...entries].reverse()) {
      const isAbove = at < line || entry.key === null;
      if (!isAbove || entry.indent >= current || (entry.key === null && entry.indent === item)) {
        continue;
      }
      way.push({ key: entry.key, line: at, indent: entry.indent });
      if (entry.key === null) {
        // A list may stand as far left as the member that it belongs to.
        item = entry.indent;
        current = entry.indent + 0.5;
      } else {
        item = null;
        current = entry.indent;
      }
    }
  }
  return way.reverse();
}

/** The schemas that the map at a place may have. */
function mapsAt(root: Schema, lines: Entry[][], line: number, indent: number): Schema[] {
  let schemas = branches(root, root);
  const way = wayTo(lines, line, indent);
  for (const [index, step] of way.entries()) {
    if (index > DEEPEST) {
      return [];
    }
    if (step.key === null) {
      schemas = schemas.flatMap((schema) => branches(root, schema.items));
    } else {
      const { key } = step;
      schemas = narrowed(root, schemas, lines, step.line, step.indent).flatMap((schema) =>
        branches(root, property(schema, key)),
      );
    }
  }
  return narrowed(root, schemas, lines, line, indent);
}

/** Of several kinds the one that the member `type` names, if it names one; of unknown ones too. */
function narrowed(
  root: Schema,
  schemas: Schema[],
  lines: Entry[][],
  line: number,
  indent: number,
): Schema[] {
  const type = siblings(lines, line, indent)
    .find((entry) => entry.key === "type")
    ?.value.replaceAll(/["']/g, "");
  if (type === undefined || type === "") {
    return schemas;
  }
  const fitting = schemas.filter((schema) => constOf(property(schema, "type")) === type);
  if (fitting.length > 0) {
    return fitting;
  }
  return schemas.length > 0
    ? schemas
    : definitions(root).filter((schema) => constOf(property(schema, "type")) === type);
}

/** All schemas that others refer to. */
function definitions(root: Schema): Schema[] {
  return [root.$defs, root.definitions].flatMap((all) =>
    isSchema(all) ? Object.values(all).filter(isSchema) : [],
  );
}

/** Every component there is. */
function kinds(root: Schema): Suggestion[] {
  return definitions(root).flatMap((schema) => {
    const name = constOf(property(schema, "type"));
    return typeof name === "string"
      ? [{ label: name, detail: describe(root, schema), apply: name }]
      : [];
  });
}

/** The names of the members of a map, by the way to it from the top. */
function membersUnder(lines: Entry[][], way: readonly string[]): string[] {
  const found: string[] = [];
  // How far in the member of each step stands, and the members below the last.
  const indents: number[] = [];
  for (const entry of lines.flat()) {
    while (indents.length > 0 && entry.indent <= (indents.at(-1) ?? 0)) {
      indents.pop();
    }
    const depth = indents.length;
    if (depth === way.length) {
      found.push(...(entry.key === null ? [] : [entry.key]));
      indents.push(entry.indent);
    } else if (
      depth < way.length &&
      entry.key === way[depth] &&
      (depth > 0 || entry.indent === 0)
    ) {
      indents.push(entry.indent);
    }
  }
  return found;
}

function property(schema: Schema, name: string): unknown {
  const named = isSchema(schema.properties) ? schema.properties[name] : undefined;
  // What is said of members of any name, such as streams under `writes`.
  return named ?? schema.additionalProperties;
}

function constOf(schema: unknown): unknown {
  return isSchema(schema) ? schema.const : undefined;
}

/** A schema with its references followed and its alternatives opened up. */
function branches(root: Schema, schema: unknown, depth = 0): Schema[] {
  if (!isSchema(schema) || depth > DEEPEST) {
    return [];
  }
  const found: Schema[] = [];
  if (typeof schema.$ref === "string") {
    found.push(...branches(root, referred(root, schema.$ref), depth + 1));
  }
  for (const word of ["anyOf", "oneOf", "allOf"]) {
    const list = schema[word];
    if (Array.isArray(list)) {
      found.push(...list.flatMap((each) => branches(root, each, depth + 1)));
    }
  }
  const isOwn = ["properties", "items", "enum", "const"].some((word) => word in schema);
  return isOwn || found.length === 0 ? [schema, ...found] : found;
}

function referred(root: Schema, reference: string): unknown {
  let found: unknown = root;
  for (const part of reference.replace(/^#\/?/, "").split("/")) {
    if (part !== "") {
      found = isSchema(found) ? found[part.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
    }
  }
  return found;
}

function describe(root: Schema, schema: unknown): string | null {
  const found = branches(root, schema).find((each) => typeof each.description === "string");
  return found === undefined ? null : String(found.description);
}

function keys(root: Schema, schemas: Schema[]): Suggestion[] {
  const found = new Map<string, Suggestion>();
  const needed = new Set<string>();
  for (const schema of schemas) {
    for (const name of Array.isArray(schema.required) ? schema.required : []) {
      needed.add(String(name));
    }
    const properties = isSchema(schema.properties) ? schema.properties : {};
    for (const [name, below] of Object.entries(properties)) {
      if (!found.has(name)) {
        found.set(name, { label: name, detail: describe(root, below), apply: `${name}: ` });
      }
    }
  }
  // What must be there comes first, and the type before everything.
  const rank = (name: string) => (name === "type" ? 0 : needed.has(name) ? 1 : 2);
  return [...found.values()].sort((left, right) => rank(left.label) - rank(right.label));
}

function values(root: Schema, schemas: Schema[], key: string): Suggestion[] {
  const found = new Map<string, Suggestion>();
  const add = (value: unknown, detail: string | null) => {
    const text = String(value);
    if (!found.has(text)) {
      found.set(text, { label: text, detail, apply: text });
    }
  };
  for (const schema of schemas) {
    const own = typeof schema.description === "string" ? schema.description : null;
    for (const below of branches(root, property(schema, key))) {
      if ("const" in below) {
        add(below.const, own);
      }
      for (const option of Array.isArray(below.enum) ? below.enum : []) {
        add(option, null);
      }
      const types = Array.isArray(below.type) ? below.type : [below.type];
      if (types.includes("boolean") && !types.includes("number")) {
        add(true, null);
        add(false, null);
      }
    }
  }
  return [...found.values()];
}
