import { useState } from "react";
import { toast } from "sonner";
import type { ConnectorDetail, ConnectorVersionView } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { Button } from "@/components/Button";
import { Card } from "@/components/Card";
import { Sheet } from "@/components/Dialog";
import { Tag } from "@/components/Pill";
import { toastError } from "@/components/Problem";
import { Table, Td, Th, Tr } from "@/components/Table";
import { Time } from "@/components/Time";
import { Comparison } from "@/screens/connectors/Comparison";

/** Every version that was saved; any of them can be looked at and used again. */
export function Versions({ connector }: { connector: ConnectorDetail }) {
  const [shown, setShown] = useState<ConnectorVersionView | null>(null);
  const use = useCommand("use_connector_version");
  const { id } = connector.summary;
  const goTo = (version: number) =>
    use.mutate(
      { connector: id, version },
      {
        onError: toastError,
        onSuccess: (saved) => {
          setShown(null);
          const { before } = saved;
          toast(`Version ${version} is used now`, {
            duration: 20_000,
            ...(typeof before === "number" && before !== version
              ? {
                  action: {
                    label: "Undo",
                    onClick: () =>
                      void use.mutateAsync({ connector: id, version: before }).catch(toastError),
                  },
                }
              : {}),
          });
        },
      },
    );
  return (
    <Card title="Versions">
      <Table>
        <thead>
          <tr>
            <Th>Version</Th>
            <Th>From</Th>
            <Th>Saved</Th>
            <Th>
              <span className="sr-only">Actions</span>
            </Th>
          </tr>
        </thead>
        <tbody>
          {connector.versions.map((version) => (
            <Tr key={version.version}>
              <Td className="font-semibold">
                {version.version} {version.is_used && <Tag tone="ok">in use</Tag>}
              </Td>
              <Td className="whitespace-normal">{version.origin}</Td>
              <Td>
                <Time at={version.created_at} look="moment" />
              </Td>
              <Td className="text-right">
                {!version.is_used && (
                  <span className="inline-flex gap-2">
                    <Button onClick={() => setShown(version)}>Compare</Button>
                    <Button
                      aria-label={`Use this version: ${version.version}`}
                      onClick={() => goTo(version.version)}
                    >
                      Use this version
                    </Button>
                  </span>
                )}
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {shown !== null && (
        <Sheet
          wide
          title={`Version ${shown.version} in place of the one in use`}
          description={shown.origin}
          onClose={() => setShown(null)}
          footer={
            <>
              <Button onClick={() => setShown(null)}>Close</Button>
              <Button look="primary" busy={use.isPending} onClick={() => goTo(shown.version)}>
                Use this version
              </Button>
            </>
          }
        >
          <Comparison request={{ connector: id, text: null, version: shown.version }} />
        </Sheet>
      )}
    </Card>
  );
}
