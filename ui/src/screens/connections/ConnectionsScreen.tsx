import { Page } from "@/components/Page";

export function ConnectionsScreen() {
  return <Page title="Connections">{null}</Page>;
}
