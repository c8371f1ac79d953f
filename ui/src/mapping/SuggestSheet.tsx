import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Suggestion } from "@/api/bindings";
import { query } from "@/api/queries";
import { Button } from "@/components/Button";
import { cx } from "@/components/cx";
import { Sheet } from "@/components/Dialog";
import { Problem } from "@/components/Problem";
import { TypeBadge } from "@/components/TypeBadge";
import { stepLabel } from "./chips";
import { quotedValue } from "./kinds";
import { useEditor, useMapping } from "./store";
import { rowAt } from "./tree";

/** Proposals to look through. Nothing is connected before the button at the end; then it is one undo step. */
export function SuggestSheet() {
  const { syncId, act, store } = useEditor();
  const mapping = useMapping();
  const { data, error, isPending } = useQuery({
    ...query("suggest_mapping", { sync: syncId, mapping }),
    retry: false,
  });
  const close = () => store.set({ layer: "none" });
  if (error) {
    return (
      <Sheet title="Auto-map" onClose={close} wide>
        <Problem error={error} />
      </Sheet>
    );
  }
  if (isPending) {
    return (
      <Sheet title="Auto-map" onClose={close} wide>
        <p className="m-0 animate-shimmer text-ink2">Comparing names, types and values…</p>
      </Sheet>
    );
  }
  return (
    <Review
      suggestions={data.suggestions}
      onClose={close}
      onApply={(chosen) => act.applyRules(chosen.map((each) => each.rule))}
    />
  );
}

type ReviewProps = {
  suggestions: Suggestion[];
  onClose: () => void;
  onApply: (chosen: Suggestion[]) => void;
};

function Review({ suggestions, onClose, onApply }: ReviewProps) {
  const { outlines } = useEditor();
  const least = useMemo(
    () => Math.min(1, ...suggestions.filter((each) => each.ticked).map((each) => each.score)),
    [suggestions],
  );
  const [threshold, setThreshold] = useState(() =>
    suggestions.some((each) => each.ticked) ? Math.floor(least * 100) : 100,
  );
  // By target: what the person said, where it differs from the threshold.
  const [said, setSaid] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [at, setAt] = useState(0);
  const [isMoved, setIsMoved] = useState(false);
  const list = useRef<HTMLUListElement>(null);

  // The sheet gives the focus to its first button; the keys A and R belong to the list.
  useEffect(() => {
    const frame = requestAnimationFrame(() => list.current?.focus({ preventScroll: true }));
    return () => cancelAnimationFrame(frame);
  }, []);

  const isTicked = (each: Suggestion) =>
    said.get(each.rule.target) ?? (isMoved ? each.score * 100 >= threshold : each.ticked);
  const chosen = suggestions.filter(isTicked);

  function say(index: number, is: boolean, step: number): void {
    const each = suggestions[index];
    if (each) {
      setSaid(new Map(said).set(each.rule.target, is));
      moveTo(index + step);
    }
  }

  function moveTo(index: number): void {
    const next = Math.max(0, Math.min(suggestions.length - 1, index));
    setAt(next);
    document.getElementById(`map-suggestion-${next}`)?.scrollIntoView({ block: "nearest" });
  }

  return (
    <Sheet
      wide
      title="Auto-map"
      description={
        suggestions.length === 0
          ? undefined
          : "Look through the proposals. Nothing that you drew is changed."
      }
      onClose={onClose}
      footer={
        <>
          <span className="mr-auto text-sm text-ink3">
            <kbd className="map-key">A</kbd> take <kbd className="map-key">R</kbd> leave{" "}
            <kbd className="map-key">↑↓</kbd> move
          </span>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            look="primary"
            {...(chosen.length === 0 ? { disabledReason: "Nothing is ticked" } : {})}
            onClick={() => {
              onApply(chosen);
              onClose();
            }}
          >
            Connect {chosen.length} {chosen.length === 1 ? "field" : "fields"}
          </Button>
        </>
      }
    >
      {suggestions.length === 0 ? (
        <p className="m-0 text-ink2">
          There is nothing more to propose: what is left has no likely partner. Draw the rest by
          hand, or type a value.
        </p>
      ) : (
        <>
          <label className="mb-3 flex items-center gap-3">
            <span className="whitespace-nowrap">Tick from</span>
            <input
              type="range"
              min={0}
              max={100}
              value={threshold}
              className="min-w-0 flex-1 accent-[var(--accent)]"
              onChange={(event) => {
                setThreshold(Number(event.currentTarget.value));
                setIsMoved(true);
                setSaid(new Map());
              }}
            />
            <span className="w-36 text-right whitespace-nowrap text-ink2">
              {threshold} % · {chosen.length} of {suggestions.length}
            </span>
          </label>
          <ul
            className="m-0 grid list-none gap-0 p-0 outline-none"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: takes the keys A and R.
            tabIndex={0}
            aria-label="Proposals"
            ref={list}
            onKeyDown={(event) => {
              const key = event.key.toLowerCase();
              if (key === "a" || key === "r") {
                event.preventDefault();
                say(at, key === "a", 1);
              } else if (key === "arrowdown" || key === "arrowup") {
                event.preventDefault();
                moveTo(at + (key === "arrowdown" ? 1 : -1));
              } else if (key === "enter" && chosen.length > 0 && (event.ctrlKey || event.metaKey)) {
                onApply(chosen);
                onClose();
              }
            }}
          >
            {suggestions.map((each, index) => (
              <li
                key={each.rule.target}
                id={`map-suggestion-${index}`}
                className={cx(
                  "map-suggestion",
                  index === at && "is-active",
                  !isTicked(each) && "is-off",
                )}
              >
                <label onPointerDown={() => setAt(index)}>
                  <input
                    type="checkbox"
                    className="accent-[var(--accent)]"
                    checked={isTicked(each)}
                    onChange={(event) => say(index, event.currentTarget.checked, 0)}
                  />
                  <Line
                    suggestion={each}
                    sourceType={rowAt(outlines.source, sourceOf(each))?.field.type ?? "any"}
                    targetType={rowAt(outlines.target, each.rule.target)?.field.type ?? "any"}
                  />
                </label>
              </li>
            ))}
          </ul>
        </>
      )}
    </Sheet>
  );
}

function sourceOf({ rule }: Suggestion): string {
  return rule.origin.kind === "fields" ? (rule.origin.paths[0] ?? "") : "";
}

type LineProps = {
  suggestion: Suggestion;
  sourceType: Parameters<typeof TypeBadge>[0]["type"];
  targetType: Parameters<typeof TypeBadge>[0]["type"];
};

function Line({ suggestion, sourceType, targetType }: LineProps) {
  const { rule, score, reasons, sample_in, sample_out } = suggestion;
  const from =
    rule.origin.kind === "fields"
      ? rule.origin.paths.join(" + ")
      : rule.origin.kind === "constant"
        ? `= ${quotedValue(rule.origin.value, 20)}`
        : rule.origin.template;
  return (
    <span className="grid min-w-0 flex-1 gap-1">
      <span className="flex min-w-0 items-center gap-2">
        <TypeBadge type={sourceType} />
        <b className="truncate font-strong">{from}</b>
        <span className="text-ink3">→</span>
        <TypeBadge type={targetType} />
        <b className="truncate font-strong">{rule.target}</b>
        <span className="flex-1" />
        <span className="map-score" title={`${Math.round(score * 100)} % sure`}>
          <i style={{ width: `${Math.round(score * 100)}%` }} />
        </span>
        <span className="w-12 text-right text-sm whitespace-nowrap text-ink2">
          {Math.round(score * 100)} %
        </span>
      </span>
      <span className="flex flex-wrap items-center gap-1">
        {reasons.map((reason) => (
          <span key={reason} className="map-reason">
            {reason}
          </span>
        ))}
        {rule.steps.map((step) => (
          <span key={step.name} className="map-reason is-step">
            {stepLabel(step)}
          </span>
        ))}
      </span>
      {(sample_in !== undefined || sample_out !== undefined) && (
        <span className="map-mono truncate">
          {quotedValue(sample_in, 46)} → <b>{quotedValue(sample_out, 46)}</b>
        </span>
      )}
    </span>
  );
}
