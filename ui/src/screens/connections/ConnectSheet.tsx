import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Suspense, useState } from "react";
import type { ConnectionDetail, StartConnect } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { connectFlow, connectors } from "@/api/queries";
import { Sheet } from "@/components/Dialog";
import { EmptyState } from "@/components/EmptyState";
import { Skeleton } from "@/components/Progress";
import { ConnectForm } from "@/screens/connections/ConnectForm";
import { FlowView } from "@/screens/connections/FlowView";
import { Gallery } from "@/screens/connections/Gallery";

export type ConnectPlace = { connect?: string; flow?: string };

type Props = {
  /** "all" for the gallery, "again" to sign in again, or a connector. */
  connect: string | undefined;
  flow: string | undefined;
  /** The connection that is signed in again. */
  existing?: ConnectionDetail | undefined;
  onMove: (place: ConnectPlace) => void;
};

/** From the gallery through the form to the sign-in; where it stands is in the address. */
export function ConnectSheet({ connect, flow, existing, onMove }: Props) {
  const { data: all } = useSuspenseQuery(connectors());
  const [asked, setAsked] = useState<StartConnect | null>(null);
  const start = useCommand("start_connect");
  const cancel = useCommand("cancel_connect");
  const close = () => {
    if (flow !== undefined) {
      cancel.mutate({ flow });
    }
    onMove({});
  };
  const begin = (request: StartConnect) => {
    setAsked(request);
    start.mutate(request, { onSuccess: (begun) => onMove({ flow: begun.id }) });
  };
  const { data: running } = useQuery({ ...connectFlow(flow ?? ""), enabled: flow !== undefined });
  const known = existing?.summary.connector ?? (connect === "again" ? undefined : connect);
  const connector = all.find(
    (each) => each.id === (known ?? running?.connector ?? asked?.connector),
  );

  if (flow !== undefined) {
    return (
      <Sheet
        title={connector === undefined ? "Connecting" : `Connecting ${connector.name}`}
        onClose={close}
      >
        <FlowView
          flow={flow}
          existing={existing?.summary.id}
          onAgain={asked === null ? undefined : () => begin(asked)}
          onSeparate={
            asked === null ? undefined : () => begin({ ...asked, reconnect: null, name: "" })
          }
          onBack={(id) => onMove({ connect: existing === undefined ? id : "again" })}
          onDone={() => onMove({})}
        />
      </Sheet>
    );
  }
  if (connect === "all") {
    return (
      <Sheet
        wide
        title="Connect a platform"
        description="Choose what to connect. You can connect the same platform more than once."
        onClose={close}
      >
        <Gallery
          connectors={all.filter((each) => !each.problem)}
          onChoose={(id) => onMove({ connect: id })}
        />
      </Sheet>
    );
  }
  if (connector === undefined) {
    return (
      <Sheet title="Connect a platform" onClose={close}>
        <EmptyState title="There is no such connector">
          It may have been removed. Close this and choose another one.
        </EmptyState>
      </Sheet>
    );
  }
  return (
    <Suspense
      fallback={
        <Sheet title={`Connect ${connector.name}`} onClose={close}>
          <Skeleton className="h-40 w-full" />
        </Sheet>
      }
    >
      <ConnectForm
        key={connector.id}
        connector={connector}
        existing={existing}
        error={start.error}
        busy={start.isPending}
        onSubmit={begin}
        onClose={close}
      />
    </Suspense>
  );
}
