import type { PlanAction, PlanCounts, PlanDetail, PlanKind } from "@/api/bindings";
import { count, counted } from "@/format/count";

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

/** Whether an action writes to a platform. */
export function isWrite(action: PlanAction): boolean {
  return action === "create" || action === "update" || action === "delete";
}

/** What the plan would write if nothing was ticked off. */
export function writesOf(counts: PlanCounts): number {
  return counts.create + counts.update + counts.delete;
}

/** What applying the plan would write. */
export function changesOf(plan: PlanDetail): number {
  return Math.max(0, writesOf(plan.counts) - plan.excluded);
}

/** What applying the plan would delete or put away. */
export function deletesOf(plan: PlanDetail): number {
  return Math.max(0, plan.counts.delete - plan.excluded_deletes);
}

/** What is done when nothing is written: something is remembered all the same. */
const nothingToWrite: Record<PlanKind, string> = {
  run: "List the conflicts",
  undo: "List the conflicts",
  purge: "List the conflicts",
  decisions: "Leave them as they are",
  relink: "Match them anew",
};

/** "Apply 43 changes", or "Apply 43 changes, 3 deletes". */
export function applyLabel(plan: PlanDetail): string {
  const deletes = deletesOf(plan);
  const all = changesOf(plan);
  // Nothing is written, but something is remembered: what stays as it is, or what a person has to decide.
  if (all === 0 && whyNotApply(plan) === undefined) {
    return nothingToWrite[plan.kind];
  }
  if (deletes === 0) {
    return `Apply ${counted(all, "change")}`;
  }
  return deletes === all
    ? `Apply ${counted(deletes, "delete")}`
    : `Apply ${counted(all, "change")}, ${counted(deletes, "delete")}`;
}

/** Why the plan cannot be applied; nothing if it can. */
export function whyNotApply(plan: PlanDetail): string | undefined {
  if (plan.state !== "ready") {
    return "This plan is not ready";
  }
  // That the pairs are others is remembered without anything being written.
  if (plan.kind === "relink" && changesOf(plan) === writesOf(plan.counts)) {
    return undefined;
  }
  // What was decided to stay as it is, is remembered without anything being written.
  if (plan.kind === "decisions" && plan.counts.unchanged > 0) {
    return undefined;
  }
  if (plan.kind === "undo" && writesOf(plan.counts) === 0) {
    return plan.counts.conflict > 0 ? undefined : "There is nothing left to take back";
  }
  if (plan.kind === "purge" && writesOf(plan.counts) === 0) {
    return "There is nothing to remove: all of it was there before, or cannot be deleted";
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
