import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { CompareConnector, ConnectorChange } from "@/api/bindings";
import { comparison } from "@/api/queries";
import { Callout, Problem } from "@/components/Problem";
import { Spinner } from "@/components/Progress";
import { Diff } from "@/editor/Diff";
import { counted } from "@/format/count";
import { changeWords, sorted } from "@/screens/connectors/changes";

/** What another text of a connector file would change: for syncs first, then line by line. */
export function Comparison({ request }: { request: CompareConnector }) {
  const { data, error } = useQuery(comparison(request));
  if (error !== null) {
    return <Problem error={error} />;
  }
  if (data === undefined) {
    return <Spinner label="Comparing…" />;
  }
  return (
    <div className="grid gap-4">
      <Changes changes={data.changes} />
      <Diff before={data.before} after={data.after} label="Differences line by line" />
    </div>
  );
}

/** What changes for syncs, what might matter, and what came. */
export function Changes({ changes }: { changes: readonly ConnectorChange[] }) {
  const { touching, breaking, harmless } = sorted(changes);
  return (
    <div className="grid gap-3">
      {touching.length > 0 ? (
        <Callout
          tone="warn"
          title={`What changes for your syncs: ${counted(touching.length, "thing")}`}
        >
          <ul className="m-0 mt-1 grid gap-1 pl-0">
            {touching.map((change) => (
              <li key={keyOf(change)}>
                {changeWords(change)}; used by{" "}
                {change.syncs.map((sync, index) => (
                  <span key={sync.id}>
                    {index > 0 && ", "}
                    <Link to="/syncs/$sync" params={{ sync: sync.id }} className="font-strong">
                      {sync.name}
                    </Link>
                  </span>
                ))}
              </li>
            ))}
          </ul>
        </Callout>
      ) : (
        <p className="m-0">
          <b className="font-semibold">Nothing changes for your syncs.</b>
        </p>
      )}
      {breaking.length > 0 && <List title="Other changes" changes={breaking} />}
      {harmless.length > 0 && <List title="New" changes={harmless} />}
    </div>
  );
}

function keyOf(change: ConnectorChange): string {
  return `${change.kind}:${change.stream}:${change.field}`;
}

function List({ title, changes }: { title: string; changes: readonly ConnectorChange[] }) {
  return (
    <details open={changes.length <= 6 || undefined}>
      <summary className="font-strong">
        {title} ({changes.length})
      </summary>
      <ul className="m-0 mt-1 grid gap-0.5 pl-5 text-ink2">
        {changes.map((change) => (
          <li key={keyOf(change)}>{changeWords(change)}</li>
        ))}
      </ul>
    </details>
  );
}
