import { useNavigate } from "@tanstack/react-router";
import type { StartOver as What } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { Button } from "@/components/Button";
import { toastError } from "@/components/Problem";
import { SettingGroup } from "./Setting";
import { useEditor } from "./store";

const ways: readonly { what: What; label: string; consequence: string }[] = [
  {
    what: "cursor",
    label: "Read everything again…",
    consequence:
      "Reads both sides from the beginning. All records are compared; only what differs is written.",
  },
  {
    what: "links",
    label: "Match anew…",
    consequence:
      "Finds the pairs again, as if nothing had been linked. Choose this after a change of the match rules.",
  },
  {
    what: "purge",
    label: "Remove what this sync made…",
    consequence:
      "Deletes the records that this sync has made; what was there before stays. The sync is paused then, and the removal can be taken back.",
  },
];

/** Three ways to begin anew. Each shows its plan first. */
export function StartOver() {
  const { syncId, detail } = useEditor();
  const navigate = useNavigate();
  const start = useCommand("start_over");
  return detail.summary.version === 0 ? null : (
    <SettingGroup title="Start over" value="">
      {ways.map(({ what, label, consequence }) => (
        <div key={what} className="grid gap-1">
          <Button
            busy={start.isPending && start.variables.what === what}
            onClick={() =>
              start.mutate(
                { sync: syncId, what },
                {
                  onError: toastError,
                  onSuccess: ({ plan }) => void navigate({ to: "/plans/$plan", params: { plan } }),
                },
              )
            }
          >
            {label}
          </Button>
          <p className="m-0 text-sm text-ink3">
            {consequence} Nothing happens before you have seen the plan.
          </p>
        </div>
      ))}
    </SettingGroup>
  );
}
