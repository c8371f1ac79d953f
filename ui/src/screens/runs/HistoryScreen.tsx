import { Page } from "@/components/Page";

export function HistoryScreen() {
  return <Page title="History">{null}</Page>;
}
