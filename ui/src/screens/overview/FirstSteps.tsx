import { Link } from "@tanstack/react-router";
import { Check } from "lucide-react";
import type { ReactNode } from "react";
import type { AppStatus, ConnectionSummary } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { Button, buttonClass } from "@/components/Button";
import { Card } from "@/components/Card";
import { toastError } from "@/components/Problem";
import { counted } from "@/format/count";

type Props = { status: AppStatus; connections: ConnectionSummary[] };

/** What a fresh installation shows instead of empty tables. */
export function FirstSteps({ status, connections }: Props) {
  const start = useCommand("start_sample_platforms");
  const sample = status.sample ?? null;
  const connected = connections.length;
  return (
    <div className="mx-auto grid w-full max-w-[760px] gap-4 pt-6">
      <div>
        <h2 className="m-0 text-2xl font-semibold tracking-tight">Connect two platforms</h2>
        <p className="mt-1 mb-0 max-w-[560px] text-md text-ink2">
          Patchbay moves records between the platforms you use, straight from this computer. Three
          steps, and nothing is written before you have seen it.
        </p>
      </div>
      <Card>
        <ol className="m-0 list-none p-0">
          <Step
            number={1}
            done={sample !== null || connected > 0}
            title="Try with two sample platforms"
            action={
              sample === null && (
                <Button
                  look={connected === 0 ? "primary" : "plain"}
                  busy={start.isPending}
                  onClick={() => start.mutate({}, { onError: toastError })}
                >
                  Start the samples
                </Button>
              )
            }
          >
            {sample === null
              ? "Harbor CRM and Postino, a newsletter, run on this computer with made-up contacts. No account, nothing to break. Or go on with your own."
              : "Harbor CRM and Postino run on this computer. How to sign in is shown when you connect them."}
          </Step>
          <Step
            number={2}
            done={connected >= 2}
            title="Connect a platform on each side"
            action={
              <Link
                to="/connections"
                search={{ connect: "all" }}
                className={buttonClass(sample !== null && connected < 2 ? "primary" : "plain")}
              >
                Connect a platform
              </Link>
            }
          >
            {connected === 0
              ? "You sign in at the platform in your own browser. What it hands out stays in this computer's keychain."
              : `${counted(connected, "platform")} connected: ${connections.map((each) => each.name).join(", ")}.`}
          </Step>
          <Step
            number={3}
            done={false}
            title="Make a sync"
            action={
              <Link to="/syncs/new" className={buttonClass(connected >= 2 ? "primary" : "plain")}>
                New sync
              </Link>
            }
          >
            Choose what goes where, draw cables between the fields, and look at exactly what would
            change.
          </Step>
        </ol>
      </Card>
    </div>
  );
}

type StepProps = {
  number: number;
  done: boolean;
  title: string;
  children: ReactNode;
  action: ReactNode;
};

function Step({ number, done, title, children, action }: StepProps) {
  return (
    <li className="grid grid-cols-[28px_1fr_auto] items-center gap-3 border-b border-line px-4 py-4 last:border-b-0">
      <span
        className={`grid size-7 place-items-center rounded-full text-sm font-semibold ${done ? "bg-ok-soft text-ok" : "bg-sunk text-ink2"}`}
      >
        {done ? <Check role="img" aria-label="Done" size={14} strokeWidth={2.6} /> : number}
      </span>
      <div className="min-w-0">
        <h3 className="m-0 text-base font-semibold">{title}</h3>
        <p className="m-0 text-ink2">{children}</p>
      </div>
      <div>{action}</div>
    </li>
  );
}
