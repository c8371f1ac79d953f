/** A connect form, read from the JSON schema of a connector's settings. Pure: no page, no network. */

export type FormValues = { [name: string]: unknown };

type Common = {
  name: string;
  path: string[];
  label: string;
  hint: string | null;
  example: string | null;
  required: boolean;
  /** Optional, but shown with the required ones. */
  alwaysShow: boolean;
  group: string | null;
};

export type TextFormat = "date" | "date-time" | "email" | "uri";

export type FormField = Common &
  (
    | {
        kind: "text";
        secret: boolean;
        multiline: boolean;
        format: TextFormat | null;
        pattern: string | null;
        /** The pattern in words: "YYYY-MM-DD". */
        patternWords: string | null;
        minLength: number | null;
        maxLength: number | null;
      }
    | {
        kind: "number";
        whole: boolean;
        secret: boolean;
        minimum: number | null;
        maximum: number | null;
      }
    | { kind: "flag" }
    | { kind: "option"; options: unknown[] }
    | { kind: "list"; options: unknown[] | null; secret: boolean; whole: boolean | null }
    | { kind: "group"; fields: FormField[] }
    | { kind: "choice"; branches: Branch[]; fields: FormField[] }
    | { kind: "json" }
  );

/** One of several kinds that a group of settings can be. */
export type Branch = {
  title: string;
  hint: string | null;
  /** What tells it apart: members that always have these values. */
  constants: FormValues;
  fields: FormField[];
};

type Raw = Record<string, unknown>;

const DEEPEST = 8;

function isRaw(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const text = (raw: Raw, name: string): string | null => {
  const value = raw[name];
  return typeof value === "string" && value !== "" ? value : null;
};

const number = (raw: Raw, name: string): number | null => {
  const value = raw[name];
  return typeof value === "number" ? value : null;
};

/** The fields of a form, in the order of the schema. Hidden ones are left out. */
export function readForm(schema: unknown): FormField[] {
  return isRaw(schema) ? members(schema, [], 0) : [];
}

/** What is to be said of the settings as a whole. */
export function readIntro(schema: unknown): string | null {
  return isRaw(schema) ? plain(text(schema, "description")) : null;
}

/** The headings of groups of fields, by their ids. */
export function readGroups(schema: unknown): Map<string, string> {
  const groups = new Map<string, string>();
  const listed = isRaw(schema) && Array.isArray(schema.groups) ? schema.groups : [];
  for (const each of listed) {
    if (isRaw(each) && typeof each.id === "string") {
      groups.set(each.id, text(each, "title") ?? each.id);
    }
  }
  return groups;
}

function members(schema: Raw, path: string[], depth: number): FormField[] {
  const properties = isRaw(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(properties)
    .filter((entry): entry is [string, Raw] => isRaw(entry[1]))
    .filter(([, property]) => property.airbyte_hidden !== true && constant(property) === undefined)
    .map(([name, property], index) => ({
      order: number(property, "order") ?? Number.MAX_SAFE_INTEGER,
      index,
      field: field(name, property, [...path, name], required.includes(name), depth),
    }))
    .sort((left, right) => left.order - right.order || left.index - right.index)
    .map(({ field }) => field);
}

/** What a property always is. */
function constant(schema: Raw): unknown {
  if ("const" in schema) {
    return schema.const;
  }
  return Array.isArray(schema.enum) && schema.enum.length === 1 ? schema.enum[0] : undefined;
}

function types(schema: Raw): string[] {
  const { type } = schema;
  const all = Array.isArray(type) ? type : [type];
  return all.filter((each): each is string => typeof each === "string" && each !== "null");
}

function field(
  name: string,
  schema: Raw,
  path: string[],
  required: boolean,
  depth: number,
): FormField {
  const examples = Array.isArray(schema.examples) ? schema.examples : [];
  const common: Common = {
    name,
    path,
    label: text(schema, "title") ?? words(name),
    hint: plain(text(schema, "description")),
    example: examples[0] === undefined ? null : shown(examples[0]),
    required,
    alwaysShow: schema.always_show === true,
    group: text(schema, "group"),
  };
  const secret = schema.airbyte_secret === true;
  const branches = [schema.oneOf, schema.anyOf].find(Array.isArray);
  if (branches?.every(isRaw) && branches.some((branch) => isRaw(branch.properties))) {
    if (depth < DEEPEST) {
      return {
        ...common,
        kind: "choice",
        fields: members(schema, path, depth + 1),
        branches: branches.map((branch, index) => readBranch(branch, index, path, depth + 1)),
      };
    }
    return { ...common, kind: "json" };
  }
  const [type] = types(schema);
  if (Array.isArray(schema.enum) && type !== "array") {
    return { ...common, kind: "option", options: schema.enum };
  }
  switch (type) {
    case "integer":
    case "number":
      return {
        ...common,
        kind: "number",
        whole: type === "integer",
        secret,
        minimum: number(schema, "minimum"),
        maximum: number(schema, "maximum"),
      };
    case "boolean":
      return { ...common, kind: "flag" };
    case "array": {
      const items = isRaw(schema.items) ? schema.items : {};
      const [item] = types(items);
      if (item === "object" || item === "array") {
        return { ...common, kind: "json" };
      }
      return {
        ...common,
        kind: "list",
        options: Array.isArray(items.enum) ? items.enum : null,
        secret: secret || items.airbyte_secret === true,
        whole: item === "integer" ? true : item === "number" ? false : null,
      };
    }
    case "object":
      if (depth < DEEPEST && isRaw(schema.properties)) {
        return { ...common, kind: "group", fields: members(schema, path, depth + 1) };
      }
      return { ...common, kind: "json" };
    default: {
      const format = text(schema, "format");
      return {
        ...common,
        kind: "text",
        secret,
        multiline: schema.multiline === true,
        format:
          format === "date" || format === "date-time" || format === "email" || format === "uri"
            ? format
            : null,
        pattern: text(schema, "pattern"),
        patternWords: text(schema, "pattern_descriptor"),
        minLength: number(schema, "minLength"),
        maxLength: number(schema, "maxLength"),
      };
    }
  }
}

function readBranch(schema: Raw, index: number, path: string[], depth: number): Branch {
  const properties = isRaw(schema.properties) ? schema.properties : {};
  const constants: FormValues = {};
  for (const [name, property] of Object.entries(properties)) {
    const value = isRaw(property) ? constant(property) : undefined;
    if (value !== undefined) {
      constants[name] = value;
    }
  }
  return {
    title: text(schema, "title") ?? Object.values(constants).map(shown)[0] ?? `Kind ${index + 1}`,
    hint: plain(text(schema, "description")),
    constants,
    fields: members(schema, path, depth),
  };
}

/** Descriptions come with links and marks of a web page: their text alone. */
function plain(description: string | null): string | null {
  if (description === null) {
    return null;
  }
  return description
    .replace(/<[^>]*>/g, "")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\s+/g, " ")
    .trim();
}

function words(name: string): string {
  const spaced = name.replaceAll(/[_-]+/g, " ").trim();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

export function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The key of a field in maps of errors. */
export function pathKey(path: readonly string[]): string {
  return path.join(".");
}

/** Whether a stored value stands for a secret in the keychain. */
export function isKept(value: unknown): boolean {
  return isRaw(value) && Object.keys(value).length === 1 && typeof value.$secret === "string";
}

export function valueAt(values: unknown, path: readonly string[]): unknown {
  let found = values;
  for (const name of path) {
    found = isRaw(found) ? found[name] : undefined;
  }
  return found;
}

/** The values with one of them replaced; nothing is changed in place. */
export function withValue(values: FormValues, path: readonly string[], value: unknown): FormValues {
  const [name, ...rest] = path;
  if (name === undefined) {
    return values;
  }
  const below = values[name];
  return {
    ...values,
    [name]: rest.length === 0 ? value : withValue(isRaw(below) ? below : {}, rest, value),
  };
}

/** What a form begins with: what is stored, else the defaults of the schema. Secrets begin empty. */
export function beginning(schema: unknown, stored: unknown): FormValues {
  return isRaw(schema) ? defaults(schema, isRaw(stored) ? stored : {}, 0) : {};
}

function defaults(schema: Raw, stored: Raw, depth: number): FormValues {
  const values: FormValues = {};
  const properties = isRaw(schema.properties) ? schema.properties : {};
  for (const [name, property] of Object.entries(properties)) {
    if (!isRaw(property)) {
      continue;
    }
    const value = defaultOf(property, stored[name], depth);
    if (value !== undefined) {
      values[name] = value;
    }
  }
  return values;
}

function defaultOf(schema: Raw, stored: unknown, depth: number): unknown {
  if (isKept(stored)) {
    return undefined;
  }
  const branches = [schema.oneOf, schema.anyOf].find(Array.isArray);
  if (branches?.every(isRaw) && depth < DEEPEST) {
    const kept = isRaw(stored) ? stored : isRaw(schema.default) ? schema.default : {};
    const chosen = branches.find((branch) => fits(branch, kept)) ?? branches[0];
    return {
      ...defaults(schema, kept, depth + 1),
      ...(chosen === undefined ? {} : defaults(chosen, kept, depth + 1)),
    };
  }
  if (isRaw(schema.properties) && depth < DEEPEST) {
    const kept = isRaw(stored) ? stored : isRaw(schema.default) ? schema.default : {};
    return defaults(schema, kept, depth + 1);
  }
  const value = stored ?? schema.default ?? constant(schema);
  if (Array.isArray(value)) {
    return value.filter((item) => !isKept(item));
  }
  return typeof value === "number" ? String(value) : value;
}

function fits(branch: Raw, values: Raw): boolean {
  const { constants } = readBranch(branch, 0, [], DEEPEST);
  const entries = Object.entries(constants);
  return entries.length > 0 && entries.every(([name, value]) => values[name] === value);
}

/** Which kind a group of settings is at the moment. */
export function chosenBranch(
  field: Extract<FormField, { kind: "choice" }>,
  values: FormValues,
): number {
  const at = valueAt(values, field.path);
  const index = field.branches.findIndex((branch) =>
    Object.entries(branch.constants).every(([name, value]) => isRaw(at) && at[name] === value),
  );
  return Math.max(index, 0);
}

/** The values after another kind was chosen: what both kinds have stays. */
export function withBranch(
  field: Extract<FormField, { kind: "choice" }>,
  values: FormValues,
  index: number,
): FormValues {
  const branch = field.branches[index];
  if (branch === undefined) {
    return values;
  }
  const before = valueAt(values, field.path);
  const names = new Set([...branch.fields, ...field.fields].map((each) => each.name));
  const kept = isRaw(before)
    ? Object.fromEntries(Object.entries(before).filter(([name]) => names.has(name)))
    : {};
  return withValue(values, field.path, { ...kept, ...branch.constants });
}

/** The fields that the chosen kinds have, groups opened up. */
export function leaves(fields: readonly FormField[], values: FormValues): FormField[] {
  return fields.flatMap((each) => {
    if (each.kind === "group") {
      return leaves(each.fields, values);
    }
    if (each.kind === "choice") {
      const branch = each.branches[chosenBranch(each, values)];
      return [...leaves(each.fields, values), ...leaves(branch?.fields ?? [], values)];
    }
    return [each];
  });
}
