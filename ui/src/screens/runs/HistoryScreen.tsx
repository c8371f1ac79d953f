import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Activity } from "lucide-react";
import type { ReactNode } from "react";
import type { RunState, RunSummary, SyncSummary } from "@/api/bindings";
import { ROWS, type RunsRequest, runsPage, syncs } from "@/api/queries";
import { usePages } from "@/api/use-pages";
import { buttonClass } from "@/components/Button";
import { EmptyState } from "@/components/EmptyState";
import { Select } from "@/components/Field";
import { FilterTabs } from "@/components/FilterTabs";
import { ListBody } from "@/components/ListBody";
import { LoadingRows, widthOf } from "@/components/LoadingRows";
import { Page } from "@/components/Page";
import { Tag } from "@/components/Pill";
import { Skeleton } from "@/components/Progress";
import { Time } from "@/components/Time";
import { VirtualRows } from "@/components/VirtualRows";
import { count } from "@/format/count";
import { changed, notWritten, runState, trigger } from "@/format/states";
import { duration } from "@/format/time";
import { RecordSheet } from "@/screens/runs/RecordSheet";
import { Records } from "@/screens/runs/Records";

const route = getRouteApi("/history");

export function HistoryScreen() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: allSyncs } = useSuspenseQuery(syncs());
  const tab = search.tab ?? "runs";
  const { run, record, ...rest } = search;
  const kept = search.sync === undefined ? {} : { sync: search.sync };
  return (
    <Page
      fixed
      title="History"
      pills={
        <div className="flex gap-1">
          {(["runs", "records"] as const).map((each) => (
            <Link
              key={each}
              to="/history"
              search={each === "runs" ? kept : { ...kept, tab: each }}
              aria-current={tab === each ? "page" : undefined}
              className="rounded-md px-2.5 py-1 font-medium text-ink2 no-underline hover:bg-sunk aria-[current=page]:bg-sunk aria-[current=page]:text-ink"
            >
              {each === "runs" ? "Runs" : "Records"}
            </Link>
          ))}
        </div>
      }
      actions={
        allSyncs.length > 0 && (
          <SyncChoice
            syncs={allSyncs}
            chosen={search.sync}
            onChoose={(sync) =>
              void navigate({
                replace: true,
                search: ({ sync: _, ...old }) => (sync === "" ? old : { ...old, sync }),
              })
            }
          />
        )
      }
    >
      {tab === "runs" ? (
        <Runs
          sync={search.sync}
          states={search.states ?? []}
          onStates={(states) =>
            void navigate({
              replace: true,
              search: ({ states: _, ...old }) => (states.length === 0 ? old : { ...old, states }),
            })
          }
        />
      ) : (
        <Records
          sync={search.sync}
          filter={rest}
          onFilter={(filter) =>
            void navigate({ replace: true, search: { ...kept, tab, ...filter } })
          }
          onOpen={(opened) =>
            void navigate({
              replace: true,
              search: { ...rest, run: opened.run, record: opened.seq },
            })
          }
          empty={{
            title: "No records yet",
            text: "What happens to each record in a run is kept here and can be searched.",
          }}
        />
      )}
      {run !== undefined && record !== undefined && (
        <RecordSheet
          run={run}
          seq={record}
          onClose={() => void navigate({ replace: true, search: rest })}
        />
      )}
    </Page>
  );
}

type ChoiceProps = {
  syncs: SyncSummary[];
  chosen: string | undefined;
  onChoose: (sync: string) => void;
};

function SyncChoice({ syncs, chosen, onChoose }: ChoiceProps) {
  return (
    <Select
      aria-label="Sync"
      value={chosen ?? ""}
      onChange={(event) => onChoose(event.currentTarget.value)}
      className="max-w-[280px]"
    >
      <option value="">All syncs</option>
      {syncs.map((sync) => (
        <option key={sync.id} value={sync.id}>
          {sync.name}
        </option>
      ))}
    </Select>
  );
}

const columns =
  "grid grid-cols-[120px_minmax(0,1.6fr)_104px_minmax(0,1fr)_120px_80px] items-center gap-3 px-6";

const states: readonly RunState[] = [
  "completed",
  "running",
  "waiting",
  "failed",
  "cancelled",
  "interrupted",
];

type RunsProps = {
  sync: string | undefined;
  states: RunState[];
  onStates: (states: RunState[]) => void;
};

function Runs({ sync, states: chosen, onStates }: RunsProps) {
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="border-b border-line bg-panel px-6 py-2.5">
        <FilterTabs
          label="Show only"
          options={states.map((state) => ({ value: state, label: runState(state).text }))}
          isOn={(state) => chosen.includes(state)}
          onToggle={(state) =>
            onStates(
              chosen.includes(state) ? chosen.filter((each) => each !== state) : [...chosen, state],
            )
          }
        />
      </div>
      <div
        aria-hidden
        className={`${columns} border-b border-line bg-panel py-[7px] text-xs font-semibold text-ink3`}
      >
        <span>Started</span>
        <span>Sync</span>
        <span>State</span>
        <span>Changed</span>
        <span>Not written</span>
        <span>Took</span>
      </div>
      <RunList
        key={`${sync} ${chosen.join()}`}
        request={{ sync: sync ?? null, states: chosen }}
        empty={
          chosen.length > 0 || sync !== undefined ? (
            <EmptyState
              title="No run fits"
              actions={
                <Link to="/history" className={buttonClass()}>
                  Show all runs
                </Link>
              }
            />
          ) : (
            <EmptyState
              icon={<Activity size={20} />}
              title="Nothing has run yet"
              actions={
                <Link to="/syncs" className={buttonClass("primary")}>
                  Go to the syncs
                </Link>
              }
            >
              Run a sync: every run and what it did to each record is kept here.
            </EmptyState>
          )
        }
      />
    </div>
  );
}

type ListProps = { request: RunsRequest; empty: ReactNode };

function RunList({ request, empty }: ListProps) {
  const list = usePages<"list_runs", RunSummary>({
    page: (before) => runsPage(request, before),
    rows: (answer) => answer,
    next: (answer) => (answer.length < ROWS ? null : (answer.at(-1)?.id ?? null)),
  });
  return (
    <ListBody
      error={list.error}
      onRetry={list.retry}
      isPending={list.isPending}
      isEmpty={list.count === 0}
      loading={
        <LoadingRows label="Loading the runs">
          {(width) => <LoadingRow width={width} />}
        </LoadingRows>
      }
      empty={empty}
    >
      <VirtualRows
        count={list.count}
        rowKey={(row) => list.at(row)?.id ?? row}
        estimate={51}
        label="Runs"
        className="min-h-0 flex-1 bg-panel"
        onRange={list.onRange}
      >
        {(row) => {
          const run = list.at(row);
          return run === undefined ? <LoadingRow width={widthOf(row)} /> : <Row run={run} />;
        }}
      </VirtualRows>
    </ListBody>
  );
}

function LoadingRow({ width }: { width: string }) {
  return (
    <div className={`${columns} border-b border-line py-[17px]`}>
      <Skeleton className="h-4 w-16" />
      <Skeleton className={`h-4 ${width}`} />
      <Skeleton className="h-4 w-16" />
      <Skeleton className="h-4 w-24" />
      <Skeleton className="h-4 w-8" />
      <Skeleton className="h-4 w-10" />
    </div>
  );
}

function Row({ run }: { run: RunSummary }) {
  const state = runState(run.state);
  const failed = notWritten(run.counts);
  return (
    <Link
      to="/runs/$run"
      params={{ run: run.id }}
      className={`${columns} border-b border-line py-2 text-ink no-underline -outline-offset-2 hover:bg-sunk/60`}
    >
      <span className="text-ink2">
        <Time at={run.started_at} />
      </span>
      <span className="min-w-0">
        <span className="block truncate font-semibold">{run.sync_name}</span>
        <span className="block text-xs text-ink3">{trigger(run.trigger)}</span>
      </span>
      <span>
        <Tag tone={state.tone}>{state.text}</Tag>
      </span>
      <span className="truncate">
        {count(changed(run.counts))}
        <span className="text-ink3"> of {count(run.counts.read)} read</span>
      </span>
      <span className={failed > 0 ? "text-bad" : "text-ink3"}>{count(failed)}</span>
      <span className="text-ink2">
        {run.finished_at === null ? "–" : duration(run.finished_at - run.started_at)}
      </span>
    </Link>
  );
}
