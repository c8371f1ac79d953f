import { Page } from "@/components/Page";

export function PlanScreen() {
  return <Page title="Plan">{null}</Page>;
}
