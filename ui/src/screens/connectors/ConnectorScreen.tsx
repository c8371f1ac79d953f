import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { toast } from "sonner";
import type { ConnectorDetail, SavedConnector } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { connector } from "@/api/queries";
import { Button, buttonClass } from "@/components/Button";
import { Card } from "@/components/Card";
import { FilterTabs } from "@/components/FilterTabs";
import { KeyValue } from "@/components/KeyValue";
import { Monogram } from "@/components/Monogram";
import { Page } from "@/components/Page";
import { Pill } from "@/components/Pill";
import { Callout, toastError } from "@/components/Problem";
import { Skeleton } from "@/components/Progress";
import { counted } from "@/format/count";
import { AddConnector } from "@/screens/connectors/AddConnector";
import { Streams } from "@/screens/connectors/Streams";
import { TryPanel } from "@/screens/connectors/TryPanel";
import { Versions } from "@/screens/connectors/Versions";

const FileTab = lazy(() =>
  import("@/screens/connectors/FileTab").then((module) => ({ default: module.FileTab })),
);

const route = getRouteApi("/connectors/$connector");

export type ConnectorTab = "streams" | "try" | "file" | "versions";

export function ConnectorScreen() {
  const { connector: id } = route.useParams();
  const { data } = useSuspenseQuery(connector(id));
  const { tab = "streams", stream } = route.useSearch();
  const navigate = route.useNavigate();
  const [replacing, setReplacing] = useState(false);
  const use = useCommand("use_connector_version");
  const { summary } = data;
  const isOwn = summary.origin === "own";
  const go = (next: ConnectorTab) =>
    void navigate({ search: next === "streams" ? {} : { tab: next } });
  return (
    <Page
      fixed={tab === "file"}
      crumb={
        <Link to="/connectors" className="no-underline hover:underline">
          Connectors
        </Link>
      }
      name={summary.name}
      title={
        <span className="flex items-center gap-2">
          <Monogram text={summary.monogram} color={summary.color} />
          {summary.name}
        </span>
      }
      pills={
        <>
          {summary.problem ? (
            <Pill dot="bad">cannot be used</Pill>
          ) : (
            <Pill>{summary.writes ? "reads and writes" : "reads"}</Pill>
          )}
          {typeof summary.version === "number" && <Pill>version {summary.version}</Pill>}
        </>
      }
      actions={
        <>
          <Button onClick={() => setReplacing(true)}>Replace file…</Button>
          {isOwn && <DeleteConnector connector={data} />}
          {!summary.problem && (
            <Link
              to="/connections"
              search={{ connect: summary.id }}
              className={buttonClass("primary")}
            >
              Connect
            </Link>
          )}
        </>
      }
    >
      <div className={tab === "file" ? "border-b border-line px-6 pt-5 pb-4" : ""}>
        <FilterTabs<ConnectorTab>
          label="Parts of the connector"
          options={[
            { value: "streams", label: "Streams", count: data.streams.length },
            { value: "try", label: "Try" },
            { value: "file", label: "File" },
            ...(isOwn
              ? [
                  {
                    value: "versions" as const,
                    label: "Versions",
                    count: data.versions.length,
                  },
                ]
              : []),
          ]}
          isOn={(value) => value === tab}
          onToggle={go}
        />
      </div>
      {summary.problem && tab !== "file" && (
        <Callout
          tone="bad"
          title="This connector cannot be used as it is"
          actions={<Button onClick={() => go("file")}>Open the file</Button>}
        >
          {summary.problem} Its connections stand still until it is mended.
        </Callout>
      )}
      {tab === "streams" && (
        <>
          <Facts connector={data} />
          <Streams connector={data} />
        </>
      )}
      {tab === "try" && <TryPanel key={id} connector={data} stream={stream} />}
      {tab === "file" && (
        <Suspense fallback={<Skeleton className="m-6 h-64" />}>
          <FileTab key={id} connector={data} />
        </Suspense>
      )}
      {tab === "versions" && <Versions connector={data} />}
      {replacing && (
        <AddConnector
          replace={id}
          title={summary.name}
          onClose={() => setReplacing(false)}
          onSaved={(saved) => {
            setReplacing(false);
            void navigate({ search: {} });
            told(saved);
          }}
        />
      )}
    </Page>
  );

  function told({ version, before }: SavedConnector) {
    const goBack =
      typeof before === "number" && before !== version
        ? {
            action: {
              label: "Undo",
              onClick: () =>
                void use.mutateAsync({ connector: id, version: before }).catch(toastError),
            },
          }
        : {};
    toast(`Version ${version} is used now`, {
      description: "The version before is kept under Versions.",
      duration: 20_000,
      ...goBack,
    });
  }
}

function Facts({ connector: { summary, ...connector } }: { connector: ConnectorDetail }) {
  const facts = [
    {
      label: "In commands",
      value: <code className="font-mono text-sm select-text">{summary.id}</code>,
    },
    {
      label: "Signing in",
      value: summary.auth.map((each) => each.label).join(", ") || "not needed",
    },
    ...(connector.docs
      ? [{ label: "Documentation", value: <Documentation place={connector.docs} /> }]
      : []),
    ...(connector.rate ? [{ label: "At most", value: connector.rate }] : []),
    ...(connector.api_version ? [{ label: "API version", value: connector.api_version }] : []),
    ...(connector.sunset ? [{ label: "API ends", value: connector.sunset }] : []),
    {
      label: "Connections",
      value:
        connector.connections.length === 0
          ? "none yet"
          : connector.connections.map((each, index) => (
              <span key={each.id}>
                {index > 0 && ", "}
                <Link to="/connections/$connection" params={{ connection: each.id }}>
                  {each.name}
                </Link>
              </span>
            )),
    },
  ];
  return (
    <Card title="About">
      <KeyValue facts={facts} />
    </Card>
  );
}

/** Where the platform describes its API; the file is somebody's, so only a web page becomes a link. */
function Documentation({ place }: { place: string }) {
  if (!/^https?:\/\//i.test(place)) {
    return <span className="break-all select-text">{place}</span>;
  }
  return (
    <a
      href={place}
      target="_blank"
      rel="noopener noreferrer"
      className="font-mono text-sm break-all text-accent"
    >
      {place}
    </a>
  );
}

/** Deletes at once and offers the way back, with what stands still because of it. */
function DeleteConnector({ connector: detail }: { connector: ConnectorDetail }) {
  const navigate = useNavigate();
  const remove = useCommand("delete_connector");
  const restore = useCommand("restore_connector");
  const { id, name } = detail.summary;
  return (
    <Button
      look="danger"
      busy={remove.isPending}
      onClick={() =>
        remove.mutate(
          { connector: id },
          {
            onError: toastError,
            onSuccess: (stopped) => {
              void navigate({ to: "/connectors" });
              toast(`${name} was deleted`, {
                description: detail.comes_along
                  ? "The one that comes with Patchbay is used again."
                  : stopped.length === 0
                    ? "No connection used it."
                    : `${counted(stopped.length, "connection stands", "connections stand")} still until it is back: ${stopped.map((each) => each.name).join(", ")}.`,
                duration: 20_000,
                action: {
                  label: "Undo",
                  onClick: () => void restore.mutateAsync({ connector: id }).catch(toastError),
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
