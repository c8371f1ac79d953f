import { Page } from "@/components/Page";

export function NewSyncScreen() {
  return <Page title="NewSync">{null}</Page>;
}
