import { useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck } from "lucide-react";
import { overview } from "@/api/queries";
import { buttonClass } from "@/components/Button";
import { Card } from "@/components/Card";
import { EmptyState } from "@/components/EmptyState";
import { Page } from "@/components/Page";
import { Pill } from "@/components/Pill";
import { NeedsYouList } from "@/screens/overview/NeedsYouList";

export function NeedsYouScreen() {
  const { data } = useSuspenseQuery(overview());
  const entries = data.needs_you;
  return (
    <Page
      title="Needs you"
      pills={entries.length > 0 && <Pill dot="warn">{entries.length} waiting</Pill>}
    >
      <Card>
        {entries.length === 0 ? (
          <EmptyState
            icon={<CircleCheck size={20} />}
            title="Nothing needs you"
            actions={
              <Link to="/history" className={buttonClass()}>
                Look at the history
              </Link>
            }
          >
            Sign-ins that ended, runs that wait for approval and records that could not be written
            appear here, each with what to do about it.
          </EmptyState>
        ) : (
          <NeedsYouList entries={entries} />
        )}
      </Card>
    </Page>
  );
}
