import type { SyncId } from "@/api/bindings";
import { Page } from "@/components/Page";

export function MappingEditor({ syncId }: { syncId: SyncId }) {
  return <Page title="Mapping">{syncId}</Page>;
}
