import type { StreamView, WriteMode } from "@/api/bindings";

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
  const { create, update } = target.capabilities;
  if ((mode === "create" || mode === "upsert") && !create) {
    return `${target.label} cannot be created through this connection.`;
  }
  if ((mode === "update" || mode === "upsert") && !update) {
    return `${target.label} cannot be changed through this connection.`;
  }
  return undefined;
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
