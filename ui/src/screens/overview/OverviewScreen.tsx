import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Overview, SyncSummary } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { appStatus, overview, settings } from "@/api/queries";
import { Button, buttonClass } from "@/components/Button";
import { Card } from "@/components/Card";
import { Page } from "@/components/Page";
import { Pill, Tag } from "@/components/Pill";
import { Callout, toastError } from "@/components/Problem";
import { Spark } from "@/components/Spark";
import { SyncStateTag } from "@/components/SyncStateTag";
import { Table, Td, Th, Tr } from "@/components/Table";
import { Time, useNow } from "@/components/Time";
import { Tooltip } from "@/components/Tooltip";
import { count, counted } from "@/format/count";
import { runBars, runFigures, settled } from "@/format/runs";
import { changed, connectionHealth, healthReason, notWritten, syncReason } from "@/format/states";
import { duration, relative } from "@/format/time";
import { FirstSteps } from "@/screens/overview/FirstSteps";
import { NeedsYouList } from "@/screens/overview/NeedsYouList";

export function OverviewScreen() {
  const { data } = useSuspenseQuery(overview());
  const { data: status } = useSuspenseQuery(appStatus());
  const well = data.connections.filter((each) => each.health.kind === "well").length;
  return (
    <Page
      title="Overview"
      pills={
        data.connections.length > 0 && (
          <Pill dot={well === data.connections.length ? "ok" : "warn"}>
            {well} of {counted(data.connections.length, "connection")} well
          </Pill>
        )
      }
      actions={
        <>
          {data.syncs.length > 0 && <PauseAll />}
          <Link to="/syncs/new" className={buttonClass("primary")}>
            New sync
          </Link>
        </>
      }
    >
      {status.notes.map((note) => (
        <Callout
          key={note.message}
          tone={note.severity === "info" ? "info" : note.severity === "warning" ? "warn" : "bad"}
          title={note.message}
        >
          {note.hint}
        </Callout>
      ))}
      {data.needs_you.length > 0 && (
        <Card
          title={
            <>
              Needs you <Pill className="font-semibold">{data.needs_you.length}</Pill>
            </>
          }
        >
          <NeedsYouList entries={data.needs_you} />
        </Card>
      )}
      {data.syncs.length === 0 ? (
        <FirstSteps status={status} connections={data.connections} />
      ) : (
        <>
          <Figures data={data} />
          <div className="grid items-start gap-4 min-[1400px]:grid-cols-[minmax(0,1fr)_380px]">
            <Syncs syncs={data.syncs} />
            <Connections connections={data.connections} />
          </div>
        </>
      )}
    </Page>
  );
}

function PauseAll() {
  const { data } = useQuery(settings());
  const update = useCommand("update_settings");
  return (
    <Button
      busy={update.isPending}
      disabledReason={data === undefined ? "The settings are being read" : undefined}
      onClick={() =>
        data !== undefined &&
        update.mutate({ ...data, paused: !data.paused }, { onError: toastError })
      }
    >
      {data?.paused ? "Resume all" : "Pause all"}
    </Button>
  );
}

function Figures({ data }: { data: Overview }) {
  const now = useNow();
  const day = data.last_day;
  const lost = Math.max(0, day.read - settled(day));
  const worst = stalest(data.syncs);
  const dayAgo = now - 86_400_000;
  const finished = data.syncs
    .flatMap((sync) => sync.recent_runs)
    .filter((run) => run.finished_at !== null && run.started_at > dayAgo);
  const longest = Math.max(
    0,
    ...finished.map((run) => (run.finished_at ?? run.started_at) - run.started_at),
  );
  return (
    <div className="grid grid-cols-2 gap-4 min-[1000px]:grid-cols-4">
      <Figure
        label="Records moved, 24 h"
        value={count(changed(day) + day.unchanged)}
        note={`${count(day.unchanged)} unchanged · ${count(day.updated)} updated · ${count(day.created)} created`}
      />
      <Figure
        label="Freshness, worst sync"
        value={worst === null ? "–" : relative(worst.at, now).replace(" ago", "")}
        note={
          worst === null
            ? "no sync has run yet"
            : worst.every === null
              ? "runs by hand"
              : `due every ${worst.every} min`
        }
      />
      <Figure
        label="Runs, 24 h"
        value={count(data.runs_last_day)}
        note={longest > 0 ? `the longest took ${duration(longest)}` : "none has ended yet"}
      />
      <Figure
        label="Held back, with a reason"
        value={count(notWritten(day))}
        note={lost === 0 ? "0 lost · every record has its story" : `${count(lost)} under way`}
      />
    </div>
  );
}

/** The sync whose last good run is the longest ago. */
function stalest(syncs: SyncSummary[]): { at: number; every: number | null } | null {
  let worst: { at: number; every: number | null } | null = null;
  for (const sync of syncs) {
    const good = sync.recent_runs.findLast((run) => run.state === "completed");
    const at = good?.finished_at ?? null;
    if (at !== null && (worst === null || at < worst.at)) {
      worst = { at, every: sync.every_minutes ?? null };
    }
  }
  return worst;
}

function Figure({ label, value, note }: { label: string; value: ReactNode; note: string }) {
  return (
    <section aria-label={label} className="rounded-xl border border-line bg-panel p-3.5">
      <p className="m-0 text-xs text-ink3">{label}</p>
      <p className="m-0 mt-0.5 text-2xl font-semibold tracking-tight">{value}</p>
      <p className="m-0 text-xs text-ink3">{note}</p>
    </section>
  );
}

function Syncs({ syncs }: { syncs: SyncSummary[] }) {
  return (
    <Card title="Syncs">
      <div className="overflow-x-auto">
        <Table>
          <thead>
            <tr>
              <Th>Sync</Th>
              <Th>State</Th>
              <Th>Last 24 runs</Th>
              <Th>Last run</Th>
              <Th>Next</Th>
            </tr>
          </thead>
          <tbody>
            {syncs.map((sync) => {
              const reason = syncReason(sync.state);
              const tag = <SyncStateTag sync={sync} />;
              const last = sync.recent_runs.at(-1);
              return (
                <Tr key={sync.id}>
                  <Td className="max-w-[300px]">
                    <Link
                      to="/syncs/$sync"
                      params={{ sync: sync.id }}
                      className="font-bold no-underline hover:underline"
                    >
                      {sync.name}
                    </Link>
                  </Td>
                  <Td>
                    {reason === null ? (
                      tag
                    ) : (
                      <Tooltip text={reason}>
                        <button type="button" className="m-0 border-0 bg-transparent p-0">
                          {tag}
                        </button>
                      </Tooltip>
                    )}
                  </Td>
                  <Td>
                    <Spark
                      bars={runBars(sync.recent_runs)}
                      label={`${counted(sync.recent_runs.length, "run")}`}
                    />
                  </Td>
                  <Td>
                    {last === undefined ? (
                      <span className="text-ink3">never</span>
                    ) : (
                      <Link
                        to="/runs/$run"
                        params={{ run: last.id }}
                        className="no-underline hover:underline"
                      >
                        {sync.state.kind === "running" ? (
                          "now"
                        ) : (
                          <Time at={last.started_at} look="moment" />
                        )}{" "}
                        · {runFigures(last)}
                      </Link>
                    )}
                  </Td>
                  <Td>
                    {sync.next_run_at === null ? (
                      <span className="text-ink3">{sync.is_paused ? "paused" : "by hand"}</span>
                    ) : (
                      <Time at={sync.next_run_at} look="moment" />
                    )}
                  </Td>
                </Tr>
              );
            })}
          </tbody>
        </Table>
      </div>
    </Card>
  );
}

function Connections({ connections }: { connections: Overview["connections"] }) {
  return (
    <Card title="Connections">
      <div className="overflow-x-auto">
        <Table>
          <thead>
            <tr>
              <Th>Connection</Th>
              <Th>Signed in as</Th>
              <Th>State</Th>
            </tr>
          </thead>
          <tbody>
            {connections.map((each) => {
              const health = connectionHealth(each.health);
              return (
                <Tr key={each.id}>
                  <Td>
                    <Link
                      to="/connections/$connection"
                      params={{ connection: each.id }}
                      className="no-underline hover:underline"
                    >
                      {each.name}
                    </Link>
                  </Td>
                  <Td className="max-w-[140px]" title={each.account ?? undefined}>
                    {each.account ?? "–"}
                  </Td>
                  <Td title={healthReason(each.health) ?? undefined}>
                    <Tag tone={health.tone}>{health.text}</Tag>
                  </Td>
                </Tr>
              );
            })}
          </tbody>
        </Table>
      </div>
    </Card>
  );
}
