import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { PlanDetail } from "@/api/bindings";
import { BackendError } from "@/api/errors";
import { useCommand } from "@/api/mutations";
import { plan } from "@/api/queries";
import { Button, buttonClass } from "@/components/Button";
import { Card } from "@/components/Card";
import { EmptyState } from "@/components/EmptyState";
import { Page } from "@/components/Page";
import { Pill } from "@/components/Pill";
import { Callout, Problem, toastError } from "@/components/Problem";
import { BusyBar } from "@/components/Progress";
import { Time } from "@/components/Time";
import { count, counted } from "@/format/count";
import { planAction, planState } from "@/format/states";
import { changesOf, planEquation, whyNotApply } from "@/screens/plans/counts";
import { Entries } from "@/screens/plans/Entries";

const route = getRouteApi("/plans/$plan");

export function PlanScreen() {
  const { plan: id } = route.useParams();
  const { data } = useSuspenseQuery(plan(id));
  const state = planState(data.state);
  return (
    <Page
      fixed
      crumb={
        <>
          <Link to="/syncs" className="no-underline hover:underline">
            Syncs
          </Link>
          /
          <Link
            to="/syncs/$sync"
            params={{ sync: data.sync }}
            className="max-w-[320px] truncate no-underline hover:underline"
          >
            {data.sync_name}
          </Link>
        </>
      }
      title="Plan"
      name={`Plan of ${data.sync_name}`}
      pills={
        <>
          <Pill dot={state.tone}>{state.text}</Pill>
          <Pill>
            made <Time at={data.created_at} />
          </Pill>
        </>
      }
      actions={<Actions data={data} />}
    >
      <Body data={data} />
    </Page>
  );
}

function Actions({ data }: { data: PlanDetail }) {
  const navigate = route.useNavigate();
  const apply = useCommand("apply_plan");
  const discard = useCommand("discard_plan");
  const leave = () =>
    void discard
      .mutateAsync({ plan: data.id })
      .then(() => navigate({ to: "/syncs/$sync", params: { sync: data.sync } }))
      .catch(toastError);
  switch (data.state) {
    case "building":
      return (
        <Button busy={discard.isPending} onClick={leave}>
          Cancel
        </Button>
      );
    case "ready":
      return (
        <>
          <Button busy={discard.isPending} onClick={leave}>
            Discard
          </Button>
          <Button
            look="primary"
            busy={apply.isPending}
            disabledReason={whyNotApply(data)}
            onClick={() =>
              apply.mutate(
                { plan: data.id },
                {
                  onError: toastError,
                  onSuccess: ({ run }) => void navigate({ to: "/runs/$run", params: { run } }),
                },
              )
            }
          >
            Apply {counted(changesOf(data), "change")}
          </Button>
        </>
      );
    case "applied":
    case "discarded":
    case "failed":
      return <PlanAgain sync={data.sync} />;
  }
}

function PlanAgain({ sync }: { sync: string }) {
  const navigate = route.useNavigate();
  const start = useCommand("start_plan");
  return (
    <Button
      look="primary"
      busy={start.isPending}
      onClick={() =>
        start.mutate(
          { sync },
          {
            onError: toastError,
            onSuccess: (made) => void navigate({ to: "/plans/$plan", params: { plan: made.plan } }),
          },
        )
      }
    >
      Make a new plan
    </Button>
  );
}

function Body({ data }: { data: PlanDetail }) {
  switch (data.state) {
    case "building":
      return <Building data={data} />;
    case "failed":
      return (
        <div className="p-6">
          <Problem
            className="max-w-[720px]"
            error={
              new BackendError({
                code: "platform",
                message: data.problem?.message ?? "The plan could not be made.",
                hint: data.problem?.hint ?? "Nothing was written. Make a new plan to try again.",
              })
            }
            actions={
              <Link to="/syncs/$sync" params={{ sync: data.sync }} className={buttonClass()}>
                Open the mapping
              </Link>
            }
          />
        </div>
      );
    case "discarded":
      return (
        <EmptyState title="This plan was discarded">
          Nothing of it was written. Make a new one to see what would change now.
        </EmptyState>
      );
    case "ready":
    case "applied":
      return (
        <>
          {data.warnings.length > 0 && (
            <div className="px-6 pt-4">
              <Callout
                tone="warn"
                title="More changes than usual: the run would stop and ask before it writes"
              >
                <ul className="m-0 list-none p-0">
                  {data.warnings.map((warning) => (
                    <li key={warning}>{warning}</li>
                  ))}
                </ul>
              </Callout>
            </div>
          )}
          <Entries data={data} />
        </>
      );
  }
}

function Building({ data }: { data: PlanDetail }) {
  return (
    <div className="p-6">
      <Card className="max-w-[640px]">
        <div className="grid gap-3 p-5" role="status">
          <p className="m-0 text-md font-semibold">Reading and comparing records</p>
          <BusyBar label="The plan is being made" />
          <p className="m-0 text-ink2">{planEquation(data.counts)}</p>
          {data.waiting ? (
            <Callout tone="warn" title={data.waiting}>
              It goes on by itself.
            </Callout>
          ) : (
            <p className="m-0 text-sm text-ink3">
              Nothing is written while a plan is made. {count(data.counts.create)}{" "}
              {planAction("create").text}, {count(data.counts.update)} {planAction("update").text}{" "}
              so far.
            </p>
          )}
        </div>
      </Card>
    </div>
  );
}
