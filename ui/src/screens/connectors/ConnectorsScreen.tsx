import { Page } from "@/components/Page";

export function ConnectorsScreen() {
  return <Page title="Connectors">{null}</Page>;
}
