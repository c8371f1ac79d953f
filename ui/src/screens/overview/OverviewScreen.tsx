import { Page } from "@/components/Page";

export function OverviewScreen() {
  return <Page title="Overview">{null}</Page>;
}
