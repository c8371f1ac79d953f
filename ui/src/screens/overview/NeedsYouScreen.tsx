import { Page } from "@/components/Page";

export function NeedsYouScreen() {
  return <Page title="NeedsYou">{null}</Page>;
}
