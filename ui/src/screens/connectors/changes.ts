import type { ConnectorChange } from "@/api/bindings";

/** What another version of a connector file changes, in words. */
export function changeWords(change: ConnectorChange): string {
  const field = change.field ?? "";
  switch (change.kind) {
    case "stream_gone":
      return `${change.stream} is no longer there`;
    case "stream_refused":
      return `${change.stream} can no longer be read here: a part of it is Python code`;
    case "key_changed":
      return field === ""
        ? `${change.stream}: nothing identifies its records any more`
        : `${change.stream}: its records are identified by ${field} now`;
    case "cursor_changed":
      return field === ""
        ? `${change.stream} is read as a whole each time`
        : `${change.stream}: changes are found by ${field} now`;
    case "write_gone":
      return `${change.stream}: records can no longer be ${past(field)}`;
    case "write_added":
      return `${change.stream}: records can be ${past(field)} now`;
    case "field_gone":
      return `${change.stream}: the field ${field} is no longer there`;
    case "field_changed":
      return `${change.stream}: the field ${field} holds another kind of value`;
    case "field_added":
      return `${change.stream}: the field ${field} is new`;
    case "stream_added":
      return `${change.stream} is new`;
  }
}

function past(verb: string): string {
  return verb.endsWith("e") ? `${verb}d` : `${verb}ed`;
}

/** Changes that may break something that is in use, those that may break something else, and the rest. */
export function sorted(changes: readonly ConnectorChange[]): {
  touching: ConnectorChange[];
  breaking: ConnectorChange[];
  harmless: ConnectorChange[];
} {
  return {
    touching: changes.filter((change) => change.may_break && change.syncs.length > 0),
    breaking: changes.filter((change) => change.may_break && change.syncs.length === 0),
    harmless: changes.filter((change) => !change.may_break),
  };
}

/** The name of a connector, from its file's place: `source-notes/manifest.yaml` is source-notes. */
export function nameOfFile(path: string): string {
  const parts = path.split(/[\\/]/).filter(Boolean);
  const file = (parts.pop() ?? "").replace(/\.(ya?ml|json)$/i, "");
  return /^(connector|manifest)$/i.test(file) ? (parts.pop() ?? file) : file;
}

/** Whether a file of a folder is a connector file; folders hold icons, tests and more. */
export function isConnectorFile(path: string): boolean {
  const parts = path.split(/[\\/]/);
  const file = parts.at(-1) ?? "";
  if (!/\.ya?ml$/i.test(file)) {
    return false;
  }
  // In a folder of its own it has a fixed name; beside others it may have any.
  return /^(connector|manifest)\.ya?ml$/i.test(file) || parts.length <= 2;
}
