import { Page } from "@/components/Page";

export function SyncsScreen() {
  return <Page title="Syncs">{null}</Page>;
}
