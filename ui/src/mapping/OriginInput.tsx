import { Popover } from "radix-ui";
import { useId, useRef, useState } from "react";
import type { Rule } from "@/api/bindings";
import { cx } from "@/components/cx";
import { TypeBadge } from "@/components/TypeBadge";
import * as mappings from "./document";
import { parseTyped, quotedValue, shortValue } from "./kinds";
import { useModel } from "./model";
import { leafOf, valueAt } from "./path";
import { useEditor } from "./store";
import type { Row } from "./tree";

type Choice =
  | { kind: "field"; path: string; row: Row; why: string; suggestion?: Rule }
  | { kind: "constant"; value: unknown; label: string }
  | { kind: "expression"; template: string };

const MOST_FIELDS = 8;

/** Typing into a target: a value that is always sent, one of its choices, or a field of the source. */
export function OriginInput({ row }: { row: Row }) {
  const { act, store, outlines, trees } = useEditor();
  const model = useModel();
  const rule = model.rules.get(row.path);
  const isDate = row.field.type === "date";
  const [text, setText] = useState(() =>
    rule?.origin.kind === "constant"
      ? String(rule.origin.value ?? "")
      : rule?.origin.kind === "expression"
        ? rule.origin.template
        : "",
  );
  const [at, setAt] = useState(0);
  const list = useId();
  const done = useRef(false);
  const choices = choicesFor();

  function choicesFor(): Choice[] {
    const wanted = text.trim().toLowerCase();
    const out: Choice[] = [];
    const isTemplate = text.includes("{{") || text.startsWith("=");
    if (isTemplate) {
      const inner = text.startsWith("=") ? text.slice(1).trim() : text;
      return [{ kind: "expression", template: inner.includes("{{") ? inner : `{{ ${inner} }}` }];
    }
    if (row.field.options.length > 0) {
      for (const option of row.field.options) {
        const label = option.label ?? option.value;
        if (
          wanted === "" ||
          option.value.toLowerCase().includes(wanted) ||
          label.toLowerCase().includes(wanted)
        ) {
          out.push({
            kind: "constant",
            value: option.value,
            label:
              label.toLowerCase() === option.value.toLowerCase()
                ? option.value
                : `${label} · ${option.value}`,
          });
        }
      }
    } else if (row.field.type === "bool") {
      for (const value of [true, false]) {
        if (String(value).startsWith(wanted)) {
          out.push({ kind: "constant", value, label: String(value) });
        }
      }
    } else if (wanted !== "") {
      const value = parseTyped(text, row.field.type);
      out.push({ kind: "constant", value, label: quotedValue(value) });
    }
    const suggested = model.suggestions.get(row.path);
    const first =
      suggested?.rule.origin.kind === "fields" ? (suggested.rule.origin.paths[0] ?? null) : null;
    const fields = outlines.source.all
      .filter(
        (each) =>
          wanted === "" || `${each.path} ${each.field.label ?? ""}`.toLowerCase().includes(wanted),
      )
      .map((each) => ({ each, fit: act.fit([each.path], row) }))
      .filter(({ fit }) => fit.level !== "impossible")
      .sort((a, b) => rank(b.each, b.fit.level) - rank(a.each, a.fit.level))
      .slice(0, MOST_FIELDS)
      .map(
        ({ each, fit }): Choice => ({
          kind: "field",
          path: each.path,
          row: each,
          why: each.path === first ? (suggested?.reasons[0] ?? fit.reason) : fit.reason,
          ...(each.path === first && suggested ? { suggestion: suggested.rule } : {}),
        }),
      );
    const best = fields[0];
    // Nothing typed yet: the likely partner stands first.
    return wanted === "" && best?.kind === "field" && best.path === first
      ? [best, ...out, ...fields.slice(1)]
      : [...out, ...fields];

    function rank({ path, field }: Row, level: string): number {
      return (
        (path === first ? 8 : 0) +
        (field.type === row.field.type ? 2 : 0) +
        (leafOf(path).toLowerCase().startsWith(wanted) && wanted !== "" ? 4 : 0) +
        (level === "exact" ? 1 : 0)
      );
    }
  }

  function close(): void {
    done.current = true;
    store.set({ editing: null });
    trees.target?.focus();
  }

  function take(choice: Choice | undefined): void {
    if (!choice) {
      return;
    }
    done.current = true;
    switch (choice.kind) {
      case "field":
        if (choice.suggestion && !rule) {
          act.applyRules([choice.suggestion]);
        } else {
          act.connect([choice.path], row.path, "replace");
        }
        store.set({ editing: null });
        break;
      case "constant":
        act.setConstant(row.path, choice.value);
        break;
      case "expression":
        act.edit(`Write an expression for ${leafOf(row.path)}`, (now) =>
          mappings.setExpression(now, row.path, choice.template),
        );
        store.set({ editing: null });
        break;
    }
    trees.target?.focus();
  }

  return (
    <Popover.Root open>
      <Popover.Anchor asChild>
        <input
          // biome-ignore lint/a11y/noAutofocus: the person has just asked to type here.
          autoFocus
          className="map-input"
          type={isDate ? "date" : "text"}
          role="combobox"
          aria-expanded
          aria-controls={list}
          aria-activedescendant={`${list}-${at}`}
          aria-label={`Value of ${row.path}`}
          placeholder={
            row.field.options.length > 0 ? "Choose or find a field" : "Type a value or find a field"
          }
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setAt(0);
          }}
          onClick={(event) => event.stopPropagation()}
          onPointerDown={(event) => event.stopPropagation()}
          onBlur={() => {
            if (!done.current) {
              store.set({ editing: null });
            }
          }}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.key === "ArrowDown" || event.key === "ArrowUp") {
              event.preventDefault();
              const next = at + (event.key === "ArrowDown" ? 1 : -1);
              setAt((next + choices.length) % Math.max(1, choices.length));
            } else if (event.key === "Enter") {
              event.preventDefault();
              take(choices[at]);
            } else if (event.key === "Escape") {
              event.preventDefault();
              close();
            }
          }}
        />
      </Popover.Anchor>
      <Popover.Portal>
        <Popover.Content
          side="bottom"
          align="end"
          sideOffset={4}
          collisionPadding={8}
          onOpenAutoFocus={(event) => event.preventDefault()}
          onCloseAutoFocus={(event) => event.preventDefault()}
          className="map-pop w-[330px]"
        >
          <div
            id={list}
            role="listbox"
            aria-label="Choices"
            className="max-h-[280px] overflow-y-auto p-1"
          >
            {choices.length === 0 && (
              <p className="m-0 px-2.5 py-2 text-sm text-ink3">
                Type a value, or the name of a field.
              </p>
            )}
            {choices.map((choice, index) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the field above takes the keyboard.
              <div
                key={
                  choice.kind +
                  (choice.kind === "field"
                    ? choice.path
                    : choice.kind === "constant"
                      ? String(choice.value)
                      : "")
                }
                id={`${list}-${index}`}
                role="option"
                tabIndex={-1}
                aria-selected={index === at}
                className={cx("map-choice", index === at && "is-active")}
                onPointerMove={() => setAt(index)}
                onPointerDown={(event) => event.preventDefault()}
                onClick={(event) => {
                  event.stopPropagation();
                  take(choice);
                }}
              >
                <ChoiceLine choice={choice} record={model.record} />
              </div>
            ))}
          </div>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function ChoiceLine({ choice, record }: { choice: Choice; record: unknown }) {
  switch (choice.kind) {
    case "field":
      return (
        <>
          <TypeBadge type={choice.row.field.type} format={choice.row.field.format} />
          <span className="min-w-0 flex-1 truncate font-medium">
            {choice.path}
            <small className="ml-2 font-normal text-ink3">{choice.why}</small>
          </span>
          <span className="max-w-[110px] truncate font-mono text-sm text-ink2">
            {shortValue(valueAt(record, choice.path), 30)}
          </span>
        </>
      );
    case "constant":
      return (
        <>
          <span className="map-choice-mark">=</span>
          <span className="min-w-0 flex-1 truncate">
            Always <b className="font-semibold">{choice.label}</b>
          </span>
        </>
      );
    case "expression":
      return (
        <>
          <span className="map-choice-mark">ƒ</span>
          <span className="min-w-0 flex-1 truncate font-mono text-sm">{choice.template}</span>
        </>
      );
  }
}
