import { useSuspenseQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Cable, Pause, Play, Plus, Trash2 } from "lucide-react";
import { toast } from "sonner";
import type { SideView, SyncSummary } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { syncs } from "@/api/queries";
import { Button, buttonClass, IconButton } from "@/components/Button";
import { Card } from "@/components/Card";
import { EmptyState } from "@/components/EmptyState";
import { Monogram } from "@/components/Monogram";
import { Page } from "@/components/Page";
import { Pill, Tag } from "@/components/Pill";
import { toastError } from "@/components/Problem";
import { Spark } from "@/components/Spark";
import { SyncStateTag } from "@/components/SyncStateTag";
import { Table, Td, Th, Tr } from "@/components/Table";
import { Time } from "@/components/Time";
import { usePauseSync } from "@/components/use-pause-sync";
import { count, counted } from "@/format/count";
import { runBars } from "@/format/runs";
import { changed, syncReason } from "@/format/states";

export function SyncsScreen() {
  const { data } = useSuspenseQuery(syncs());
  const create = (
    <Link to="/syncs/new" className={buttonClass("primary")}>
      <Plus aria-hidden size={14} /> New sync
    </Link>
  );
  return (
    <Page
      title="Syncs"
      pills={data.length > 0 && <Pill>{counted(data.length, "sync")}</Pill>}
      actions={data.length > 0 && create}
    >
      <Card>
        {data.length === 0 ? (
          <EmptyState icon={<Cable size={20} />} title="There is no sync yet" actions={create}>
            A sync says what goes from one platform to the other. Choose the two sides, then draw
            cables between their fields.
          </EmptyState>
        ) : (
          <div className="overflow-x-auto">
            <Table>
              <thead>
                <tr>
                  <Th>Sync</Th>
                  <Th>State</Th>
                  <Th className="hidden min-[1400px]:table-cell">Last 24 runs</Th>
                  <Th>Last run</Th>
                  <Th>Next</Th>
                  <Th className="text-right">
                    <span className="sr-only">Actions</span>
                  </Th>
                </tr>
              </thead>
              <tbody>
                {data.map((sync) => (
                  <Row key={sync.id} sync={sync} />
                ))}
              </tbody>
            </Table>
          </div>
        )}
      </Card>
    </Page>
  );
}

function Row({ sync }: { sync: SyncSummary }) {
  const last = sync.recent_runs.at(-1);
  return (
    <Tr>
      <Td className="max-w-[320px]">
        <Link
          to="/syncs/$sync"
          params={{ sync: sync.id }}
          className="font-bold no-underline hover:underline"
        >
          {sync.name}
        </Link>
        <span className="mt-0.5 flex items-center gap-1.5 text-sm text-ink3">
          <Side side={sync.source} />
          →
          <Side side={sync.target} />
        </span>
      </Td>
      <Td className="max-w-[190px]" title={syncReason(sync.state) ?? undefined}>
        <span className="flex items-center gap-1.5">
          <SyncStateTag sync={sync} />
          {sync.has_draft && sync.state.kind !== "draft" && <Tag tone="neutral">draft open</Tag>}
          {sync.is_paused && <Tag tone="neutral">paused</Tag>}
        </span>
        {syncReason(sync.state) !== null && (
          <span className="block truncate text-sm text-ink3">{syncReason(sync.state)}</span>
        )}
      </Td>
      <Td className="hidden min-[1400px]:table-cell">
        <Spark bars={runBars(sync.recent_runs)} label={counted(sync.recent_runs.length, "run")} />
      </Td>
      <Td>
        {last === undefined ? (
          <span className="text-ink3">never</span>
        ) : (
          <Link to="/runs/$run" params={{ run: last.id }} className="no-underline hover:underline">
            <Time at={last.started_at} look="moment" /> · {count(changed(last.counts))} changed
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
      <Td className="text-right">
        <Actions sync={sync} />
      </Td>
    </Tr>
  );
}

function Side({ side }: { side: SideView }) {
  return (
    <span className="inline-flex items-center gap-1.5">
      <Monogram text={side.monogram} color={side.color} />
      {side.connection_name} · {side.stream_label}
    </span>
  );
}

function Actions({ sync }: { sync: SyncSummary }) {
  const navigate = useNavigate();
  const start = useCommand("start_run");
  const plan = useCommand("start_plan");
  const pause = usePauseSync(sync);
  const remove = useCommand("delete_sync");
  const restore = useCommand("restore_sync");
  const unpublished = sync.state.kind === "draft";
  const notYet = unpublished ? "Publish the mapping first" : undefined;
  return (
    <span className="inline-flex items-center gap-1.5">
      <Button
        busy={plan.isPending}
        aria-label={`Plan: ${sync.name}`}
        onClick={() =>
          plan.mutate(
            { sync: sync.id },
            {
              onError: toastError,
              onSuccess: (made) =>
                void navigate({ to: "/plans/$plan", params: { plan: made.plan } }),
            },
          )
        }
      >
        Plan
      </Button>
      <Button
        busy={start.isPending}
        aria-label={`Run now: ${sync.name}`}
        disabledReason={sync.state.kind === "running" ? "It is running already" : notYet}
        onClick={() =>
          start.mutate(
            { sync: sync.id },
            {
              onError: toastError,
              onSuccess: ({ run }) => void navigate({ to: "/runs/$run", params: { run } }),
            },
          )
        }
      >
        Run now
      </Button>
      <IconButton
        label={`${sync.is_paused ? "Resume" : "Pause"} ${sync.name}`}
        icon={sync.is_paused ? <Play aria-hidden size={14} /> : <Pause aria-hidden size={14} />}
        disabledReason={notYet}
        onClick={pause.toggle}
      />
      <IconButton
        label={`Delete ${sync.name}`}
        icon={<Trash2 aria-hidden size={14} />}
        onClick={() =>
          void remove
            .mutateAsync({ sync: sync.id })
            .then(() =>
              toast(`${sync.name} was deleted`, {
                description: "What it wrote stays where it is.",
                duration: 20_000,
                action: {
                  label: "Undo",
                  onClick: () => void restore.mutateAsync({ sync: sync.id }).catch(toastError),
                },
              }),
            )
            .catch(toastError)
        }
      />
    </span>
  );
}
