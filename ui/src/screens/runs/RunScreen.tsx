import { Page } from "@/components/Page";

export function RunScreen() {
  return <Page title="Run">{null}</Page>;
}
