import type { RunCounts, RunSummary } from "@/api/bindings";
import { count } from "@/format/count";
import { changed, notWritten, runState, type Tone } from "@/format/states";
import { duration, exact } from "@/format/time";

/** The outcomes of a run in a fixed order, with their words and colours. */
export const outcomeParts = [
  { key: "created", word: "created", color: "var(--ok-fill)" },
  { key: "updated", word: "updated", color: "var(--accent)" },
  { key: "deleted", word: "deleted", color: "var(--bad-fill)" },
  { key: "unchanged", word: "unchanged", color: "var(--line2)" },
  { key: "filtered", word: "left out", color: "var(--t-obj)" },
  { key: "invalid", word: "invalid", color: "var(--bad-fill)" },
  { key: "rejected", word: "rejected", color: "var(--bad-fill)" },
  { key: "conflict", word: "in conflict", color: "var(--warn-fill)" },
  { key: "held", word: "held", color: "var(--warn-fill)" },
] as const satisfies readonly { key: keyof RunCounts; word: string; color: string }[];

/** Records whose story has ended, one way or another. */
export function settled(counts: RunCounts): number {
  return outcomeParts.reduce((sum, part) => sum + counts[part.key], 0);
}

/** "5 000 read = 4 988 created + 12 unchanged": the arithmetic of a run without its zeros. */
export function equation(counts: RunCounts): string {
  if (counts.read === 0 && settled(counts) === 0) {
    return "Nothing was read";
  }
  const parts = outcomeParts
    .filter((part) => counts[part.key] > 0)
    .map((part) => `${count(counts[part.key])} ${part.word}`);
  const open = counts.read - settled(counts);
  if (open > 0) {
    parts.push(`${count(open)} under way`);
  }
  return `${count(counts.read)} read = ${parts.join(" + ")}`;
}

/** "43 changed · 2.1 s" */
export function runFigures(run: RunSummary): string {
  const figures = [`${count(changed(run.counts))} changed`];
  if (run.finished_at !== null) {
    figures.push(duration(run.finished_at - run.started_at));
  }
  return figures.join(" · ");
}

export type RunBar = { key: string; height: number; tone: Tone; title: string };

/** Runs as bars: as high as they changed records, coloured by how they ended. */
export function runBars(runs: readonly RunSummary[]): RunBar[] {
  const most = Math.max(1, ...runs.map((run) => changed(run.counts)));
  return runs.map((run) => {
    const state = runState(run.state);
    const tone =
      run.state === "completed" && notWritten(run.counts) > 0
        ? "warn"
        : run.state === "cancelled"
          ? "neutral"
          : state.tone;
    return {
      key: run.id,
      // By the square root: a first run of thousands must not flatten all that follow.
      height: Math.sqrt(changed(run.counts) / most),
      tone,
      title: `${exact(run.started_at)}: ${state.text}, ${count(changed(run.counts))} changed`,
    };
  });
}
