import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type {
  FieldChange,
  PlanAction,
  PlanDetail,
  PlanEntries,
  PlanEntryView,
  SyncSummary,
} from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { syncs } from "@/api/queries";
import { Button } from "@/components/Button";
import { Change, ChangeTable } from "@/components/Change";
import { EmptyState } from "@/components/EmptyState";
import { SearchInput } from "@/components/Field";
import { FilterTabs } from "@/components/FilterTabs";
import { ListBody } from "@/components/ListBody";
import { LoadingRows, widthOf } from "@/components/LoadingRows";
import { Tag } from "@/components/Pill";
import { toastError } from "@/components/Problem";
import { Skeleton } from "@/components/Progress";
import { useSettled } from "@/components/use-settled";
import { Cut, VirtualRows } from "@/components/VirtualRows";
import { count, counted } from "@/format/count";
import { planAction } from "@/format/states";
import { isAbsent, valueText } from "@/format/value";
import { isWrite, planEquation, tabs, writesOf } from "@/screens/plans/counts";
import { useEntries } from "@/screens/plans/use-entries";

const route = getRouteApi("/plans/$plan");
const columns =
  "grid grid-cols-[20px_minmax(140px,270px)_minmax(84px,170px)_minmax(0,1fr)] items-start gap-3 px-6";

/** The records of a plan: what would happen to each, and which are left out. */
export function Entries({ data }: { data: PlanDetail }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const find = useSettled(search.find ?? "");
  const shown = tabs.filter((tab) => data.counts[tab.action] > 0);
  const action = search.show;
  const include = useInclude(data.id);
  const editable = data.state === "ready";
  const tickable = editable && (action === undefined ? writesOf(data.counts) > 0 : isWrite(action));
  const tickAll = (included: boolean) => {
    const actions: PlanAction[] = action === undefined ? ["create", "update", "delete"] : [action];
    for (const each of actions.filter((name) => data.counts[name] > 0)) {
      include.mutate({ plan: data.id, seqs: [], action: each, included }, { onError: toastError });
    }
  };
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="grid gap-3 border-b border-line px-6 py-3.5">
        <p className="m-0 text-ink2">
          {planEquation(data.counts)}
          {data.excluded > 0 && ` · ${count(data.excluded)} ticked off`}
        </p>
        <div className="flex flex-wrap items-center gap-2">
          <FilterTabs
            label="Show only"
            options={[
              {
                value: "all" as const,
                label: "Changes and problems",
                count: data.counts.read - data.counts.unchanged,
              },
              ...shown.map((tab) => ({
                value: tab.action,
                label: tab.label,
                count: data.counts[tab.action],
              })),
            ]}
            isOn={(value) => value === (action ?? "all")}
            onToggle={(value) =>
              void navigate({
                replace: true,
                search: ({ show: _, ...rest }) =>
                  value === "all" ? rest : { ...rest, show: value },
              })
            }
          />
          <span className="flex-1" />
          {tickable && (
            <>
              <Button look="quiet" busy={include.isPending} onClick={() => tickAll(true)}>
                Tick all
              </Button>
              <Button look="quiet" busy={include.isPending} onClick={() => tickAll(false)}>
                Tick none
              </Button>
            </>
          )}
          <SearchInput
            label="Find a record or a value"
            className="w-60"
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
      <div
        aria-hidden
        className={`${columns} border-b border-line bg-panel py-[7px] text-xs font-semibold text-ink3`}
      >
        <span />
        <span>Record</span>
        <span>Change</span>
        <span>Fields</span>
      </div>
      <EntryList
        key={`${action} ${find}`}
        data={data}
        action={action}
        find={find}
        editable={editable}
        onInclude={(entry, included) =>
          include.mutate({ plan: data.id, seqs: [entry.seq], included }, { onError: toastError })
        }
      />
    </div>
  );
}

type ListProps = {
  data: PlanDetail;
  action: PlanAction | undefined;
  find: string;
  editable: boolean;
  onInclude: (entry: PlanEntryView, included: boolean) => void;
};

/** What a row is high in most plans. */
const ROW = 52;

function EntryList({ data, action, find, editable, onInclude }: ListProps) {
  const entries = useEntries({
    plan: data.id,
    actions: action === undefined ? [] : [action],
    search: find,
  });
  const { data: known = [] } = useQuery(syncs());
  const sync = known.find((each) => each.id === data.sync);
  return (
    <ListBody
      error={entries.error}
      onRetry={entries.retry}
      isPending={entries.isPending}
      isEmpty={entries.count === 0}
      loading={
        <LoadingRows label="Loading the records">
          {(width) => <LoadingRow width={width} />}
        </LoadingRows>
      }
      empty={<Nothing data={data} find={find} />}
    >
      <Cut count={entries.count}>The plan does what it says for all of them.</Cut>
      <VirtualRows
        count={entries.count}
        estimate={ROW}
        label="Records of the plan"
        className="flex-1 bg-panel"
        onRange={entries.onRange}
      >
        {(row) => {
          const entry = entries.at(row);
          return entry === undefined ? (
            <LoadingRow width={widthOf(row)} />
          ) : (
            <Row
              entry={entry}
              sync={sync}
              who={sidesOf(data, sync)}
              editable={editable}
              onInclude={(included) => onInclude(entry, included)}
            />
          );
        }}
      </VirtualRows>
    </ListBody>
  );
}

/** Ticks records on or off; the boxes follow at once, before the core has answered. */
function useInclude(plan: string) {
  const client = useQueryClient();
  const include = useCommand("include_plan_entries");
  type Wanted = Parameters<typeof include.mutate>[0];
  const show = (wanted: Wanted) =>
    client.setQueriesData<PlanEntries>({ queryKey: ["list_plan_entries"] }, (page) =>
      page === undefined || wanted.plan !== plan
        ? page
        : {
            ...page,
            entries: page.entries.map((entry) =>
              (
                wanted.seqs.length > 0
                  ? wanted.seqs.includes(entry.seq)
                  : entry.action === wanted.action
              )
                ? { ...entry, included: wanted.included }
                : entry,
            ),
          },
    );
  return {
    isPending: include.isPending,
    mutate: (wanted: Wanted, options: Parameters<typeof include.mutate>[1]) => {
      show(wanted);
      include.mutate(wanted, options);
    },
  };
}

type RowProps = {
  entry: PlanEntryView;
  sync: SyncSummary | undefined;
  who: [string, string];
  editable: boolean;
  onInclude: (included: boolean) => void;
};

const FEW = 3;

/** What is said of the others is no failure: it tells why they are left out or what stays as it is. */
function isFailure(action: PlanAction): boolean {
  return action === "invalid" || action === "held";
}

function Row({ entry, sync, who, editable, onInclude }: RowProps) {
  const [open, setOpen] = useState(false);
  const label = planAction(entry.action);
  const writes = isWrite(entry.action);
  const fields = entry.fields;
  const toggle = open ? "Fewer" : `+ ${fields.length - FEW} more`;
  return (
    <div
      className={`${columns} border-b border-line py-[7px] ${writes && !entry.included ? "bg-sunk [&_ins]:bg-transparent" : ""}`}
    >
      {writes ? (
        <input
          type="checkbox"
          aria-label={`Write ${entry.title}`}
          checked={entry.included}
          disabled={!editable}
          onChange={(event) => onInclude(event.currentTarget.checked)}
          className="mt-0.5 size-3.5 accent-accent"
        />
      ) : (
        <span />
      )}
      <div className="min-w-0">
        <span className="block truncate font-mono text-sm" title={entry.title}>
          {entry.title}
        </span>
        {(entry.title !== entry.source_key || entry.target_key != null) && (
          <span className="block truncate text-xs text-ink3" title={entry.source_key}>
            {entry.title !== entry.source_key && entry.source_key}
            {entry.target_key != null && ` → ${entry.target_key}`}
          </span>
        )}
      </div>
      <span className="flex min-w-0 items-center gap-1.5">
        <Tag tone={writes && !entry.included ? "neutral" : label.tone}>
          {entry.action === "update" ? `${label.text} ${fields.length}` : label.text}
        </Tag>
        <Written entry={entry} sync={sync} />
      </span>
      <div className="min-w-0">
        {entry.problem && (
          <p className={`m-0 break-words ${isFailure(entry.action) ? "text-bad" : "text-ink2"}`}>
            {entry.problem}
          </p>
        )}
        {open && <ChangeTable fields={fields} label={`Fields of ${entry.title}`} />}
        <div className="flex flex-wrap gap-x-4 gap-y-0.5">
          {!open &&
            fields.slice(0, FEW).map((field) => (
              <span key={field.path} className="min-w-0">
                <span className="mr-1.5 text-sm text-ink3">{field.path}</span>
                {entry.action === "delete" && isAbsent(field.after) ? (
                  <del className="font-mono text-sm break-words text-ink3">
                    {valueText(field.before)}
                  </del>
                ) : entry.action === "conflict" ? (
                  <BothSay field={field} who={who} />
                ) : entry.action !== "create" && entry.action !== "unchanged" ? (
                  <Change before={field.before} after={field.after} />
                ) : (
                  <span className="font-mono text-sm break-words">{valueText(field.after)}</span>
                )}
              </span>
            ))}
          {fields.length > FEW && (
            <button
              type="button"
              aria-expanded={open}
              aria-label={`${toggle}: fields of ${entry.title}`}
              onClick={() => setOpen(!open)}
              className="rounded-sm border-0 bg-transparent p-0 text-sm text-accent hover:underline"
            >
              {toggle}
            </button>
          )}
        </div>
      </div>
    </div>
  );
}

/** What each side says where they do not agree. */
function BothSay({ field, who }: { field: FieldChange; who: [string, string] }) {
  return (
    <span className="break-words">
      <span className="text-xs text-ink3">{who[0]}</span>{" "}
      <span className="font-mono text-sm">{valueText(field.before)}</span>
      <span className="mx-1.5 text-ink3">⇄</span>
      <span className="text-xs text-ink3">{who[1]}</span>{" "}
      <span className="font-mono text-sm">{valueText(field.after)}</span>
    </span>
  );
}

/** Whose values a conflict is between. */
function sidesOf(data: PlanDetail, sync: SyncSummary | undefined): [string, string] {
  if (data.kind === "undo") {
    return ["before the run", "now"];
  }
  return [
    sync?.source.connection_name ?? "the source",
    sync?.target.connection_name ?? "the target",
  ];
}

/** Which platform is written, where that could be either. */
function Written({ entry, sync }: { entry: PlanEntryView; sync: SyncSummary | undefined }) {
  if (sync === undefined || !isWrite(entry.action)) {
    return null;
  }
  if (entry.side === "source") {
    return <Place text={`← ${sync.source.connection_name}`} />;
  }
  return sync.is_two_way ? <Place text={`→ ${sync.target.connection_name}`} /> : null;
}

function Place({ text }: { text: string }) {
  return (
    <span className="min-w-0 truncate text-xs text-ink3" title={`Written ${text}`}>
      {text}
    </span>
  );
}

function Nothing({ data, find }: { data: PlanDetail; find: string }) {
  if (find !== "") {
    return (
      <EmptyState title={`Nothing has “${find}” in it`}>
        Keys and values of the records shown by the filter are searched.
      </EmptyState>
    );
  }
  return data.counts.read === 0 ? (
    <EmptyState title="The source gave no records">
      Nothing has changed there since the last run, or it is empty.
    </EmptyState>
  ) : (
    <EmptyState title="Both sides are the same">
      {counted(data.counts.unchanged, "record")} compared; there is nothing to write.
    </EmptyState>
  );
}

function LoadingRow({ width }: { width: string }) {
  return (
    <div className={`${columns} border-b border-line py-[9px]`}>
      <Skeleton className="size-3.5" />
      <Skeleton className="h-4 w-3/4" />
      <Skeleton className="h-4 w-16" />
      <Skeleton className={`h-4 ${width}`} />
    </div>
  );
}
