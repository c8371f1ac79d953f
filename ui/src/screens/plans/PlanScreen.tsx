import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { PlanDetail, PlanKind } from "@/api/bindings";
import { BackendError } from "@/api/errors";
import { useCommand } from "@/api/mutations";
import { run, shownPlan } from "@/api/queries";
import { Button, buttonClass } from "@/components/Button";
import { Card } from "@/components/Card";
import { EmptyState } from "@/components/EmptyState";
import { Page } from "@/components/Page";
import { Pill } from "@/components/Pill";
import { Callout, Problem, toastError } from "@/components/Problem";
import { BusyBar } from "@/components/Progress";
import { Time } from "@/components/Time";
import { planState } from "@/format/states";
import { applyLabel, deletesOf, planEquation, whyNotApply } from "@/screens/plans/counts";
import { Entries } from "@/screens/plans/Entries";

const route = getRouteApi("/plans/$plan");

export function PlanScreen() {
  const { plan: id } = route.useParams();
  const { data } = useSuspenseQuery(shownPlan(id));
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
      title={titles[data.kind]}
      name={`${data.kind === "run" ? "Plan of" : `${titles[data.kind]}:`} ${data.sync_name}`}
      pills={
        <>
          <Pill dot={state.tone}>{state.text}</Pill>
          <Pill>
            made <Time at={data.created_at} />
          </Pill>
          {data.of_run && <OfRun run={data.of_run} />}
        </>
      }
      actions={<Actions data={data} />}
    >
      <Body data={data} />
    </Page>
  );
}

const titles: Record<PlanKind, string> = {
  run: "Plan",
  undo: "Take back a run",
  decisions: "Your decisions",
  relink: "Match anew",
  purge: "Remove what this sync made",
};

/** The run that is taken back. */
function OfRun({ run: id }: { run: string }) {
  const { data } = useQuery(run(id));
  return (
    data !== undefined && (
      <Link to="/runs/$run" params={{ run: id }} className="no-underline">
        <Pill>
          the run of <Time at={data.summary.started_at} look="moment" />
        </Pill>
      </Link>
    )
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
            look={deletesOf(data) > 0 ? "primary-danger" : "primary"}
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
            {applyLabel(data)}
          </Button>
        </>
      );
    case "applied":
    case "discarded":
    case "failed":
      return data.kind === "run" || data.kind === "relink" ? (
        <PlanAgain sync={data.sync} />
      ) : (
        <Link
          to={data.kind === "decisions" ? "/conflicts" : "/history"}
          search={{ sync: data.sync }}
          className={buttonClass()}
        >
          {data.kind === "decisions" ? "Back to the conflicts" : "Back to the history"}
        </Link>
      );
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
          <What data={data} />
          {data.warnings.length > 0 && (
            <div className="px-6 pt-4">
              <Callout tone="warn" title="A run would stop here and ask before it writes">
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

const whats: Record<Exclude<PlanKind, "run">, { title: string; text: string }> = {
  undo: {
    title: "This plan takes back what a run did",
    text: "What it created is deleted, what it changed gets its old values, and what it deleted is made again under a new id. A value that was changed since stays, and is listed under Conflicts when you apply the plan. This can be taken back too.",
  },
  decisions: {
    title: "This plan carries out what you decided",
    text: "Only the fields that you decided about are written. Where both sides were to stay as they are, nothing is written, and the difference is not shown again until one side changes.",
  },
  relink: {
    title: "This plan finds anew which record is which",
    text: "It was made as if nothing had been linked before: pairs are found by the match key again. Those that need no change are under Unchanged. Until you apply it, the sync goes on with the pairs that it knows.",
  },
  purge: {
    title: "This plan removes what the sync has made",
    text: "Records that were there before stay as they are, and so does what somebody changed since: that is listed under Conflicts. The sync is paused when you apply the plan; resumed, it begins from the beginning. This can be taken back.",
  },
};

/** What a plan that is no ordinary run is going to do. */
function What({ data }: { data: PlanDetail }) {
  if (data.kind === "run") {
    return null;
  }
  return (
    <div className="px-6 pt-4">
      <Callout tone="info" title={whats[data.kind].title}>
        {whats[data.kind].text}
      </Callout>
    </div>
  );
}

const building: Record<PlanKind, string> = {
  run: "Reading and comparing records",
  undo: "Looking at what is there now",
  decisions: "Looking at your decisions",
  relink: "Reading both sides and finding the pairs",
  purge: "Looking up what this sync made",
};

function Building({ data }: { data: PlanDetail }) {
  return (
    <div className="p-6">
      <Card className="max-w-[640px]">
        <div className="grid gap-3 p-5" role="status">
          <p className="m-0 text-md font-semibold">{building[data.kind]}</p>
          <BusyBar label="The plan is being made" />
          <p className="m-0 text-ink2">{planEquation(data.counts)}</p>
          {data.waiting ? (
            <Callout tone="warn" title={data.waiting}>
              It goes on by itself.
            </Callout>
          ) : (
            <p className="m-0 text-sm text-ink3">Nothing is written while a plan is made.</p>
          )}
        </div>
      </Card>
    </div>
  );
}
