/** The query in the find fields: `type:date is:unmapped is:required has:problem sample:"@acme" name`. */
import type { FieldType } from "@/api/bindings";

export type Filter = {
  /** Each must occur in name, label, path or description. */
  words: string[];
  types: FieldType[];
  is: Mark[];
  hasProblem: boolean;
  samples: string[];
};

const MARKS = [
  "mapped",
  "unmapped",
  "required",
  "key",
  "unique",
  "readonly",
  "custom",
  "enum",
] as const;
export type Mark = (typeof MARKS)[number];

/** What of a row a filter looks at. */
export type Filterable = {
  text: string;
  type: FieldType;
  marks: ReadonlySet<Mark>;
  hasProblem: boolean;
  sample: string;
};

/** Words that people type for the types. */
const TYPE_WORDS: Record<string, FieldType[]> = {
  text: ["text"],
  string: ["text"],
  number: ["integer", "decimal", "float"],
  integer: ["integer"],
  int: ["integer"],
  decimal: ["decimal", "float"],
  float: ["float"],
  bool: ["bool"],
  boolean: ["bool"],
  date: ["date", "timestamp"],
  datetime: ["timestamp"],
  timestamp: ["timestamp"],
  time: ["time", "timestamp"],
  enum: ["enum"],
  choice: ["enum"],
  object: ["object"],
  list: ["list"],
  array: ["list"],
  bytes: ["bytes"],
  any: ["any"],
};

export function parseFilter(query: string): Filter {
  const filter: Filter = { words: [], types: [], is: [], hasProblem: false, samples: [] };
  for (const [, key, quoted, plain] of query
    .toLowerCase()
    .matchAll(/(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/g)) {
    const value = quoted ?? plain ?? "";
    const mark = MARKS.find((each) => each === value.replace("-", ""));
    const types = TYPE_WORDS[value];
    if (key === "type" && types) {
      filter.types.push(...types);
    } else if (key === "is" && mark) {
      filter.is.push(mark);
    } else if (key === "has" && value.startsWith("problem")) {
      filter.hasProblem = true;
    } else if (key === "sample") {
      filter.samples.push(value);
    } else if (key === undefined && quoted !== undefined) {
      // A quoted word alone is looked for in names and in samples.
      filter.words.push(value);
    } else {
      filter.words.push(key === undefined ? value : `${key}:${value}`);
    }
  }
  return filter;
}

export function isEmpty(filter: Filter): boolean {
  return (
    filter.words.length + filter.types.length + filter.is.length + filter.samples.length === 0 &&
    !filter.hasProblem
  );
}

export function matches(filter: Filter, row: Filterable): boolean {
  return (
    filter.words.every((word) => row.text.includes(word) || row.sample.includes(word)) &&
    (filter.types.length === 0 || filter.types.includes(row.type)) &&
    filter.is.every((mark) => row.marks.has(mark)) &&
    (!filter.hasProblem || row.hasProblem) &&
    filter.samples.every((sample) => row.sample.includes(sample))
  );
}
