import { Link, useNavigate } from "@tanstack/react-router";
import type { NeedsYou, NeedsYouAction, NoteSeverity } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { Button, buttonClass } from "@/components/Button";
import { toastError } from "@/components/Problem";

const bars: Record<NoteSeverity, string> = {
  info: "bg-accent",
  warning: "bg-warn-fill",
  error: "bg-bad-fill",
};

/** What waits for a person; each entry has the one thing to do about it. */
export function NeedsYouList({ entries }: { entries: NeedsYou[] }) {
  return (
    <ul className="m-0 list-none p-0">
      {entries.map((entry) => (
        <li
          key={entry.id}
          className="grid grid-cols-[8px_1fr_auto] items-center gap-3 border-b border-line px-3.5 py-2.5 last:border-b-0"
        >
          <span aria-hidden className={`h-[30px] w-2 rounded-[4px] ${bars[entry.severity]}`} />
          <div className="min-w-0">
            <b className="block font-bold">{entry.title}</b>
            <span className="block text-xs text-ink3">{entry.detail}</span>
          </div>
          <Action action={entry.action} urgent={entry.severity === "error"} />
        </li>
      ))}
    </ul>
  );
}

function Action({ action, urgent }: { action: NeedsYouAction; urgent: boolean }) {
  const look = buttonClass(urgent ? "primary" : "plain");
  switch (action.kind) {
    case "reconnect":
      return (
        <Link
          to="/connections/$connection"
          params={{ connection: action.connection }}
          search={{ connect: "again" }}
          className={look}
        >
          Reconnect
        </Link>
      );
    case "open_run":
      return (
        <Link to="/runs/$run" params={{ run: action.run }} className={look}>
          Look at the run
        </Link>
      );
    case "open_records":
      return (
        <Link
          to="/history"
          search={{ tab: "records", sync: action.sync, unwritten: true }}
          className={look}
        >
          Look at the records
        </Link>
      );
    case "open_conflicts":
      return (
        <Link to="/conflicts" search={{ sync: action.sync }} className={look}>
          Decide
        </Link>
      );
    case "open_mapping":
      return (
        <Link to="/syncs/$sync" params={{ sync: action.sync }} className={look}>
          Open the mapping
        </Link>
      );
    case "open_plan":
      return <MakePlan sync={action.sync} urgent={urgent} />;
  }
}

function MakePlan({ sync, urgent }: { sync: string; urgent: boolean }) {
  const navigate = useNavigate();
  const start = useCommand("start_plan");
  return (
    <Button
      look={urgent ? "primary" : "plain"}
      busy={start.isPending}
      onClick={() =>
        start.mutate(
          { sync },
          {
            onError: toastError,
            onSuccess: ({ plan }) => void navigate({ to: "/plans/$plan", params: { plan } }),
          },
        )
      }
    >
      Look at the plan
    </Button>
  );
}
