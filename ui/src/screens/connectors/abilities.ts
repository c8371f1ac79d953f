import type { CapabilitiesView, ConnectorStream, DeletionsView } from "@/api/bindings";
import { count } from "@/format/count";

/** What can be done with a stream, a word each. */
export function abilities(can: CapabilitiesView): string[] {
  return [
    can.incremental ? "read changes" : "read all",
    can.create && "create",
    can.update && "update",
    typeof can.upsert === "string" && "create or update",
    can.delete && "delete",
    can.archive && "put away",
  ].filter((word) => word !== false);
}

/** How a stream is read and written, and what it cannot do. */
export function abilityFacts(stream: ConnectorStream): { label: string; words: string }[] {
  const can = stream.capabilities;
  const key = stream.key.join(" and ");
  const writes = can.create || can.update || can.delete || typeof can.upsert === "string";
  const facts = [
    {
      label: "Reading",
      words: stream.cursor_field
        ? `only what changed, by ${stream.cursor_field}`
        : can.incremental
          ? "only what changed, by the platform's list of changes"
          : "all of it each time; the platform does not say what changed",
    },
    { label: "Deletions", words: deletionsText(can.deletions) },
    {
      label: "Key",
      words: key === "" ? "none; its records cannot be told apart, only created" : key,
    },
  ];
  if (!writes) {
    return [...facts, { label: "Writing", words: "not described in this connector" }];
  }
  const byUpsert = typeof can.upsert === "string" ? ` The platform decides by ${can.upsert}.` : "";
  return [
    ...facts,
    {
      label: "Writing",
      words:
        (can.batch_size > 1
          ? `up to ${count(can.batch_size)} records a request.`
          : "one record a request.") + byUpsert,
    },
    {
      label: "Found by",
      words:
        can.match_by.length > 0
          ? can.match_by.join(", ")
          : "nothing; a record that is not linked yet cannot be looked up",
    },
    {
      label: "Lost answers",
      words: can.idempotent_create
        ? "a create can be sent again; the platform makes one record of both"
        : can.match_by.length > 0
          ? "a create is looked up before it is sent again"
          : "a create whose answer was lost is kept for you to decide",
    },
  ];
}

function deletionsText(deletions: DeletionsView): string {
  switch (deletions.kind) {
    case "by_absence":
      return "found by reading everything and seeing what is missing";
    case "marked":
      return `told by ${deletions.field}`;
    case "listed":
      return `listed in ${deletions.stream}`;
  }
}
