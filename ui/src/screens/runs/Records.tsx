import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { RecordOutcome, RunCounts, RunRecordSummary } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { type RecordRequest, recordPage } from "@/api/queries";
import { usePages } from "@/api/use-pages";
import { Button } from "@/components/Button";
import { EmptyState } from "@/components/EmptyState";
import { SearchInput } from "@/components/Field";
import { FilterTabs } from "@/components/FilterTabs";
import { ListBody } from "@/components/ListBody";
import { LoadingRows, widthOf } from "@/components/LoadingRows";
import { Tag } from "@/components/Pill";
import { toastError } from "@/components/Problem";
import { Skeleton } from "@/components/Progress";
import { Time } from "@/components/Time";
import { useSettled } from "@/components/use-settled";
import { Cut, VirtualRows } from "@/components/VirtualRows";
import { counted } from "@/format/count";
import { recordOutcome, recordOutcomes } from "@/format/states";

const columns =
  "grid grid-cols-[minmax(160px,1fr)_92px_minmax(0,2fr)_110px] items-center gap-3 px-6 text-left";

type Filter = { outcomes?: RecordOutcome[]; find?: string; unwritten?: true };

type Props = {
  /** Only of this run; else of all. */
  run?: string;
  sync?: string | undefined;
  filter: Filter;
  onFilter: (filter: Filter) => void;
  onOpen: (record: RunRecordSummary) => void;
  /** To show how many there are of each outcome. */
  counts?: RunCounts;
  /** Why there are none where nothing is left out. */
  empty: { title: string; text: string };
};

/** All that is kept of records: those that were as they should be are counted and not listed. */
const listed = recordOutcomes.filter((outcome) => outcome !== "unchanged");

/** What became of records: filters, search, and the list. */
export function Records({ run, sync, filter, onFilter, onOpen, counts, empty }: Props) {
  const find = useSettled(filter.find ?? "");
  const outcomes = filter.outcomes ?? [];
  // Of one sync only; what a run left open may have been written since.
  const unwritten = run === undefined && sync !== undefined && filter.unwritten === true;
  const request = { run: run ?? null, sync: sync ?? null, outcomes, search: find, unwritten };
  const { data: first } = useQuery(recordPage(request, null));
  const filtered = find !== "" || outcomes.length > 0 || unwritten;
  const change = (next: Filter) =>
    onFilter({
      ...(next.outcomes === undefined || next.outcomes.length === 0
        ? {}
        : { outcomes: next.outcomes }),
      ...(next.find === undefined || next.find === "" ? {} : { find: next.find }),
    });
  const shown = listed.filter((each) => counts === undefined || counts[each] > 0);
  return (
    <div className="flex min-h-[260px] flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-2 border-y border-line bg-panel px-6 py-2.5">
        {run === undefined && sync !== undefined && (
          <FilterTabs
            label="Show what waits"
            options={[{ value: "unwritten", label: "Still needs you" }]}
            isOn={() => unwritten}
            onToggle={() => onFilter(unwritten ? {} : { unwritten: true })}
          />
        )}
        {!unwritten && (
          <FilterTabs
            label="Show only"
            options={shown.map((outcome) => ({
              value: outcome,
              label: recordOutcome(outcome).text,
              ...(counts === undefined ? {} : { count: counts[outcome] }),
            }))}
            isOn={(outcome) => outcomes.includes(outcome)}
            onToggle={(outcome) =>
              change({
                ...filter,
                outcomes: outcomes.includes(outcome)
                  ? outcomes.filter((each) => each !== outcome)
                  : [...outcomes, outcome],
              })
            }
          />
        )}
        <span className="flex-1" />
        {unwritten ? (
          (first?.records.length ?? 0) > 0 && <RetryAll sync={sync} />
        ) : (
          <SearchInput
            label="Find a record, a value or a message"
            className="w-72"
            value={filter.find ?? ""}
            onSearch={(text) => change({ ...filter, find: text })}
          />
        )}
      </div>
      <div
        aria-hidden
        className={`${columns} border-b border-line bg-panel py-[7px] text-xs font-semibold text-ink3`}
      >
        <span>Record</span>
        <span>Outcome</span>
        <span>What happened</span>
        <span>When</span>
      </div>
      <RecordList
        key={`${unwritten} ${outcomes.join()} ${find}`}
        request={request}
        expected={
          counts === undefined || find !== ""
            ? undefined
            : listed
                .filter((outcome) => outcomes.length === 0 || outcomes.includes(outcome))
                .reduce((sum, outcome) => sum + counts[outcome], 0)
        }
        onOpen={onOpen}
        empty={
          unwritten ? (
            <EmptyState
              title="Nothing needs you"
              actions={<Button onClick={() => onFilter({})}>Show all records</Button>}
            >
              All records of this sync are written, or left out by its rules.
            </EmptyState>
          ) : filtered ? (
            <EmptyState
              title="No record fits"
              actions={<Button onClick={() => onFilter({})}>Show all records</Button>}
            >
              Keys, values and messages are searched.
            </EmptyState>
          ) : (
            <EmptyState title={empty.title}>{empty.text}</EmptyState>
          )
        }
      />
    </div>
  );
}

type ListProps = {
  request: RecordRequest;
  expected: number | undefined;
  onOpen: (record: RunRecordSummary) => void;
  empty: ReactNode;
};

function RecordList({ request, expected = 0, onOpen, empty }: ListProps) {
  const records = usePages<"list_run_records", RunRecordSummary>({
    page: (after) => recordPage(request, after),
    rows: (answer) => answer.records,
    next: (answer) => answer.next ?? null,
    // Pages are read one after another: what is too far away to be read to at once is not promised.
    expected: expected > NEAR ? 0 : expected,
  });
  return (
    <ListBody
      error={records.error}
      onRetry={records.retry}
      isPending={records.isPending}
      isEmpty={records.count === 0}
      loading={
        <LoadingRows label="Loading the records">
          {(width) => <LoadingRow width={width} />}
        </LoadingRows>
      }
      empty={empty}
    >
      <Cut count={records.count} />
      <VirtualRows
        count={records.count}
        estimate={ROW}
        label="Records"
        className="min-h-0 flex-1 bg-panel"
        onRange={records.onRange}
      >
        {(row) => {
          const record = records.at(row);
          return record === undefined ? (
            <LoadingRow width={widthOf(row)} />
          ) : (
            <Row record={record} onOpen={() => onOpen(record)} />
          );
        }}
      </VirtualRows>
    </ListBody>
  );
}

/** So many rows are read in a few seconds. */
const NEAR = 100_000;

/** What a row is high. */
const ROW = 35;

/** Writes again all that needs the person, and goes to that run. */
function RetryAll({ sync }: { sync: string }) {
  const navigate = useNavigate();
  const retry = useCommand("retry_unwritten");
  return (
    <Button
      busy={retry.isPending}
      onClick={() =>
        retry.mutate(
          { sync },
          {
            onError: toastError,
            onSuccess: ({ run }) => void navigate({ to: "/runs/$run", params: { run } }),
          },
        )
      }
    >
      Try all again
    </Button>
  );
}

/** Outcomes that are no failure: what was wanted, and what a person is asked about. */
function isQuiet(outcome: RecordOutcome): boolean {
  return outcome === "filtered" || outcome === "unchanged" || outcome === "conflict";
}

function Row({ record, onOpen }: { record: RunRecordSummary; onOpen: () => void }) {
  const outcome = recordOutcome(record.outcome);
  return (
    <button
      type="button"
      onClick={onOpen}
      className={`${columns} w-full border-0 border-b border-line bg-transparent py-[7px] -outline-offset-2 hover:bg-sunk/60`}
    >
      <span className="min-w-0 truncate font-mono text-sm" title={record.source_key}>
        {record.title}
      </span>
      <span>
        <Tag tone={outcome.tone}>{outcome.text}</Tag>
      </span>
      <span
        className={`truncate ${record.message && !isQuiet(record.outcome) ? "text-bad" : "text-ink3"}`}
      >
        {record.message ? (
          <>
            {record.is_set_aside && (
              <span className="mr-1.5 text-ink3">Set aside after {record.tries} tries ·</span>
            )}
            {record.field && <span className="mr-1.5 font-medium">{record.field}</span>}
            {record.message}
          </>
        ) : record.changed_fields > 0 ? (
          counted(record.changed_fields, "field")
        ) : (
          "–"
        )}
      </span>
      <span className="text-sm text-ink3">
        <Time at={record.at} />
      </span>
    </button>
  );
}

function LoadingRow({ width }: { width: string }) {
  return (
    <div className={`${columns} border-b border-line py-[9px]`}>
      <Skeleton className="h-4 w-3/4" />
      <Skeleton className="h-4 w-16" />
      <Skeleton className={`h-4 ${width}`} />
      <Skeleton className="h-4 w-14" />
    </div>
  );
}
