import { useMemo, useState } from "react";
import type { Rule } from "@/api/bindings";
import { cx } from "@/components/cx";
import { startOfTable } from "./compat";
import { useModel } from "./model";
import { valueAt } from "./path";
import { useEditor } from "./store";
import { rowAt } from "./tree";

type Props = {
  rule: Rule;
  at: number;
  table: Record<string, unknown>;
  onChange: (table: Record<string, unknown>) => void;
};

/** Most values that are listed from samples: a field with more is no list of choices. */
const MOST = 60;

/** Source value → target value, both with what is known of them; what has no partner yet stands on top. */
export function ValueTable({ rule, at, table, onChange }: Props) {
  const { outlines } = useEditor();
  const model = useModel();
  const [added, setAdded] = useState("");
  const sourcePath = rule.origin.kind === "fields" ? rule.origin.paths[0] : undefined;
  const source = sourcePath === undefined ? undefined : rowAt(outlines.source, sourcePath)?.field;
  const target = rowAt(outlines.target, rule.target)?.field;

  // Only in front of other steps are the values those of the source.
  const counts = useMemo(() => {
    const counted = new Map<string, number>();
    if (at > 0 || sourcePath === undefined) {
      return counted;
    }
    for (const record of model.samples?.records ?? []) {
      const value = valueAt(record, sourcePath);
      const text = value === null || value === undefined ? "" : String(value);
      counted.set(text, (counted.get(text) ?? 0) + 1);
    }
    return counted;
  }, [at, sourcePath, model.samples]);

  const known = [
    ...new Set([
      ...Object.keys(table),
      ...(at === 0 ? (source?.options ?? []).map((option) => option.value) : []),
      ...[...counts.keys()].filter((value) => value !== "").slice(0, MOST),
    ]),
  ];
  const rows = [...known].sort(
    (a, b) =>
      Number(Object.hasOwn(table, a)) - Number(Object.hasOwn(table, b)) ||
      (counts.get(b) ?? 0) - (counts.get(a) ?? 0),
  );
  const open = rows.filter((value) => !Object.hasOwn(table, value)).length;

  function set(value: string, to: string): void {
    const { [value]: _old, ...rest } = table;
    onChange(to === "" ? rest : { ...rest, [value]: to });
  }

  return (
    <div className="grid gap-1.5">
      <div className="flex items-center justify-between gap-2">
        <span className={cx("text-sm", open > 0 ? "text-warn" : "text-ink3")}>
          {open > 0 ? `${open} without a partner` : `${rows.length} values`}
        </span>
        {source && target && target.options.length > 0 && open > 0 && (
          <button
            type="button"
            className="map-link"
            onClick={() => onChange({ ...startOfTable(source, target), ...table })}
          >
            Match by name
          </button>
        )}
      </div>
      <div className="grid max-h-56 gap-1 overflow-y-auto">
        {rows.map((value) => (
          <div
            key={value}
            className="grid grid-cols-[minmax(0,1fr)_auto_minmax(0,1fr)] items-center gap-1.5"
          >
            <span className="flex min-w-0 items-baseline gap-1.5 font-mono text-sm">
              <span className="truncate" title={value}>
                {value === "" ? "(empty)" : value}
              </span>
              {counts.has(value) && (
                <small className="text-2xs text-ink3">{counts.get(value)}×</small>
              )}
            </span>
            <span aria-hidden className="text-ink3">
              →
            </span>
            {target && target.options.length > 0 ? (
              <select
                className={cx("map-text", !Object.hasOwn(table, value) && "is-open")}
                aria-label={`Partner of ${value}`}
                value={String(table[value] ?? "")}
                onChange={(event) => set(value, event.currentTarget.value)}
              >
                <option value="">–</option>
                {target.options.map((option) => (
                  <option key={option.value} value={option.value}>
                    {option.label ?? option.value}
                  </option>
                ))}
              </select>
            ) : (
              <input
                className={cx("map-text", !Object.hasOwn(table, value) && "is-open")}
                aria-label={`Partner of ${value}`}
                value={String(table[value] ?? "")}
                onChange={(event) => set(value, event.currentTarget.value)}
              />
            )}
          </div>
        ))}
      </div>
      <form
        className="flex gap-1.5"
        onSubmit={(event) => {
          event.preventDefault();
          if (added !== "" && !Object.hasOwn(table, added)) {
            onChange({ ...table, [added]: target?.options[0]?.value ?? added });
            setAdded("");
          }
        }}
      >
        <input
          className="map-text"
          aria-label="Another value"
          placeholder="Another value"
          value={added}
          onChange={(event) => setAdded(event.currentTarget.value)}
        />
        <button type="submit" className="map-link whitespace-nowrap">
          Add
        </button>
      </form>
    </div>
  );
}
