import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { Plus, Shapes } from "lucide-react";
import { useState } from "react";
import type { ConnectorSummary } from "@/api/bindings";
import { connections, connectors } from "@/api/queries";
import { Button, buttonClass } from "@/components/Button";
import { Card } from "@/components/Card";
import { EmptyState } from "@/components/EmptyState";
import { SearchInput } from "@/components/Field";
import { Monogram } from "@/components/Monogram";
import { Page } from "@/components/Page";
import { Pill, Tag } from "@/components/Pill";
import { Table, Td, Th, Tr } from "@/components/Table";
import { counted } from "@/format/count";
import { category } from "@/format/words";
import { AddConnector } from "@/screens/connectors/AddConnector";

const route = getRouteApi("/connectors");

export function ConnectorsScreen() {
  const { data } = useSuspenseQuery(connectors());
  const { data: made } = useSuspenseQuery(connections());
  const { add } = route.useSearch();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const word = text.trim().toLowerCase();
  const shown = data.filter((each) =>
    [each.name, each.id, each.summary, ...each.categories, ...each.streams].some((part) =>
      part.toLowerCase().includes(word),
    ),
  );
  const adding = (
    <Link to="/connectors" search={{ add: true }} className={buttonClass("primary")}>
      <Plus aria-hidden size={14} /> Add a connector
    </Link>
  );
  return (
    <Page
      title="Connectors"
      pills={<Pill>{counted(data.length, "connector")}</Pill>}
      actions={
        <>
          {data.length > 0 && (
            <SearchInput
              label="Find a connector or a stream"
              className="w-60"
              value={text}
              onSearch={setText}
            />
          )}
          {adding}
        </>
      }
    >
      <Card>
        {data.length === 0 ? (
          <EmptyState
            icon={<Shapes size={20} />}
            title="No connector is there yet"
            actions={adding}
          >
            A connector is a file that describes a platform: how to sign in, what can be read and
            written. Add one from a file, a folder or pasted text.
          </EmptyState>
        ) : shown.length === 0 ? (
          <EmptyState
            title={`No connector has “${text.trim()}” in it`}
            actions={
              <>
                <Button onClick={() => setText("")}>Show all</Button>
                {adding}
              </>
            }
          />
        ) : (
          <div className="overflow-x-auto">
            <Table>
              <thead>
                <tr>
                  <Th>Connector</Th>
                  <Th>Records</Th>
                  <Th>From</Th>
                  <Th>Categories</Th>
                  <Th>Connections</Th>
                  <Th>
                    <span className="sr-only">Actions</span>
                  </Th>
                </tr>
              </thead>
              <tbody>
                {shown.map((each) => (
                  <Row
                    key={each.id}
                    connector={each}
                    used={made.filter((one) => one.connector === each.id).length}
                  />
                ))}
              </tbody>
            </Table>
          </div>
        )}
      </Card>
      {add === true && (
        <AddConnector
          onClose={() => void navigate({ to: "/connectors" })}
          onSaved={(saved) =>
            void navigate({
              to: "/connectors/$connector",
              params: { connector: saved.connector },
            })
          }
        />
      )}
    </Page>
  );
}

const origins = {
  builtin: "comes with Patchbay",
  folder: "the folder “connectors”",
  own: "yours",
} as const;

function Row({ connector, used }: { connector: ConnectorSummary; used: number }) {
  const streams = connector.streams.slice(0, 5).join(", ");
  const more = connector.streams.length - 5;
  return (
    <Tr className="align-top">
      <Td className="max-w-[380px] whitespace-normal">
        <div className="flex items-start gap-3 py-1">
          <Monogram text={connector.monogram} color={connector.color} size="large" />
          <div>
            <span className="flex flex-wrap items-center gap-2 font-semibold">
              <Link
                to="/connectors/$connector"
                params={{ connector: connector.id }}
                className="no-underline hover:underline"
              >
                {connector.name}
              </Link>
              {connector.is_sample && <Tag tone="accent">sample</Tag>}
              {connector.problem && <Tag tone="bad">cannot be used</Tag>}
            </span>
            <span className="block text-sm text-ink2">
              {connector.problem ?? connector.summary}
            </span>
          </div>
        </div>
      </Td>
      <Td className="max-w-[280px] whitespace-normal">
        <span className="block py-1">
          {streams || "–"}
          {more > 0 && ` and ${more} more`}
        </span>
        <span className="block text-sm text-ink3">
          {connector.writes ? "can be read and written" : "can only be read"}
          {connector.n_refused > 0 && ` · ${counted(connector.n_refused, "stream")} left out`}
        </span>
      </Td>
      <Td className="whitespace-normal">
        <span className="block py-1">{origins[connector.origin]}</span>
        {typeof connector.version === "number" && (
          <span className="block text-sm text-ink3">version {connector.version}</span>
        )}
      </Td>
      <Td className="whitespace-normal">
        <span className="block py-1">{connector.categories.map(category).join(", ") || "–"}</span>
      </Td>
      <Td>
        <span className="block py-1">{used === 0 ? "–" : used}</span>
      </Td>
      <Td className="text-right">
        {connector.problem ? (
          <Link
            to="/connectors/$connector"
            params={{ connector: connector.id }}
            search={{ tab: "file" }}
            aria-label={`Mend ${connector.name}`}
            className={buttonClass()}
          >
            Mend
          </Link>
        ) : (
          <Link
            to="/connections"
            search={{ connect: connector.id }}
            aria-label={`Connect ${connector.name}`}
            className={buttonClass()}
          >
            Connect
          </Link>
        )}
      </Td>
    </Tr>
  );
}
