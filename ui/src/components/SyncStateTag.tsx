import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { SyncSummary } from "@/api/bindings";
import { conflictCounts } from "@/api/queries";
import { Tag } from "@/components/Pill";
import { counted } from "@/format/count";
import { syncState } from "@/format/states";

/** How a sync is doing; where that is well, what it asks a person to decide. */
export function SyncStateTag({ sync }: { sync: SyncSummary }) {
  const { data } = useQuery(conflictCounts(sync.id));
  const open = data === undefined ? 0 : data.total - data.decided;
  if (open > 0 && sync.state.kind === "healthy") {
    return (
      <Link to="/conflicts" search={{ sync: sync.id }} className="no-underline">
        <Tag tone="warn">{counted(open, "conflict")}</Tag>
      </Link>
    );
  }
  const state = syncState(sync.state);
  return <Tag tone={state.tone}>{state.text}</Tag>;
}
