import { useQueries, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { GitCompareArrows } from "lucide-react";
import { useRef } from "react";
import type { SyncSummary } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { conflictCounts, syncs } from "@/api/queries";
import { Button } from "@/components/Button";
import { EmptyState } from "@/components/EmptyState";
import { SearchInput, Select } from "@/components/Field";
import { FilterTabs } from "@/components/FilterTabs";
import { Page } from "@/components/Page";
import { Pill } from "@/components/Pill";
import { toastError } from "@/components/Problem";
import { useSettled } from "@/components/use-settled";
import { count, counted } from "@/format/count";
import { ConflictList } from "@/screens/conflicts/ConflictList";

const route = getRouteApi("/conflicts");

type Counted = { sync: SyncSummary; total: number; decided: number };

export function ConflictsScreen() {
  const { data: all } = useSuspenseQuery(syncs());
  const { data: totals } = useSuspenseQuery(conflictCounts());
  const counts = useQueries({ queries: all.map((sync) => conflictCounts(sync.id)) });
  const bySync = all
    .map((sync, index): Counted => {
      const data = counts[index]?.data;
      return { sync, total: data?.total ?? 0, decided: data?.decided ?? 0 };
    })
    .filter((each) => each.total > 0);
  const open = totals.total - totals.decided;
  return (
    <Page
      fixed
      title="Conflicts"
      pills={
        totals.total > 0 && (
          <>
            <Pill dot={open > 0 ? "warn" : "ok"}>{count(open)} open</Pill>
            {totals.decided > 0 && <Pill>{count(totals.decided)} decided</Pill>}
          </>
        )
      }
    >
      {totals.total === 0 ? <NoConflicts /> : <Inbox bySync={bySync} total={totals.total} />}
    </Page>
  );
}

function NoConflicts() {
  return (
    <EmptyState icon={<GitCompareArrows size={20} />} title="Both sides agree">
      Where the same field was changed on both sides, or one side deleted what the other changed,
      and no rule says who is right, it appears here. Until you decide, that field stays as it is on
      both sides; everything else of the record flows on.
    </EmptyState>
  );
}

type Show = "all" | "open" | "decided";

function Inbox({ bySync, total }: { bySync: Counted[]; total: number }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const find = useSettled(search.find ?? "");
  const field = useRef<HTMLDivElement>(null);
  const show: Show = search.show ?? "all";
  const request = {
    sync: search.sync ?? null,
    source_key: search.record ?? null,
    is_decided: show === "all" ? null : show === "decided",
    search: find,
  };
  const isFiltered =
    find !== "" || show !== "all" || search.sync !== undefined || search.record !== undefined;
  const shown = bySync.filter((each) => search.sync === undefined || search.sync === each.sync.id);
  const [only] = shown.length === 1 ? shown : [];
  const waiting = shown.filter((each) => each.decided > 0);
  return (
    <>
      <div className="flex flex-wrap items-center gap-2 border-b border-line bg-panel px-6 py-2.5">
        <FilterTabs
          label="Show only"
          options={[
            { value: "all" as const, label: "All" },
            { value: "open" as const, label: "Open" },
            { value: "decided" as const, label: "Decided" },
          ]}
          isOn={(value) => value === show}
          onToggle={(value) =>
            void navigate({
              replace: true,
              search: ({ show: _, ...rest }) => (value === "all" ? rest : { ...rest, show: value }),
            })
          }
        />
        {(bySync.length > 1 || search.sync !== undefined) && (
          <Select
            aria-label="Only of this sync"
            className="w-auto max-w-96"
            value={search.sync ?? ""}
            onChange={(event) => {
              const { value } = event.currentTarget;
              void navigate({
                replace: true,
                search: ({ sync: _, record: __, ...rest }) =>
                  value === "" ? rest : { ...rest, sync: value },
              });
            }}
          >
            <option value="">All syncs ({count(total)})</option>
            {bySync.map(({ sync, total: of }) => (
              <option key={sync.id} value={sync.id}>
                {sync.name} ({count(of)})
              </option>
            ))}
          </Select>
        )}
        {search.record !== undefined && (
          <Button
            look="quiet"
            onClick={() =>
              void navigate({ replace: true, search: ({ record: _, ...rest }) => rest })
            }
          >
            Only {search.record} · show all
          </Button>
        )}
        <span className="flex-1" />
        <div ref={field}>
          <SearchInput
            label="Find a record or a value"
            className="w-64"
            value={search.find ?? ""}
            onSearch={(text) =>
              void navigate({
                replace: true,
                search: ({ find: _, ...rest }) => (text === "" ? rest : { ...rest, find: text }),
              })
            }
          />
        </div>
      </div>
      <ConflictList
        key={`${search.sync} ${search.record} ${show} ${find}`}
        request={request}
        expected={find === "" && search.record === undefined ? listed(shown, show) : undefined}
        sides={
          only === undefined
            ? null
            : { source: only.sync.source.connection_name, target: only.sync.target.connection_name }
        }
        onFind={() => field.current?.querySelector("input")?.focus()}
        empty={
          <div className="flex-1">
            <EmptyState
              title={show === "open" && find === "" ? "Everything is decided" : "No conflict fits"}
              actions={
                isFiltered && (
                  <Button onClick={() => void navigate({ replace: true, search: {} })}>
                    Show all conflicts
                  </Button>
                )
              }
            >
              {show === "open" && find === ""
                ? "Nothing of it is written yet: look at the plan and apply it."
                : "Keys and values of both sides are searched."}
            </EmptyState>
          </div>
        }
      />
      {waiting.length > 0 && <Decided waiting={waiting} />}
    </>
  );
}

/** How many of them are listed. */
function listed(shown: readonly Counted[], show: Show): number {
  return shown.reduce((sum, { total, decided }) => {
    const of: Record<Show, number> = { all: total, open: total - decided, decided };
    return sum + of[show];
  }, 0);
}

/** What was decided and not carried out, and the way to its plan. */
function Decided({ waiting }: { waiting: Counted[] }) {
  const navigate = route.useNavigate();
  const start = useCommand("start_decisions");
  const decided = waiting.reduce((sum, each) => sum + each.decided, 0);
  return (
    <section
      aria-label="Decided"
      className="flex flex-wrap items-center gap-3 border-t border-accent/40 bg-accent-soft px-6 py-2.5"
    >
      <span className="flex-1">
        <b className="font-semibold">{counted(decided, "conflict")} decided.</b>{" "}
        <span className="text-ink2">Nothing is written before you have seen the plan.</span>
      </span>
      {waiting.map(({ sync, decided: of }) => (
        <Button
          key={sync.id}
          look="primary"
          busy={start.isPending && start.variables.sync === sync.id}
          onClick={() =>
            start.mutate(
              { sync: sync.id },
              {
                onError: toastError,
                onSuccess: ({ plan }) => void navigate({ to: "/plans/$plan", params: { plan } }),
              },
            )
          }
        >
          {waiting.length === 1 ? "Look at the plan" : `Plan: ${sync.name} (${count(of)})`}
        </Button>
      ))}
    </section>
  );
}
