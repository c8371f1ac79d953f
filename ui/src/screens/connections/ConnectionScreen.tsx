import { Page } from "@/components/Page";

export function ConnectionScreen() {
  return <Page title="Connection">{null}</Page>;
}
