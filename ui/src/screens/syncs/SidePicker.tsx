import { useQuery } from "@tanstack/react-query";
import type { ConnectionSummary, StreamView } from "@/api/bindings";
import { connection as connectionQuery } from "@/api/queries";
import { Card } from "@/components/Card";
import { Monogram } from "@/components/Monogram";
import { Tag } from "@/components/Pill";
import { Problem } from "@/components/Problem";
import { Skeleton } from "@/components/Progress";
import { connectionHealth } from "@/format/states";

type Props = {
  title: string;
  connections: ConnectionSummary[];
  connection: string | undefined;
  stream: string | undefined;
  whyNot: (stream: StreamView) => string | undefined;
  onChoose: (connection: string, stream: string | undefined) => void;
};

/** One side of a sync: which connection, then which of its streams. */
export function SidePicker({ title, connections, connection, stream, whyNot, onChoose }: Props) {
  return (
    <Card title={title}>
      <fieldset className="m-0 grid gap-1.5 border-0 px-3.5 py-3">
        <legend className="sr-only">{title}: connection</legend>
        {connections.map((each) => {
          const health = connectionHealth(each.health);
          return (
            <label
              key={each.id}
              className="flex items-center gap-2.5 rounded-md border border-line px-3 py-2 has-checked:border-accent has-checked:bg-accent-soft"
            >
              <input
                type="radio"
                name={`${title}-connection`}
                value={each.id}
                checked={each.id === connection}
                onChange={() => onChoose(each.id, undefined)}
                className="accent-accent"
              />
              <Monogram text={each.monogram} color={each.color} />
              <span className="min-w-0 flex-1 truncate">
                <span className="font-strong">{each.name}</span>
                {each.account && <span className="text-sm text-ink3"> · {each.account}</span>}
              </span>
              {each.health.kind !== "well" && <Tag tone={health.tone}>{health.text}</Tag>}
            </label>
          );
        })}
      </fieldset>
      {connection !== undefined && (
        <Streams
          title={title}
          connection={connection}
          stream={stream}
          whyNot={whyNot}
          onChoose={(name) => onChoose(connection, name)}
        />
      )}
    </Card>
  );
}

type StreamsProps = {
  title: string;
  connection: string;
  stream: string | undefined;
  whyNot: (stream: StreamView) => string | undefined;
  onChoose: (stream: string) => void;
};

function Streams({ title, connection, stream, whyNot, onChoose }: StreamsProps) {
  const { data, error } = useQuery(connectionQuery(connection));
  return (
    <fieldset className="m-0 grid gap-0.5 border-0 border-t border-line px-3.5 py-3">
      <legend className="sr-only">{title}: records</legend>
      {error !== null ? (
        <Problem error={error} />
      ) : data === undefined ? (
        <Skeleton className="h-16 w-full" />
      ) : (
        data.streams.map((each) => {
          const reason = whyNot(each);
          return (
            <label
              key={each.name}
              className="flex items-center gap-2.5 rounded-md px-3 py-1.5 hover:bg-sunk has-checked:bg-accent-soft has-disabled:opacity-60"
            >
              <input
                type="radio"
                name={`${title}-stream`}
                value={each.name}
                checked={each.name === stream}
                disabled={reason !== undefined}
                onChange={() => onChoose(each.name)}
                className="accent-accent"
              />
              <span className="flex-1">{each.label}</span>
              {reason !== undefined && <span className="text-sm text-ink3">{reason}</span>}
            </label>
          );
        })
      )}
    </fieldset>
  );
}
