import { CircleAlert, Info, TriangleAlert } from "lucide-react";
import type { DiagnosticView, FixView } from "@/api/bindings";
import { Button } from "@/components/Button";
import { cx } from "@/components/cx";
import * as mappings from "./document";
import { useModel } from "./model";
import { useEditor } from "./store";

const GROUPS = [
  { severity: "error", title: "Stops publishing" },
  { severity: "warning", title: "Runs, but look" },
  { severity: "hint", title: "Hints" },
] as const;

/** The drawer's third tab: each problem with the way to its row and a button that mends it. */
export function ProblemList() {
  const { act, store } = useEditor();
  const model = useModel();
  const all = model.report?.diagnostics ?? [];
  const failing = model.report?.failing ?? [];
  if (all.length === 0 && failing.length === 0) {
    return <p className="m-0 px-[18px] py-4 text-ink2">Nothing is wrong with this mapping.</p>;
  }
  return (
    <div className="max-w-4xl px-[18px] py-2">
      {GROUPS.map(({ severity, title }) => {
        const problems = all.filter((problem) => problem.severity === severity);
        return (
          problems.length > 0 && (
            <section key={severity} className="mb-2">
              <h3 className="map-label m-0 py-1">
                {title} · {problems.length}
              </h3>
              {problems.map((problem) => (
                <ProblemLine
                  key={`${problem.code} ${problem.target ?? ""} ${problem.step ?? ""} ${problem.message}`}
                  problem={problem}
                />
              ))}
            </section>
          )
        );
      })}
      {failing.length > 0 && (
        <section>
          <h3 className="map-label m-0 py-1">Samples that would be held</h3>
          {failing.map((failure) => (
            <div key={failure.target} className="map-problem">
              <TriangleAlert aria-hidden size={14} className="mt-0.5 shrink-0 text-warn" />
              <button
                type="button"
                className="map-problem-text"
                onClick={() => act.goTo(failure.target)}
              >
                <b>{failure.target}</b> {failure.message}
                <small>
                  {failure.count} of {model.report?.samples} samples
                </small>
              </button>
              <Button
                onClick={() => {
                  store.set({ sample: failure.first_sample });
                  act.goTo(failure.target);
                }}
              >
                Show one
              </Button>
            </div>
          ))}
        </section>
      )}
    </div>
  );
}

/** Whether the words of a fix fit on a button and say more than the line beside it. */
function isShort(fix: FixView, problem: DiagnosticView): boolean {
  return fix.label.length <= 28 && fix.label !== problem.suggestion;
}

const ICONS = { error: CircleAlert, warning: TriangleAlert, hint: Info };

export function ProblemLine({
  problem,
  isCompact = false,
}: {
  problem: DiagnosticView;
  isCompact?: boolean;
}) {
  const { act, store } = useEditor();
  const Icon = ICONS[problem.severity];
  const { fix, target } = problem;
  return (
    <div className={cx("map-problem", isCompact && "is-compact")}>
      <Icon
        aria-label={problem.severity}
        size={14}
        className={cx(
          "mt-0.5 shrink-0",
          problem.severity === "error"
            ? "text-bad"
            : problem.severity === "warning"
              ? "text-warn"
              : "text-ink3",
        )}
      />
      <button
        type="button"
        className="map-problem-text"
        disabled={target == null}
        onClick={() => target != null && act.goTo(target)}
      >
        {!isCompact && target != null && <b>{target} </b>}
        {problem.message}
        {problem.suggestion != null && <small>{problem.suggestion}</small>}
      </button>
      {fix ? (
        <Button
          onClick={() => {
            act.edit(fix.label, (now) => mappings.applyFix(now, fix));
            act.undoable(fix.label);
          }}
        >
          {isShort(fix, problem) ? fix.label : "Fix it"}
        </Button>
      ) : (
        !isCompact &&
        target != null && (
          <Button
            look="quiet"
            onClick={() => {
              act.goTo(target);
              if (!mappings.ruleOf(act.mapping(), target)) {
                store.set({ editing: target });
              }
            }}
          >
            Go there
          </Button>
        )
      )}
    </div>
  );
}
