import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Plug, Plus } from "lucide-react";
import type { ConnectionSummary } from "@/api/bindings";
import { connections } from "@/api/queries";
import { buttonClass } from "@/components/Button";
import { Card } from "@/components/Card";
import { EmptyState } from "@/components/EmptyState";
import { Monogram } from "@/components/Monogram";
import { Page } from "@/components/Page";
import { Pill, Tag } from "@/components/Pill";
import { Table, Td, Th, Tr } from "@/components/Table";
import { Time } from "@/components/Time";
import { counted } from "@/format/count";
import { connectionHealth, healthReason } from "@/format/states";
import { ConnectSheet } from "@/screens/connections/ConnectSheet";

const route = getRouteApi("/connections");

export function ConnectionsScreen() {
  const { data } = useSuspenseQuery(connections());
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const connect = (
    <Link to="/connections" search={{ connect: "all" }} className={buttonClass("primary")}>
      <Plus aria-hidden size={14} /> Connect a platform
    </Link>
  );
  return (
    <Page
      title="Connections"
      pills={data.length > 0 && <Pill>{counted(data.length, "connection")}</Pill>}
      actions={data.length > 0 && connect}
    >
      <Card>
        {data.length === 0 ? (
          <EmptyState icon={<Plug size={20} />} title="No platform is connected" actions={connect}>
            Connect the platform that has your records and the one that should get them. You sign in
            at the platform itself; Patchbay never sees your password.
          </EmptyState>
        ) : (
          <List connections={data} />
        )}
      </Card>
      {(search.connect !== undefined || search.flow !== undefined) && (
        <ConnectSheet
          connect={search.connect}
          flow={search.flow}
          onMove={(next) => void navigate({ search: next })}
        />
      )}
    </Page>
  );
}

function List({ connections }: { connections: ConnectionSummary[] }) {
  return (
    <div className="overflow-x-auto">
      <Table>
        <thead>
          <tr>
            <Th>Connection</Th>
            <Th>Platform</Th>
            <Th>Signed in as</Th>
            <Th>State</Th>
            <Th>Used by</Th>
            <Th>Connected</Th>
          </tr>
        </thead>
        <tbody>
          {connections.map((each) => {
            const health = connectionHealth(each.health);
            return (
              <Tr key={each.id}>
                <Td>
                  <Link
                    to="/connections/$connection"
                    params={{ connection: each.id }}
                    className="inline-flex items-center gap-2 font-bold no-underline hover:underline"
                  >
                    <Monogram text={each.monogram} color={each.color} />
                    {each.name}
                  </Link>
                </Td>
                <Td>{each.connector_name}</Td>
                <Td>{each.account ?? "–"}</Td>
                <Td className="max-w-[320px]">
                  <Tag tone={health.tone}>{health.text}</Tag>{" "}
                  <span className="text-sm text-ink3">{healthReason(each.health)}</span>
                </Td>
                <Td title={each.used_by.map((sync) => sync.name).join("\n")}>
                  {each.used_by.length === 0 ? (
                    <span className="text-ink3">no sync yet</span>
                  ) : (
                    counted(each.used_by.length, "sync")
                  )}
                </Td>
                <Td>
                  <Time at={each.created_at} />
                </Td>
              </Tr>
            );
          })}
        </tbody>
      </Table>
    </div>
  );
}
