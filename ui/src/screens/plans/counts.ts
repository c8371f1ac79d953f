import type { PlanAction, PlanCounts, PlanDetail } from "@/api/bindings";
import { count } from "@/format/count";

/** The actions in the order of the tabs, with their words. */
export const tabs = [
  { action: "create", label: "Create" },
  { action: "update", label: "Update" },
  { action: "delete", label: "Delete" },
  { action: "unchanged", label: "Unchanged" },
  { action: "filtered", label: "Left out" },
  { action: "invalid", label: "Invalid" },
  { action: "held", label: "Hold" },
  { action: "conflict", label: "Conflict" },
] as const satisfies readonly { action: PlanAction; label: string }[];

/** What the plan would write if nothing was ticked off. */
function writesOf(counts: PlanCounts): number {
  return counts.create + counts.update + counts.delete;
}

/** What applying the plan would write. */
export function changesOf(plan: PlanDetail): number {
  return Math.max(0, writesOf(plan.counts) - plan.excluded);
}

/** Why the plan cannot be applied; nothing if it can. */
export function whyNotApply(plan: PlanDetail): string | undefined {
  if (plan.state !== "ready") {
    return "This plan is not ready";
  }
  if (writesOf(plan.counts) === 0) {
    return "There is nothing to change: both sides are the same";
  }
  return changesOf(plan) === 0 ? "Every change is ticked off" : undefined;
}

/** "200 read = 12 create + 31 update + …", without zeros. */
export function planEquation(counts: PlanCounts): string {
  const parts = tabs
    .filter((tab) => counts[tab.action] > 0)
    .map((tab) => `${count(counts[tab.action])} ${tab.label.toLowerCase()}`);
  return `${count(counts.read)} read${parts.length === 0 ? "" : ` = ${parts.join(" + ")}`}`;
}
