import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { CircleCheck, Square, Undo2 } from "lucide-react";
import type { ConnectionSummary, RunDetail, RunSummary } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { conflictCounts, connections, run, syncs } from "@/api/queries";
import { Button, buttonClass } from "@/components/Button";
import { Page } from "@/components/Page";
import { Pill } from "@/components/Pill";
import { Callout, toastError } from "@/components/Problem";
import { BusyBar, PartsBar } from "@/components/Progress";
import { Time, useNow } from "@/components/Time";
import { count, counted } from "@/format/count";
import { equation, outcomeParts, settled } from "@/format/runs";
import { isActive, runState, trigger } from "@/format/states";
import { duration } from "@/format/time";
import { RecordSheet } from "@/screens/runs/RecordSheet";
import { Records } from "@/screens/runs/Records";
import { useUndo } from "@/screens/runs/use-undo";

const route = getRouteApi("/runs/$run");

export function RunScreen() {
  const { run: id } = route.useParams();
  const { data } = useSuspenseQuery(run(id));
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { summary } = data;
  const state = runState(summary.state);
  const { record, ...filter } = search;
  return (
    <Page
      fixed
      crumb={
        <>
          <Link to="/history" className="no-underline hover:underline">
            History
          </Link>
          /
          <Link
            to="/syncs/$sync"
            params={{ sync: summary.sync }}
            className="max-w-[320px] truncate no-underline hover:underline"
          >
            {summary.sync_name}
          </Link>
        </>
      }
      title="Run"
      name={`Run of ${summary.sync_name}`}
      pills={
        <>
          <Pill dot={state.tone}>{state.text}</Pill>
          <Pill>
            <Time at={summary.started_at} look="moment" /> · {trigger(summary.trigger)}
          </Pill>
          <Pill>Version {data.sync_version}</Pill>
        </>
      }
      actions={<Actions data={data} />}
    >
      <div className="grid gap-3 px-6 py-4">
        <Progress data={data} />
        <Reason data={data} />
        {summary.counts.conflict > 0 && !isActive(summary.state) && <InConflict data={data} />}
      </div>
      <Records
        run={id}
        counts={summary.counts}
        filter={filter}
        onFilter={(next) => void navigate({ replace: true, search: next })}
        onOpen={(opened) =>
          void navigate({ replace: true, search: { ...filter, record: opened.seq } })
        }
        empty={nothing(summary)}
      />
      {record !== undefined && (
        <RecordSheet
          run={id}
          seq={record}
          onClose={() => void navigate({ replace: true, search: filter })}
        />
      )}
    </Page>
  );
}

/** Why no record is listed. */
function nothing({ state, counts }: RunSummary): { title: string; text: string } {
  if (isActive(state)) {
    return { title: "No records yet", text: "They appear here as soon as they are settled." };
  }
  if (state === "waiting") {
    return { title: "No records yet", text: "Nothing has been written yet." };
  }
  return counts.unchanged > 0
    ? {
        title: "Nothing had to be written",
        text: `${counted(counts.unchanged, "record")} compared; those that are as they should be are not listed.`,
      }
    : { title: "No records", text: "This run had none to look at." };
}

function Actions({ data }: { data: RunDetail }) {
  const navigate = route.useNavigate();
  const cancel = useCommand("cancel_run");
  const approve = useCommand("approve_run");
  const retry = useCommand("retry_records");
  const start = useCommand("start_run");
  const { summary } = data;
  const signedOut = useSignedOut(summary.sync);
  const failed = summary.counts.invalid + summary.counts.rejected + summary.counts.held;
  const go = ({ run }: { run: string }) => void navigate({ to: "/runs/$run", params: { run } });
  return (
    <>
      {(isActive(summary.state) || summary.state === "waiting") && (
        <Button
          icon={<Square aria-hidden size={12} />}
          busy={cancel.isPending}
          onClick={() => cancel.mutate({ run: summary.id }, { onError: toastError })}
        >
          Stop
        </Button>
      )}
      {data.can_approve && signedOut.length === 0 && (
        <Button
          look="primary"
          busy={approve.isPending}
          onClick={() =>
            approve.mutate({ run: summary.id }, { onError: toastError, onSuccess: go })
          }
        >
          {data.plan ? "Approve and write" : "Go on"}
        </Button>
      )}
      {!isActive(summary.state) && summary.state !== "waiting" && (
        <>
          {failed > 0 && (
            <Button
              busy={retry.isPending}
              onClick={() =>
                retry.mutate({ run: summary.id, seqs: [] }, { onError: toastError, onSuccess: go })
              }
            >
              Try {count(failed)} again
            </Button>
          )}
          {data.can_undo && <TakeBack run={summary.id} />}
          <Button
            look="primary"
            busy={start.isPending}
            onClick={() =>
              start.mutate({ sync: summary.sync }, { onError: toastError, onSuccess: go })
            }
          >
            Run again
          </Button>
        </>
      )}
    </>
  );
}

/** Makes the plan that takes the whole run back. */
function TakeBack({ run: id }: { run: string }) {
  const undo = useUndo();
  return (
    <Button
      icon={<Undo2 aria-hidden size={13} />}
      title="Shows what would be taken back; nothing is written before you have seen it"
      busy={undo.isPending}
      onClick={() => undo.start({ run: id, seqs: [], fields: [] })}
    >
      Take back…
    </Button>
  );
}

function Progress({ data }: { data: RunDetail }) {
  const { summary } = data;
  const active = isActive(summary.state);
  const progress = active ? (data.progress ?? null) : null;
  const words =
    active && summary.counts.read === 0 ? "Nothing has been read yet" : equation(summary.counts);
  return (
    <section
      aria-label="Progress"
      className="grid gap-2.5 rounded-xl border border-line bg-panel p-3.5"
    >
      <div className="flex flex-wrap items-baseline gap-x-4 gap-y-1">
        <span
          className="text-lg font-semibold first-letter:uppercase"
          role={active ? "status" : undefined}
        >
          {active ? (progress?.stage ?? "Starting") : runState(summary.state).text}
        </span>
        {progress !== null && progress.records_per_second > 0 && (
          <span className="text-ink2">{count(progress.records_per_second)} records/s</span>
        )}
        <span className="text-ink3">
          <Took data={data} />
        </span>
      </div>
      {active ? (
        <BusyBar label="The run is at work" />
      ) : settled(summary.counts) === 0 ? null : (
        <PartsBar
          label={words}
          total={Math.max(summary.counts.read, settled(summary.counts))}
          parts={outcomeParts.map((part) => ({
            label: part.word,
            value: summary.counts[part.key],
            color: part.color,
          }))}
        />
      )}
      <p className="m-0 flex flex-wrap items-center gap-2">
        {words}
        {!active && summary.state !== "waiting" && data.balances && (
          <span className="inline-flex items-center gap-1 text-sm text-ok">
            <CircleCheck aria-hidden size={13} /> every record is accounted for
          </span>
        )}
      </p>
    </section>
  );
}

function Took({ data: { summary } }: { data: RunDetail }) {
  const now = useNow(1000);
  const until = summary.finished_at ?? Math.max(now, summary.started_at);
  const took = duration(until - summary.started_at);
  return summary.finished_at === null ? `for ${took}` : `took ${took}`;
}

/** Records of this run that a person has to decide about, if any of them are still open. */
function InConflict({ data }: { data: RunDetail }) {
  const { data: open } = useQuery(conflictCounts(data.summary.sync));
  if (open === undefined || open.total === 0) {
    return null;
  }
  return (
    <Callout
      tone="warn"
      title={`${counted(open.total, "conflict")} of this sync ${open.total === 1 ? "waits" : "wait"} for your decision`}
      actions={
        <Link to="/conflicts" search={{ sync: data.summary.sync }} className={buttonClass()}>
          Decide
        </Link>
      }
    >
      What both sides changed stays as it is until then. Everything else was written.
    </Callout>
  );
}

/** What keeps a run from going on, and the way out of it. */
function Waiting({ data }: { data: RunDetail }) {
  const signedOut = useSignedOut(data.summary.sync);
  const title = data.summary.reason ?? "This run waits for you";
  if (signedOut.length > 0) {
    return (
      <Callout
        tone="warn"
        title={title}
        actions={signedOut.map((each) => (
          <Link
            key={each.id}
            to="/connections/$connection"
            params={{ connection: each.id }}
            search={{ connect: "again" }}
            className={buttonClass("primary")}
          >
            Sign in to {each.name}
          </Link>
        ))}
      >
        Nothing is lost: the sync goes on where it stopped.
      </Callout>
    );
  }
  return (
    <Callout
      tone="warn"
      title={title}
      actions={
        data.plan && (
          <Link to="/plans/$plan" params={{ plan: data.plan }} className={buttonClass()}>
            Look at the plan
          </Link>
        )
      }
    >
      {data.plan
        ? "Look at what would change, record by record. Then approve it, or stop the run."
        : "Let it go on when the cause is gone, or stop the run."}
    </Callout>
  );
}

/** The connections of a sync that nobody is signed in to. */
function useSignedOut(id: string): ConnectionSummary[] {
  const { data: all = [] } = useQuery(connections());
  const { data: known = [] } = useQuery(syncs());
  const sync = known.find((each) => each.id === id);
  return all.filter(
    (each) =>
      each.health.kind === "sign_in_needed" &&
      (each.id === sync?.source.connection || each.id === sync?.target.connection),
  );
}

/** Why a run waits, failed, or could not write everything; and what to do about it. */
function Reason({ data }: { data: RunDetail }) {
  const { summary } = data;
  const waiting = data.progress?.waiting ?? null;
  switch (summary.state) {
    case "queued":
    case "running":
      return waiting === null ? null : (
        <Callout tone="warn" title={waiting}>
          It goes on by itself; nothing is lost meanwhile.
        </Callout>
      );
    case "waiting":
      return <Waiting data={data} />;
    case "failed":
      return (
        <Callout
          tone="bad"
          title={summary.reason ?? "The run failed"}
          actions={
            <Link to="/syncs/$sync" params={{ sync: summary.sync }} className={buttonClass()}>
              Open the mapping
            </Link>
          }
        >
          What was settled before stays settled. Run it again; it goes on where it stopped.
        </Callout>
      );
    case "interrupted":
      return (
        <Callout tone="warn" title={summary.reason ?? "Patchbay was closed during this run"}>
          Nothing is lost: the next run finds out what was written and goes on from there.
        </Callout>
      );
    case "cancelled":
      return (
        <Callout tone="info" title="You stopped this run">
          What was settled before stays settled. The next run goes on from there.
        </Callout>
      );
    case "completed":
      return null;
  }
}
