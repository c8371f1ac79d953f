import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Copy, Pause, Play, RotateCcw, Undo2 } from "lucide-react";
import { useState } from "react";
import type {
  MappingChoice,
  RecordOutcome,
  RunRecordDetail,
  RunRecordSummary,
} from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { query, run as runQuery, runRecord } from "@/api/queries";
import { Button, buttonClass, IconButton } from "@/components/Button";
import { ChangeTable } from "@/components/Change";
import { Sheet } from "@/components/Dialog";
import { Code, Part } from "@/components/Part";
import { Tag } from "@/components/Pill";
import { Callout, copyText, Problem, toastError } from "@/components/Problem";
import { Skeleton } from "@/components/Progress";
import { Time } from "@/components/Time";
import { Exchange } from "@/exchange/Exchange";
import { canRetry, recordOutcome } from "@/format/states";
import { EditButton, EditFooter, EditRecord, type Texts } from "@/screens/runs/EditRecord";
import { rightBefore } from "@/screens/runs/keys";
import { useUndo } from "@/screens/runs/use-undo";

type Props = { run: string; seq: number; onClose: () => void };

/** Everything about one record in one run. */
export function RecordSheet({ run, seq, onClose }: Props) {
  const { data, error } = useQuery(runRecord(run, seq));
  // What is typed to be sent instead; nothing while the record is only looked at.
  const [texts, setTexts] = useState<Texts | null>(null);
  return (
    <Sheet
      wide
      title={data?.summary.title ?? "Record"}
      description={
        data === undefined ? undefined : (
          <>
            {data.sync_name} · <Time at={data.summary.at} />
          </>
        )
      }
      onClose={onClose}
      footer={
        data === undefined ? undefined : texts !== null ? (
          <EditFooter data={data} texts={texts} onBack={() => setTexts(null)} onStarted={onClose} />
        ) : (
          <>
            <PauseRecord sync={data.sync} sourceKey={data.summary.source_key} />
            <span className="flex-1" />
            {isWritten(data.summary.outcome) && <TakeBack data={data} />}
            {canRetry(data.summary.outcome) && (
              <>
                {data.has_other_mapping && (
                  <Retry run={run} seq={seq} mapping="then" onStarted={onClose} />
                )}
                <Retry run={run} seq={seq} mapping="today" onStarted={onClose} />
              </>
            )}
          </>
        )
      }
    >
      {error !== null ? (
        <Problem error={error} />
      ) : data === undefined ? (
        <div role="status" aria-label="Loading the record" className="grid gap-3">
          <Skeleton className="h-6 w-40" />
          <Skeleton className="h-40 w-full" />
        </div>
      ) : texts !== null ? (
        <EditRecord data={data} texts={texts} onTexts={setTexts} />
      ) : (
        <Story data={data} onEdit={() => setTexts({})} />
      )}
    </Sheet>
  );
}

type RetryProps = { run: string; seq: number; mapping: MappingChoice; onStarted: () => void };

function Retry({ run, seq, mapping, onStarted }: RetryProps) {
  const navigate = useNavigate();
  const retry = useCommand("retry_records");
  return (
    <Button
      look={mapping === "today" ? "primary" : "plain"}
      icon={<RotateCcw aria-hidden size={13} />}
      title={
        mapping === "today"
          ? "With the mapping of today"
          : "The sync maps otherwise by now; this maps the record as it was mapped then"
      }
      busy={retry.isPending}
      onClick={() =>
        void retry
          .mutateAsync({ run, seqs: [seq], mapping })
          .then((started) => {
            onStarted();
            return navigate({ to: "/runs/$run", params: { run: started.run } });
          })
          .catch(toastError)
      }
    >
      {mapping === "today" ? "Try this record again" : "Try with the mapping of then"}
    </Button>
  );
}

/** Whether a run has written the record, so that it can be taken back. */
function isWritten(outcome: RecordOutcome): boolean {
  return outcome === "created" || outcome === "updated" || outcome === "deleted";
}

/** The run is over and can be taken back. */
function useCanUndo(id: string): boolean {
  return useQuery(runQuery(id)).data?.can_undo ?? false;
}

function TakeBack({ data }: { data: RunRecordDetail }) {
  const undo = useUndo();
  const { run: id, seq, outcome } = data.summary;
  return (
    useCanUndo(id) && (
      <Button
        icon={<Undo2 aria-hidden size={13} />}
        title="Shows what would be taken back; nothing is written before you have seen it"
        busy={undo.isPending}
        onClick={() => undo.start({ run: id, seqs: [seq], fields: [] })}
      >
        {takeBackWords[outcome] ?? "Take back…"}
      </Button>
    )
  );
}

const takeBackWords: Partial<Record<RecordOutcome, string>> = {
  created: "Delete it again…",
  updated: "Put its old values back…",
  deleted: "Make it again…",
};

/** Takes the record out of its sync for a while, or back in. */
function PauseRecord({ sync, sourceKey }: { sync: string; sourceKey: string }) {
  const { data: paused } = useQuery(
    query("list_paused", { sync, after: rightBefore(sourceKey), limit: 1 }),
  );
  const pause = useCommand("pause_records");
  if (paused === undefined) {
    return null;
  }
  const isPaused = paused[0]?.source_key === sourceKey;
  return (
    <Button
      look="quiet"
      icon={isPaused ? <Play aria-hidden size={13} /> : <Pause aria-hidden size={13} />}
      title={
        isPaused
          ? "The next run writes it again, as it is then"
          : "Runs leave it alone on both sides until you take it back in"
      }
      busy={pause.isPending}
      onClick={() =>
        pause.mutate(
          { sync, source_keys: [sourceKey], is_paused: !isPaused },
          { onError: toastError },
        )
      }
    >
      {isPaused ? "Resume this record" : "Pause this record"}
    </Button>
  );
}

/** What of the record waits for a decision. */
function OpenConflicts({ data }: { data: RunRecordDetail }) {
  const { data: found } = useQuery(
    query("list_conflicts", {
      sync: data.sync,
      source_key: data.summary.source_key,
      search: "",
      limit: 20,
    }),
  );
  if (found === undefined || found.conflicts.length === 0) {
    return null;
  }
  return (
    <Callout
      tone="warn"
      title="Both sides do not agree on this record"
      actions={
        <Link
          to="/conflicts"
          search={{ sync: data.sync, record: data.summary.source_key }}
          className={buttonClass()}
        >
          Decide
        </Link>
      }
    >
      <ul className="m-0 list-none p-0">
        {found.conflicts.map((conflict) => (
          <li key={conflict.id}>{conflict.what}</li>
        ))}
      </ul>
    </Callout>
  );
}

/** Takes one field of an update back. */
function FieldsBack({ data }: { data: RunRecordDetail }) {
  const undo = useUndo();
  const { run: id, seq, outcome } = data.summary;
  if (!useCanUndo(id) || outcome !== "updated" || data.fields.length < 2) {
    return null;
  }
  return (
    <div className="mt-2 flex flex-wrap items-center gap-1.5 text-sm text-ink3">
      Put only one value back:
      {data.fields.map((field) => (
        <Button
          key={field.path}
          look="plain"
          className="!px-2 !py-0.5 !text-sm"
          busy={undo.isPending && undo.asked?.fields[0] === field.path}
          onClick={() => undo.start({ run: id, seqs: [seq], fields: [field.path] })}
        >
          {field.path}
        </Button>
      ))}
    </div>
  );
}

function Story({ data, onEdit }: { data: RunRecordDetail; onEdit: () => void }) {
  const { summary } = data;
  const outcome = recordOutcome(summary.outcome);
  const source = JSON.stringify(data.source, null, 2);
  return (
    <div className="grid gap-5">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Tag tone={outcome.tone}>{outcome.text}</Tag>
        <span className="font-mono text-sm text-ink2">
          {summary.source_key}
          {summary.target_key && ` → ${summary.target_key}`}
        </span>
      </div>
      {summary.message && (
        <Callout tone={canRetry(summary.outcome) ? "bad" : "info"} title={summary.message}>
          {summary.field && <>Field: {summary.field}</>}
        </Callout>
      )}
      <OpenConflicts data={data} />
      {/* What both sides say of a conflict stands where it is decided. */}
      {summary.outcome !== "conflict" && (
        <Part title="Before and after">
          {data.fields.length === 0 ? (
            <p className="m-0 text-ink3">No field was changed.</p>
          ) : (
            <>
              <ChangeTable fields={data.fields} label="Before and after" />
              <FieldsBack data={data} />
            </>
          )}
        </Part>
      )}
      {canRetry(summary.outcome) && <EditButton onOpen={onEdit} />}
      {data.exchange ? (
        <Exchange exchange={data.exchange} />
      ) : (
        <Part title="Request">
          <p className="m-0 text-ink3">
            {summary.outcome === "created" ||
            summary.outcome === "updated" ||
            summary.outcome === "rejected"
              ? "It is not kept any more: the history has a size limit."
              : "Nothing was sent for this record."}
          </p>
        </Part>
      )}
      {source !== undefined && source !== "null" && (
        <Part
          title="Record as it came"
          aside={
            <IconButton
              label="Copy the record"
              icon={<Copy aria-hidden size={13} />}
              onClick={() => void copyText(source, "Record")}
            />
          }
        >
          <Code text={source} label="Record as it came" />
        </Part>
      )}
      <Part title="Story of this record">
        <ol className="m-0 grid list-none gap-0 p-0">
          {[summary, ...data.timeline].map((each, index) => (
            <Moment key={`${each.run} ${each.seq}`} record={each} current={index === 0} />
          ))}
        </ol>
        {data.timeline.length === 0 && (
          <p className="m-0 mt-1 text-sm text-ink3">It was not in any other run.</p>
        )}
      </Part>
    </div>
  );
}

function Moment({ record, current }: { record: RunRecordSummary; current: boolean }) {
  const outcome = recordOutcome(record.outcome);
  return (
    <li className="grid grid-cols-[110px_92px_1fr] items-center gap-3 border-b border-line py-1.5 last:border-b-0">
      <span className="text-sm text-ink2">
        <Time at={record.at} />
      </span>
      <span>
        <Tag tone={outcome.tone}>{outcome.text}</Tag>
      </span>
      <span className="min-w-0 truncate text-sm text-ink2">
        {current ? (
          <b className="font-semibold text-ink">this run</b>
        ) : (
          <Link to="/runs/$run" params={{ run: record.run }} search={{ record: record.seq }}>
            open that run
          </Link>
        )}
        {record.message && ` · ${record.message}`}
      </span>
    </li>
  );
}
