import { GripVertical, X } from "lucide-react";
import { type PointerEvent, useRef } from "react";
import type { Rule, Step, StepPreview } from "@/api/bindings";
import { cx } from "@/components/cx";
import { stepLabel } from "./chips";
import * as mappings from "./document";
import { quotedValue } from "./kinds";
import { useModel } from "./model";
import { leafOf } from "./path";
import { StepForm } from "./StepForm";
import { StepPicker } from "./StepPicker";
import { useEditor, useEditorState } from "./store";

/** The steps of a rule as cards: what goes in, what comes out, and a form behind a click. */
export function StepList({ rule }: { rule: Rule }) {
  const { store, act } = useEditor();
  const model = useModel();
  const open = useEditorState((state) => state.step);
  const list = useRef<HTMLOListElement>(null);
  const preview = model.results.get(rule.target);
  const inputs = preview?.inputs ?? [];
  const start: StepPreview = {
    value: inputs.length > 1 ? inputs : inputs[0],
  };

  function move(from: number, to: number): void {
    act.edit(`Reorder the steps into ${leafOf(rule.target)}`, (now) =>
      mappings.moveStep(now, rule.target, from, to),
    );
    store.set((state) =>
      state.step.kind === "edit" && state.step.at === from
        ? { step: { kind: "edit", at: to } }
        : {},
    );
  }

  /** The card follows the pointer; where it is let go is its place. */
  function beginMove(event: PointerEvent<HTMLElement>, from: number): void {
    const card = event.currentTarget.closest("li");
    const cards = list.current ? Array.from(list.current.children) : [];
    if (!card) {
      return;
    }
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
    const grip = event.currentTarget;
    const startY = event.clientY;
    const middles = cards.map((each) => {
      const box = each.getBoundingClientRect();
      return box.top + box.height / 2;
    });
    card.classList.add("is-moving");
    const onMove = (move: globalThis.PointerEvent) =>
      card.style.setProperty("transform", `translateY(${move.clientY - startY}px)`);
    const onUp = (up: globalThis.PointerEvent) => {
      grip.removeEventListener("pointermove", onMove);
      grip.removeEventListener("pointerup", onUp);
      grip.removeEventListener("pointercancel", onUp);
      card.classList.remove("is-moving");
      card.style.removeProperty("transform");
      const own = middles[from] ?? 0;
      const place = middles.filter(
        (middle, index) => index !== from && middle < own + up.clientY - startY,
      ).length;
      if (up.type === "pointerup" && place !== from) {
        move(from, place);
      }
    };
    grip.addEventListener("pointermove", onMove);
    grip.addEventListener("pointerup", onUp);
    grip.addEventListener("pointercancel", onUp);
  }

  return (
    <>
      <ol ref={list} className="m-0 grid list-none gap-2.5 p-0 empty:hidden" aria-label="Steps">
        {rule.steps.map((step, index) => {
          const before = index === 0 ? start : preview?.steps[index - 1];
          return (
            <StepCard
              // biome-ignore lint/suspicious/noArrayIndexKey: the same step may stand twice.
              key={`${index} ${step.name}`}
              step={step}
              before={before}
              after={
                // The counterpart is looked up last; until then the key stays as it is.
                step.name === "reference" && index === rule.steps.length - 1
                  ? preview?.result
                  : preview?.steps[index]
              }
              isFirst={index === 0}
              isOpen={open.kind === "edit" && open.at === index}
              problem={
                model.problems.get(rule.target)?.find((problem) => problem.step === index)?.message
              }
              onToggle={() =>
                store.set({
                  step:
                    open.kind === "edit" && open.at === index
                      ? { kind: "none" }
                      : { kind: "edit", at: index },
                })
              }
              onRemove={() =>
                act.edit(`Remove ${stepLabel(step)}`, (now) =>
                  mappings.removeStep(now, rule.target, index),
                )
              }
              onGrip={(event) => beginMove(event, index)}
              onShift={(by) => move(index, index + by)}
            >
              <StepForm rule={rule} at={index} step={step} />
            </StepCard>
          );
        })}
      </ol>
      {open.kind === "add" && <StepPicker rule={rule} />}
    </>
  );
}

type CardProps = {
  step: Step;
  before: StepPreview | undefined;
  after: StepPreview | undefined;
  isFirst: boolean;
  isOpen: boolean;
  problem: string | undefined;
  onToggle: () => void;
  onRemove: () => void;
  onGrip: (event: PointerEvent<HTMLElement>) => void;
  onShift: (by: 1 | -1) => void;
  children: React.ReactNode;
};

function StepCard({
  step,
  before,
  after,
  isFirst,
  isOpen,
  problem,
  onToggle,
  onRemove,
  onGrip,
  onShift,
  children,
}: CardProps) {
  const { transforms } = useEditor();
  const why = after?.problem ?? problem;
  return (
    <li className={cx("map-card map-step group", isOpen && "is-open", why != null && "is-wrong")}>
      <div className="flex items-center gap-1">
        <span className="map-grip" title="Drag to reorder" onPointerDown={onGrip}>
          <GripVertical aria-hidden size={12} />
        </span>
        <button
          type="button"
          aria-expanded={isOpen}
          className="map-step-name"
          title={transforms.get(step.name)?.summary}
          onClick={onToggle}
          onKeyDown={(event) => {
            if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
              event.preventDefault();
              onShift(event.key === "ArrowUp" ? -1 : 1);
            }
          }}
        >
          {stepLabel(step)}
        </button>
        <span className="map-kinds" aria-hidden>
          {glyph(before?.value)} → {glyph(after?.value)}
        </span>
        <button
          type="button"
          className="map-tiny map-remove"
          aria-label={`Remove ${stepLabel(step)}`}
          onClick={onRemove}
        >
          <X aria-hidden size={12} />
        </button>
      </div>
      <div className="map-mono break-words">
        {isFirst && before && before.value !== undefined && `${quotedValue(before.value, 160)} `}
        {why != null ? (
          <span className="text-bad">→ {why}</span>
        ) : after ? (
          <>
            → <b>{quotedValue(after.value, 160)}</b>
          </>
        ) : (
          <span className="text-ink3">…</span>
        )}
      </div>
      {isOpen && children}
    </li>
  );
}

function glyph(value: unknown): string {
  switch (typeof value) {
    case "string":
      return /^\d{4}-\d{2}-\d{2}([T ]|$)/.test(value) ? "D" : "T";
    case "number":
    case "bigint":
      return "#";
    case "boolean":
      return "✓";
    case "object":
      return value === null ? "∅" : Array.isArray(value) ? "[]" : "{}";
    default:
      return "∅";
  }
}
