import { Check, LoaderCircle, X } from "lucide-react";
import type { ConnectStep, StepState } from "@/api/bindings";
import { duration } from "@/format/time";

/** Checks one under the other, each with how it went and how long it took. */
export function Steps({ steps, label }: { steps: ConnectStep[]; label: string }) {
  return (
    <ol aria-label={label} aria-live="polite" className="m-0 grid list-none gap-2.5 p-0">
      {steps.map((step, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: steps are only ever added at the end.
        <li key={index} className="grid grid-cols-[20px_1fr_auto] items-start gap-2.5">
          <StepMark state={step.state} />
          <div className="min-w-0">
            <span className="font-strong">{step.label}</span>
            {step.detail && (
              <span
                className={`block text-sm break-words ${step.state === "failed" ? "text-bad" : "text-ink3"}`}
              >
                {step.detail}
              </span>
            )}
          </div>
          <span className="text-sm text-ink3">
            {step.took_ms === null ? "…" : duration(step.took_ms)}
          </span>
        </li>
      ))}
    </ol>
  );
}

function StepMark({ state }: { state: StepState }) {
  const round = "grid size-5 place-items-center rounded-full";
  switch (state) {
    case "running":
      return (
        <span className={`${round} bg-accent-soft text-accent`}>
          <LoaderCircle role="img" aria-label="Under way" size={12} className="animate-spin" />
        </span>
      );
    case "done":
      return (
        <span className={`${round} bg-ok-soft text-ok`}>
          <Check role="img" aria-label="Done" size={12} strokeWidth={3} />
        </span>
      );
    case "failed":
      return (
        <span className={`${round} bg-bad-soft text-bad`}>
          <X role="img" aria-label="Failed" size={12} strokeWidth={3} />
        </span>
      );
  }
}
