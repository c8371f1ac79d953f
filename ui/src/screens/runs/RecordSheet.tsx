import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Copy, RotateCcw } from "lucide-react";
import type { RunRecordDetail, RunRecordSummary } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { runRecord } from "@/api/queries";
import { Button, IconButton } from "@/components/Button";
import { ChangeTable } from "@/components/Change";
import { Sheet } from "@/components/Dialog";
import { Code, Part } from "@/components/Part";
import { Tag } from "@/components/Pill";
import { Callout, copyText, Problem, toastError } from "@/components/Problem";
import { Skeleton } from "@/components/Progress";
import { Time } from "@/components/Time";
import { Exchange } from "@/exchange/Exchange";
import { canRetry, recordOutcome } from "@/format/states";

type Props = { run: string; seq: number; onClose: () => void };

/** Everything about one record in one run. */
export function RecordSheet({ run, seq, onClose }: Props) {
  const { data, error } = useQuery(runRecord(run, seq));
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
        data !== undefined &&
        canRetry(data.summary.outcome) && <Retry run={run} seq={seq} onStarted={onClose} />
      }
    >
      {error !== null ? (
        <Problem error={error} />
      ) : data === undefined ? (
        <div role="status" aria-label="Loading the record" className="grid gap-3">
          <Skeleton className="h-6 w-40" />
          <Skeleton className="h-40 w-full" />
        </div>
      ) : (
        <Story data={data} />
      )}
    </Sheet>
  );
}

function Retry({ run, seq, onStarted }: { run: string; seq: number; onStarted: () => void }) {
  const navigate = useNavigate();
  const retry = useCommand("retry_records");
  return (
    <Button
      look="primary"
      icon={<RotateCcw aria-hidden size={13} />}
      busy={retry.isPending}
      onClick={() =>
        void retry
          .mutateAsync({ run, seqs: [seq] })
          .then((started) => {
            onStarted();
            return navigate({ to: "/runs/$run", params: { run: started.run } });
          })
          .catch(toastError)
      }
    >
      Try this record again
    </Button>
  );
}

function Story({ data }: { data: RunRecordDetail }) {
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
      <Part title="Before and after">
        {data.fields.length === 0 ? (
          <p className="m-0 text-ink3">No field was changed.</p>
        ) : (
          <ChangeTable fields={data.fields} label="Before and after" />
        )}
      </Part>
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
