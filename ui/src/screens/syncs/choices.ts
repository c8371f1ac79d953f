import type { StreamView, WriteMode } from "@/api/bindings";
import { writeMode } from "@/format/states";

/** Why records cannot be taken from a stream; nothing if they can. */
export function whyNotSource({ capabilities }: StreamView): string | undefined {
  return capabilities.read ? undefined : "cannot be read";
}

/** Why records cannot be put into a stream; nothing if they can. */
export function whyNotTarget({ capabilities }: StreamView): string | undefined {
  return capabilities.create || capabilities.update ? undefined : "can only be read";
}

/** Why a mode cannot be chosen for a target; nothing if it can. */
export function whyNotMode(mode: WriteMode, target: StreamView): string | undefined {
  const { create, update, read, delete: deletes, archive } = target.capabilities;
  const creates = mode !== "update";
  const updates = mode !== "create" && mode !== "append";
  if (creates && !create) {
    return `${target.label} cannot be created through this connection.`;
  }
  if (updates && !update) {
    return `${target.label} cannot be changed through this connection.`;
  }
  if (mode === "mirror" && !deletes && !archive) {
    return `${target.label} can be neither deleted nor put away through this connection.`;
  }
  if (mode === "full_refresh" && !read) {
    return `${target.label} cannot be read, so nobody can tell what was changed there.`;
  }
  return undefined;
}

/** What a mode does to a target, in a sentence. */
export function modeConsequence(mode: WriteMode, target: StreamView | undefined): string {
  return mode === "mirror" && target?.capabilities.delete === false && target.capabilities.archive
    ? "The target gets exactly the source's records: what leaves the source is put away there, as it cannot be deleted."
    : writeMode(mode).consequence;
}

/** Why changes cannot flow both ways between two streams; nothing if they can. */
export function whyNotBothWays(source: StreamView, target: StreamView): string | undefined {
  if (!target.capabilities.read) {
    return `${target.label} cannot be read, so its changes cannot be seen.`;
  }
  return source.capabilities.update
    ? undefined
    : `${source.label} cannot be changed through this connection.`;
}

/** "Harbor contacts → Postino subscribers" */
export function proposedName(
  source: string,
  sourceStream: string,
  target: string,
  targetStream: string,
): string {
  return `${source} ${lowerFirst(sourceStream)} → ${target} ${lowerFirst(targetStream)}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
