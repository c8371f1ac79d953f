import type { PlanAction, RecordOutcome, RunState } from "@/api/bindings";
import { planActions, recordOutcomes } from "@/format/states";

/** What stands behind the ? of an address. Unknown or broken parts are dropped. */
type Raw = Record<string, unknown>;

function text(raw: Raw, name: string): string | undefined {
  const value = raw[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function whole(raw: Raw, name: string): number | undefined {
  const value = raw[name];
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function oneOf<T extends string>(raw: Raw, name: string, allowed: readonly T[]): T | undefined {
  const value = raw[name];
  return allowed.find((each) => each === value);
}

function someOf<T extends string>(raw: Raw, name: string, allowed: readonly T[]): T[] | undefined {
  const value = raw[name];
  if (!Array.isArray(value)) {
    return undefined;
  }
  const known = allowed.filter((each) => value.includes(each));
  return known.length === 0 ? undefined : known;
}

/** Leaves out what is not set: addresses stay short. */
function present<T extends Record<string, unknown>>(
  search: T,
): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

function flag(raw: Raw, name: string): true | undefined {
  return raw[name] === true ? true : undefined;
}

export function parseConnectionsSearch(raw: Raw) {
  return present({
    /** The gallery is open, or this connector's form. */
    connect: text(raw, "connect"),
    /** A sign-in that is under way. */
    flow: text(raw, "flow"),
  });
}

export function parseConnectorsSearch(raw: Raw) {
  return present({
    /** The sheet for adding one is open. */
    add: raw.add === true ? true : undefined,
  });
}

export function parseConnectorSearch(raw: Raw) {
  return present({
    tab: oneOf(raw, "tab", ["streams", "try", "file", "versions"] as const),
    /** The stream that is tried. */
    stream: text(raw, "stream"),
  });
}

export function parseNewSyncSearch(raw: Raw) {
  return present({
    source: text(raw, "source"),
    sourceStream: text(raw, "sourceStream"),
    target: text(raw, "target"),
    targetStream: text(raw, "targetStream"),
  });
}

export function parseConflictsSearch(raw: Raw) {
  return present({
    sync: text(raw, "sync"),
    /** Only of this record of the source. */
    record: text(raw, "record"),
    show: oneOf(raw, "show", ["open", "decided"] as const),
    find: text(raw, "find"),
  });
}

export function parsePlanSearch(raw: Raw) {
  return present({
    show: oneOf<PlanAction>(raw, "show", planActions),
    find: text(raw, "find"),
  });
}

export function parseRunSearch(raw: Raw) {
  return present({
    outcomes: someOf<RecordOutcome>(raw, "outcomes", recordOutcomes),
    find: text(raw, "find"),
    /** The record whose sheet is open. */
    record: whole(raw, "record"),
  });
}

const runStates: readonly RunState[] = [
  "queued",
  "running",
  "waiting",
  "completed",
  "cancelled",
  "failed",
  "interrupted",
];

export function parseHistorySearch(raw: Raw) {
  return present({
    tab: oneOf(raw, "tab", ["runs", "records"] as const),
    sync: text(raw, "sync"),
    states: someOf<RunState>(raw, "states", runStates),
    outcomes: someOf<RecordOutcome>(raw, "outcomes", recordOutcomes),
    find: text(raw, "find"),
    /** Only records that still need the person. */
    unwritten: flag(raw, "unwritten"),
    /** The record whose sheet is open. */
    run: text(raw, "run"),
    record: whole(raw, "record"),
  });
}
