/** Undo and redo: a list of documents with the names of the edits that led to them. */
import type { Mapping, Rule } from "@/api/bindings";
import { isObject } from "./path";

export type Entry = {
  /** What was done, as a button would say it: "Connect email". */
  name: string;
  mapping: Mapping;
  /** Edits of the same thing in a row (typing) are one step. */
  merge?: string;
};

export type History = {
  entries: Entry[];
  /** Which entry is the document. */
  at: number;
};

/** Most steps that are kept; the oldest go first. */
const MOST_ENTRIES = 500;
/** Session storage is small: what is written down is bounded. */
const MOST_STORED = 60;
const MOST_STORED_CHARACTERS = 1_500_000;

export function startHistory(mapping: Mapping): History {
  return { entries: [{ name: "Open", mapping }], at: 0 };
}

export function current(history: History): Mapping {
  const entry = history.entries[history.at];
  if (!entry) {
    throw new RangeError(`history has no entry ${history.at}`);
  }
  return entry.mapping;
}

/** Adds an edit; what was undone before it is dropped. An edit that changes nothing is none. */
export function push(history: History, name: string, mapping: Mapping, merge?: string): History {
  if (mapping === current(history)) {
    return history;
  }
  const kept = history.entries.slice(0, history.at + 1);
  const last = kept.at(-1);
  const isSameEdit = merge !== undefined && last?.merge === merge && kept.length > 1;
  const base = isSameEdit ? kept.slice(0, -1) : kept;
  const entry: Entry = merge === undefined ? { name, mapping } : { name, mapping, merge };
  const entries = [...base, entry].slice(-MOST_ENTRIES);
  return { entries, at: entries.length - 1 };
}

export function undo(history: History): History {
  return history.at > 0 ? { ...history, at: history.at - 1 } : history;
}

export function redo(history: History): History {
  return history.at < history.entries.length - 1 ? { ...history, at: history.at + 1 } : history;
}

/** Takes over what was changed in another window or program; undo brings back what stood here. */
export function takeTheirs(history: History, theirs: Mapping): History {
  return push(history, "Take over the other changes", theirs);
}

/** Keeps what stands here on top of what was changed in another window or program; undo brings that up. */
export function keepMine(history: History, theirs: Mapping): History {
  const mine = current(history);
  // A document of its own: it has yet to be saved.
  return push(push(history, "Look at the other changes", theirs), "Keep mine", { ...mine });
}

/** The edit that undo would take back. */
export function undoName(history: History): string | undefined {
  return history.at > 0 ? history.entries[history.at]?.name : undefined;
}

/** The edit that redo would make again. */
export function redoName(history: History): string | undefined {
  return history.entries[history.at + 1]?.name;
}

function keyOf(sync: string): string {
  return `patchbay.mapping.history.${sync}`;
}

/** Keeps the latest steps for a reload of the window. A full storage is no reason to stop an edit. */
export function store(storage: Storage, sync: string, history: History, now = Date.now()): void {
  for (let most = MOST_STORED; most >= 1; most = Math.floor(most / 2)) {
    const from = Math.max(0, Math.min(history.at, history.entries.length - most));
    const text = JSON.stringify({
      entries: history.entries.slice(from, from + most),
      at: history.at - from,
      stored_at: now,
    });
    if (text.length > MOST_STORED_CHARACTERS) {
      continue;
    }
    try {
      storage.setItem(keyOf(sync), text);
      return;
    } catch {
      // Full or not allowed: try with fewer steps, in the end without.
    }
  }
}

/** An edit that was not saved before the window went is taken up again for this long. */
const UNSAVED_FOR_MS = 600_000;

/**
 * The steps that were kept, if they fit to what the backend has: it is their latest document, or the one before an
 * edit that the end of the window kept from being saved. If it is another's, what stood here can be had by redo.
 */
export function restore(
  storage: Storage,
  sync: string,
  mapping: Mapping,
  now = Date.now(),
): History {
  try {
    const kept: unknown = JSON.parse(storage.getItem(keyOf(sync)) ?? "null");
    if (isKept(kept)) {
      const { entries, at, stored_at } = kept;
      const isRecent = now - stored_at < UNSAVED_FOR_MS;
      const isTheirs = entries.some((entry) => sameDocument(entry.mapping, mapping));
      if ((isRecent && isTheirs) || sameDocument(current(kept), mapping)) {
        return { entries, at };
      }
      if (isRecent) {
        const mine = { name: "Go back to what stood here", mapping: current(kept) };
        return { entries: [...startHistory(mapping).entries, mine], at: 0 };
      }
    }
  } catch {
    // Unreadable: begin anew.
  }
  return startHistory(mapping);
}

export function sameDocument(a: Mapping, b: Mapping): boolean {
  return a === b || canonical(a) === canonical(b);
}

/** The targets whose rules are not the same in both. */
export function differentTargets(mine: Mapping, theirs: Mapping): string[] {
  const rules = (mapping: Mapping) =>
    new Map(mapping.rules.map((rule) => [rule.target, canonical(rule)]));
  const [here, there] = [rules(mine), rules(theirs)];
  return [...new Set([...here.keys(), ...there.keys()])].filter(
    (target) => here.get(target) !== there.get(target),
  );
}

/** The same text for the same document: the backend may put the members of an object in another order. */
function canonical(part: Mapping | Rule): string {
  return JSON.stringify(part, (_, value: unknown) =>
    isObject(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

function isKept(value: unknown): value is History & { stored_at: number } {
  if (!isObject(value)) {
    return false;
  }
  const { entries, at, stored_at } = value;
  return (
    Array.isArray(entries) &&
    typeof at === "number" &&
    typeof stored_at === "number" &&
    at in entries &&
    entries.every(
      (entry) =>
        typeof entry?.name === "string" &&
        typeof entry.mapping?.version === "number" &&
        Array.isArray(entry.mapping.rules),
    )
  );
}
