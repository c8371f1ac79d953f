import type {
  ConnectionHealth,
  PlanAction,
  PlanState,
  RecordOutcome,
  RunCounts,
  RunState,
  SyncState,
  Trigger,
  WriteMode,
} from "@/api/bindings";

export type Tone = "ok" | "warn" | "bad" | "neutral" | "accent";
export type Label = { text: string; tone: Tone };

export function syncState(state: SyncState): Label {
  switch (state.kind) {
    case "draft":
      return { text: "draft", tone: "neutral" };
    case "ready":
      return { text: "ready", tone: "accent" };
    case "running":
      return { text: "running", tone: "ok" };
    case "healthy":
      return { text: "healthy", tone: "ok" };
    case "waiting":
      return { text: "waiting", tone: "warn" };
    case "failing":
      return { text: "failing", tone: "bad" };
  }
}

/** Why a sync is as it is, where there is something to say. */
export function syncReason(state: SyncState): string | null {
  return state.kind === "waiting" || state.kind === "failing" ? state.reason : null;
}

export function connectionHealth(health: ConnectionHealth): Label {
  switch (health.kind) {
    case "well":
      return { text: "well", tone: "ok" };
    case "slowed":
      return { text: "slowed", tone: "warn" };
    case "unavailable":
      return { text: "not answering", tone: "bad" };
    case "sign_in_needed":
      return { text: "sign in", tone: "bad" };
    case "untested":
      return { text: "untested", tone: "neutral" };
  }
}

export function healthReason(health: ConnectionHealth): string | null {
  return "reason" in health ? health.reason : null;
}

const runStates: Record<RunState, Label> = {
  queued: { text: "queued", tone: "neutral" },
  running: { text: "running", tone: "accent" },
  waiting: { text: "waiting", tone: "warn" },
  completed: { text: "completed", tone: "ok" },
  cancelled: { text: "stopped", tone: "neutral" },
  failed: { text: "failed", tone: "bad" },
  interrupted: { text: "interrupted", tone: "warn" },
};

export function runState(state: RunState): Label {
  return runStates[state];
}

/** Whether a run is still at work. */
export function isActive(state: RunState): boolean {
  return state === "queued" || state === "running";
}

const outcomes: Record<RecordOutcome, Label> = {
  created: { text: "created", tone: "ok" },
  updated: { text: "updated", tone: "warn" },
  deleted: { text: "deleted", tone: "bad" },
  unchanged: { text: "unchanged", tone: "neutral" },
  filtered: { text: "left out", tone: "neutral" },
  invalid: { text: "invalid", tone: "bad" },
  rejected: { text: "rejected", tone: "bad" },
  conflict: { text: "conflict", tone: "warn" },
  held: { text: "held", tone: "bad" },
};

export const recordOutcomes = Object.keys(outcomes) as RecordOutcome[];

export function recordOutcome(outcome: RecordOutcome): Label {
  return outcomes[outcome];
}

/** Whether a record can be tried again. */
export function canRetry(outcome: RecordOutcome): boolean {
  return outcome === "invalid" || outcome === "rejected" || outcome === "held";
}

const actions: Record<PlanAction, Label> = {
  create: { text: "create", tone: "ok" },
  update: { text: "update", tone: "warn" },
  delete: { text: "delete", tone: "bad" },
  unchanged: { text: "unchanged", tone: "neutral" },
  filtered: { text: "left out", tone: "neutral" },
  invalid: { text: "invalid", tone: "bad" },
  held: { text: "hold", tone: "bad" },
  conflict: { text: "conflict", tone: "warn" },
};

export const planActions = Object.keys(actions) as PlanAction[];

export function planAction(action: PlanAction): Label {
  return actions[action];
}

const planStates: Record<PlanState, Label> = {
  building: { text: "being made", tone: "accent" },
  ready: { text: "ready", tone: "ok" },
  applied: { text: "applied", tone: "neutral" },
  discarded: { text: "discarded", tone: "neutral" },
  failed: { text: "could not be made", tone: "bad" },
};

export function planState(state: PlanState): Label {
  return planStates[state];
}

const triggers: Record<Trigger, string> = {
  manual: "started by hand",
  plan: "from a plan",
  schedule: "on schedule",
  retry: "retry",
  undo: "taken back",
  decisions: "your decisions",
  purge: "removal of what it made",
};

export function trigger(value: Trigger): string {
  return triggers[value];
}

const modes: Record<WriteMode, { label: string; consequence: string }> = {
  upsert: {
    label: "Create and update",
    consequence: "New records are created, existing ones are kept up to date. Nothing is deleted.",
  },
  create: {
    label: "Only create",
    consequence: "Records that are missing are created. Existing ones are never touched.",
  },
  update: {
    label: "Only update",
    consequence: "Existing records are kept up to date. Nothing new is created.",
  },
  mirror: {
    label: "Mirror",
    consequence:
      "The target gets exactly the source's records: what leaves the source is deleted there too.",
  },
  append: {
    label: "Append",
    consequence:
      "Every new and every changed record is added as a new one. Nothing is ever changed.",
  },
  full_refresh: {
    label: "Full refresh",
    consequence: "Everything is read every time, and what was changed on the target is put back.",
  },
};

export const writeModes = Object.keys(modes) as WriteMode[];

export function writeMode(mode: WriteMode): { label: string; consequence: string } {
  return modes[mode];
}

/** Records that a run wrote. */
export function changed(counts: RunCounts): number {
  return counts.created + counts.updated + counts.deleted;
}

/** Records that a run could not write. */
export function notWritten(counts: RunCounts): number {
  return counts.invalid + counts.rejected + counts.conflict + counts.held;
}
