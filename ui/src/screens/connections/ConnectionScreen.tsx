import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { toast } from "sonner";
import type { ConnectionDetail, ConnectionSummary, StreamView } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { connection } from "@/api/queries";
import { Button, buttonClass } from "@/components/Button";
import { Card } from "@/components/Card";
import { Dialog } from "@/components/Dialog";
import { EmptyState } from "@/components/EmptyState";
import { Field, Input } from "@/components/Field";
import { type Fact, KeyValue } from "@/components/KeyValue";
import { Monogram } from "@/components/Monogram";
import { Page } from "@/components/Page";
import { Pill } from "@/components/Pill";
import { Callout, Problem, toastError } from "@/components/Problem";
import { Spinner } from "@/components/Progress";
import { Site } from "@/components/Site";
import { Table, Td, Th, Tr } from "@/components/Table";
import { Time } from "@/components/Time";
import { counted } from "@/format/count";
import { connectionHealth, healthReason } from "@/format/states";
import { ConnectSheet } from "@/screens/connections/ConnectSheet";
import { Steps } from "@/screens/connections/Steps";

const route = getRouteApi("/connections/$connection");

export function ConnectionScreen() {
  const { connection: id } = route.useParams();
  const { data } = useSuspenseQuery(connection(id));
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [renaming, setRenaming] = useState(false);
  const test = useCommand("test_connection");
  const { summary } = data;
  const health = connectionHealth(summary.health);
  return (
    <Page
      crumb={
        <Link to="/connections" className="no-underline hover:underline">
          Connections
        </Link>
      }
      name={summary.name}
      title={
        <span className="flex items-center gap-2">
          <Monogram text={summary.monogram} color={summary.color} />
          {summary.name}
        </span>
      }
      pills={<Pill dot={health.tone}>{health.text}</Pill>}
      actions={
        <>
          <Button onClick={() => setRenaming(true)}>Rename</Button>
          <DeleteConnection summary={summary} />
          <Link
            to="/connections/$connection"
            params={{ connection: id }}
            search={{ connect: "again" }}
            className={buttonClass(summary.health.kind === "sign_in_needed" ? "primary" : "plain")}
          >
            Reconnect
          </Link>
          <Button
            look={summary.health.kind === "sign_in_needed" ? "plain" : "primary"}
            busy={test.isPending}
            onClick={() => test.mutate({ connection: id })}
          >
            Test
          </Button>
        </>
      }
    >
      <Health summary={summary} />
      {(test.data !== undefined || test.isPending || test.error !== null) && (
        <Card title="Test">
          <div className="px-3.5 py-3">
            {test.isPending ? (
              <Spinner label="Asking the platform…" />
            ) : test.error !== null ? (
              <Problem error={test.error} />
            ) : (
              <Steps steps={test.data?.steps ?? []} label="Steps of the test" />
            )}
          </div>
        </Card>
      )}
      <div className="grid items-start gap-4 min-[1100px]:grid-cols-2">
        <Card title="Account">
          <KeyValue facts={facts(data)} />
        </Card>
        <UsedBy summary={summary} />
      </div>
      <div className="grid items-start gap-4 min-[1100px]:grid-cols-2">
        <Streams streams={data.streams} />
        <Scopes scopes={data.scopes} />
      </div>
      {renaming && <Rename summary={summary} onClose={() => setRenaming(false)} />}
      {(search.connect !== undefined || search.flow !== undefined) && (
        <ConnectSheet
          connect={search.connect}
          flow={search.flow}
          existing={data}
          onMove={(next) => void navigate({ search: next })}
        />
      )}
    </Page>
  );
}

function facts(data: ConnectionDetail): Fact[] {
  const { summary } = data;
  return [
    { label: "Platform", value: summary.connector_name },
    { label: "Signed in as", value: summary.account ?? "–" },
    { label: "Way of signing in", value: data.auth_label },
    ...(data.token_expires_at === null
      ? []
      : [
          {
            label: "Access",
            value: (
              <>
                renewed by itself, next <Time at={data.token_expires_at} />
              </>
            ),
          },
        ]),
    { label: "Secret is kept in", value: data.secrets_backend },
    ...data.config.map((each) => ({
      label: each.label,
      value: /^https?:\/\//.test(each.value) ? (
        <Site url={each.value} />
      ) : (
        <span className="font-mono text-sm break-all">{each.value}</span>
      ),
    })),
    { label: "Connected", value: <Time at={summary.created_at} /> },
  ];
}

function Health({ summary }: { summary: ConnectionSummary }) {
  const reason = healthReason(summary.health);
  switch (summary.health.kind) {
    case "well":
    case "untested":
      return null;
    case "slowed":
      return (
        <Callout tone="warn" title="The platform slows us down">
          {reason} Patchbay waits as long as it asks for; nothing is lost.
        </Callout>
      );
    case "unavailable":
      return (
        <Callout tone="bad" title="The platform does not answer">
          {reason} It is tried again by itself.
        </Callout>
      );
    case "sign_in_needed":
      return (
        <Callout tone="bad" title={`Sign in to ${summary.name} again`}>
          {reason}{" "}
          {summary.used_by.length > 0 &&
            `${counted(summary.used_by.length, "sync")} wait and go on after that.`}
        </Callout>
      );
  }
}

function UsedBy({ summary }: { summary: ConnectionSummary }) {
  return (
    <Card title="Used by">
      {summary.used_by.length === 0 ? (
        <EmptyState
          title="No sync uses it yet"
          actions={
            <Link
              to="/syncs/new"
              search={{ source: summary.id }}
              className={buttonClass("primary")}
            >
              New sync
            </Link>
          }
        />
      ) : (
        <ul className="m-0 list-none p-0">
          {summary.used_by.map((sync) => (
            <li key={sync.id} className="border-b border-line px-3.5 py-2 last:border-b-0">
              <Link
                to="/syncs/$sync"
                params={{ sync: sync.id }}
                className="font-bold no-underline hover:underline"
              >
                {sync.name}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Streams({ streams }: { streams: StreamView[] }) {
  return (
    <Card title="What can be synced">
      <Table>
        <thead>
          <tr>
            <Th>Records</Th>
            <Th>Read</Th>
            <Th>Write</Th>
            <Th>Find by</Th>
          </tr>
        </thead>
        <tbody>
          {streams.map((stream) => (
            <Tr key={stream.name}>
              <Td className="font-semibold">{stream.label}</Td>
              <Td>
                {stream.capabilities.read
                  ? stream.capabilities.incremental
                    ? "only what changed"
                    : "all of it"
                  : "–"}
              </Td>
              <Td className="whitespace-normal">{writes(stream)}</Td>
              <Td className="font-mono text-sm whitespace-normal">
                {stream.capabilities.match_by.join(", ") || "–"}
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

function writes({ capabilities }: StreamView): string {
  const verbs = [
    capabilities.create && "create",
    capabilities.update && "update",
    capabilities.delete && "delete",
  ].filter((verb) => verb !== false);
  return verbs.length === 0 ? "–" : verbs.join(", ");
}

function Scopes({ scopes }: { scopes: string[] }) {
  return (
    <Card title="What it was granted">
      {scopes.length === 0 ? (
        <p className="m-0 px-3.5 py-3 text-ink2">
          The platform does not say. What its key may do is set there.
        </p>
      ) : (
        <ul className="m-0 flex list-none flex-wrap gap-1.5 px-3.5 py-3">
          {scopes.map((scope) => (
            <li key={scope}>
              <code className="rounded-sm bg-sunk px-1.5 py-0.5 font-mono text-sm">{scope}</code>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Rename({ summary, onClose }: { summary: ConnectionSummary; onClose: () => void }) {
  const [name, setName] = useState(summary.name);
  const rename = useCommand("rename_connection");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== "") {
      rename.mutate({ connection: summary.id, name: name.trim() }, { onSuccess: onClose });
    }
  };
  return (
    <Dialog
      title="Rename the connection"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            look="primary"
            type="submit"
            form="rename"
            busy={rename.isPending}
            disabledReason={name.trim() === "" ? "Type a name first" : undefined}
          >
            Rename
          </Button>
        </>
      }
    >
      <form id="rename" onSubmit={submit} className="grid gap-3">
        <Field required label="Name">
          {(control) => (
            <Input
              {...control}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
          )}
        </Field>
        {rename.error !== null && <Problem error={rename.error} />}
      </form>
    </Dialog>
  );
}

/** Deletes at once and offers the way back, with what stops because of it. */
function DeleteConnection({ summary }: { summary: ConnectionSummary }) {
  const navigate = useNavigate();
  const remove = useCommand("delete_connection");
  const restore = useCommand("restore_connection");
  return (
    <Button
      look="danger"
      busy={remove.isPending}
      onClick={() =>
        remove.mutate(
          { connection: summary.id },
          {
            onError: toastError,
            onSuccess: (stopped) => {
              void navigate({ to: "/connections" });
              toast(`${summary.name} was deleted`, {
                description:
                  stopped.length === 0
                    ? "No sync used it."
                    : `${counted(stopped.length, "sync stops", "syncs stop")} until it is back: ${stopped.map((sync) => sync.name).join(", ")}.`,
                duration: 20_000,
                action: {
                  label: "Undo",
                  onClick: () =>
                    void restore.mutateAsync({ connection: summary.id }).catch(toastError),
                },
              });
            },
          },
        )
      }
    >
      Delete
    </Button>
  );
}
