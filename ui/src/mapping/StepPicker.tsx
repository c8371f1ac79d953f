import { useEffect, useId, useMemo, useRef, useState } from "react";
import type { Rule, TransformExample, TransformView } from "@/api/bindings";
import { cx } from "@/components/cx";
import { startOfTable } from "./compat";
import * as mappings from "./document";
import { quotedValue, shortValue } from "./kinds";
import { leafOf } from "./path";
import { useEditor } from "./store";
import { rowAt } from "./tree";

/** Looks for a step by name, by another word for it, or by what it does to the example. */
export function searchTransforms(
  transforms: Iterable<TransformView>,
  query: string,
): TransformView[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const scored = Array.from(transforms, (transform) => {
    const name =
      `${transform.label} ${transform.name.replaceAll("_", " ")} ${transform.name}`.toLowerCase();
    const synonyms = transform.synonyms.join(" ").toLowerCase();
    const rest =
      `${transform.group} ${transform.summary} ${transform.example ? `${shortValue(transform.example.input)} ${shortValue(transform.example.output)}` : ""}`.toLowerCase();
    const score = words.reduce((sum, word) => {
      const own = name.startsWith(word)
        ? 5
        : name.includes(word)
          ? 4
          : synonyms.includes(word)
            ? 3
            : rest.includes(word)
              ? 1
              : Number.NEGATIVE_INFINITY;
      return sum + own;
    }, 0);
    return { transform, score };
  });
  return scored
    .filter(({ score }) => score >= 0)
    .sort((a, b) => b.score - a.score)
    .map(({ transform }) => transform);
}

/** Whether an example tells what a step does: that of a look-up does not. */
function shows({ input, output }: TransformExample): boolean {
  return JSON.stringify(input) !== JSON.stringify(output);
}

/** "+ Add a step". */
export function StepPicker({ rule }: { rule: Rule }) {
  const { transforms, store, act, outlines } = useEditor();
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const card = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Newer browsers answer with a promise, which an effect must not give back.
    void card.current?.scrollIntoView({ block: "nearest" });
  }, []);
  const found = useMemo(() => searchTransforms(transforms.values(), query), [transforms, query]);

  function take(transform: TransformView | undefined): void {
    if (!transform) {
      return;
    }
    const place = rule.steps.length;
    act.edit(`Add ${transform.label} into ${leafOf(rule.target)}`, (now) =>
      mappings.insertStep(
        now,
        rule.target,
        place,
        mappings.step(transform.name, defaultsOf(transform)),
      ),
    );
    store.set({
      step: transform.params.length > 0 ? { kind: "edit", at: place } : { kind: "none" },
    });
  }

  function defaultsOf(transform: TransformView): Record<string, unknown> {
    const table = transform.params.find((param) => param.kind === "value_table");
    const source =
      rule.origin.kind === "fields"
        ? rowAt(outlines.source, rule.origin.paths[0] ?? "")?.field
        : undefined;
    const target = rowAt(outlines.target, rule.target)?.field;
    return table
      ? {
          [table.name]:
            source && target && rule.steps.length === 0 ? startOfTable(source, target) : {},
        }
      : {};
  }

  return (
    <div ref={card} className="map-card p-0">
      <input
        // biome-ignore lint/a11y/noAutofocus: the person has just asked for it.
        autoFocus
        role="combobox"
        aria-expanded
        aria-controls={list}
        aria-activedescendant={`${list}-${at}`}
        aria-label="Find a step"
        placeholder="Find a step: trim, “text to date”, lookup…"
        className="w-full border-0 border-b border-line bg-transparent px-2.5 py-2 text-base outline-none"
        autoComplete="off"
        spellCheck={false}
        value={query}
        onChange={(event) => {
          setQuery(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            const next = Math.max(
              0,
              Math.min(found.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)),
            );
            setAt(next);
            document.getElementById(`${list}-${next}`)?.scrollIntoView({ block: "nearest" });
          } else if (event.key === "Enter") {
            event.preventDefault();
            take(found[at]);
          } else if (event.key === "Escape") {
            event.stopPropagation();
            store.set({ step: { kind: "none" } });
          }
        }}
      />
      <div id={list} role="listbox" aria-label="Steps" className="max-h-72 overflow-y-auto p-1">
        {found.length === 0 && (
          <p className="m-0 px-2 py-2 text-sm text-ink3">No step does that. An expression may.</p>
        )}
        {found.map((transform, index) => (
          <div key={transform.name}>
            {query === "" && transform.group !== found[index - 1]?.group && (
              <div className="map-label px-2 pt-1.5">{transform.group}</div>
            )}
            {/* biome-ignore lint/a11y/useKeyWithClickEvents: the field above takes the keyboard. */}
            <div
              id={`${list}-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === at}
              className={cx("map-choice flex-col items-stretch gap-0", index === at && "is-active")}
              onPointerMove={() => setAt(index)}
              onClick={() => take(transform)}
            >
              <span className="font-medium">{transform.label}</span>
              {transform.example && shows(transform.example) ? (
                <span className="map-mono truncate">
                  {quotedValue(transform.example.input, 26)} →{" "}
                  <b>{quotedValue(transform.example.output, 26)}</b>
                </span>
              ) : (
                <span className="text-sm text-ink3">{transform.summary}</span>
              )}
            </div>
          </div>
        ))}
      </div>
    </div>
  );
}
