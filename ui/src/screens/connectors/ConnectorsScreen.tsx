import { useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Shapes } from "lucide-react";
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

export function ConnectorsScreen() {
  const { data } = useSuspenseQuery(connectors());
  const { data: made } = useSuspenseQuery(connections());
  const [text, setText] = useState("");
  const word = text.trim().toLowerCase();
  const shown = data.filter((each) =>
    [each.name, each.summary, ...each.categories, ...each.streams].some((part) =>
      part.toLowerCase().includes(word),
    ),
  );
  return (
    <Page
      title="Connectors"
      pills={<Pill>{counted(data.length, "connector")}</Pill>}
      actions={
        data.length > 0 && (
          <SearchInput
            label="Find a connector or a stream"
            className="w-60"
            value={text}
            onSearch={setText}
          />
        )
      }
    >
      <Card>
        {data.length === 0 ? (
          <EmptyState
            icon={<Shapes size={20} />}
            title="No connector is there yet"
            actions={
              <Link to="/" className={buttonClass("primary")}>
                Go to the overview
              </Link>
            }
          >
            A connector describes a platform: how to sign in, what can be read and written. Start
            the sample platforms to see two of them.
          </EmptyState>
        ) : shown.length === 0 ? (
          <EmptyState
            title={`No connector has “${text.trim()}” in it`}
            actions={<Button onClick={() => setText("")}>Show all</Button>}
          />
        ) : (
          <div className="overflow-x-auto">
            <Table>
              <thead>
                <tr>
                  <Th>Connector</Th>
                  <Th>Records</Th>
                  <Th>Signing in</Th>
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
    </Page>
  );
}

function Row({ connector, used }: { connector: ConnectorSummary; used: number }) {
  return (
    <Tr className="align-top">
      <Td className="max-w-[380px] whitespace-normal">
        <div className="flex items-start gap-3 py-1">
          <Monogram text={connector.monogram} color={connector.color} size="large" />
          <div>
            <span className="flex items-center gap-2 font-semibold">
              {connector.name}
              {connector.is_sample && <Tag tone="accent">sample</Tag>}
            </span>
            <span className="block text-sm text-ink2">{connector.summary}</span>
          </div>
        </div>
      </Td>
      <Td className="max-w-[240px] whitespace-normal">
        <span className="block py-1">{connector.streams.join(", ")}</span>
        <span className="block text-sm text-ink3">
          {connector.writes ? "can be read and written" : "can only be read"}
        </span>
      </Td>
      <Td className="whitespace-normal">
        <span className="block py-1">
          {connector.auth.map((method) => method.label).join(", ") || "not needed"}
        </span>
      </Td>
      <Td className="whitespace-normal">
        <span className="block py-1">{connector.categories.map(category).join(", ") || "–"}</span>
      </Td>
      <Td>
        <span className="block py-1">{used === 0 ? "–" : used}</span>
      </Td>
      <Td className="text-right">
        <Link
          to="/connections"
          search={{ connect: connector.id }}
          aria-label={`Connect ${connector.name}`}
          className={buttonClass()}
        >
          Connect
        </Link>
      </Td>
    </Tr>
  );
}
