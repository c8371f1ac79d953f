import { useMemo } from "react";
import type { PreviewRow, PreviewRows } from "@/api/bindings";
import { cx } from "@/components/cx";
import { Tag } from "@/components/Pill";
import { planAction } from "@/format/states";
import { isAbsent } from "@/format/value";
import { shortValue } from "./kinds";
import { useModel } from "./model";
import { leafOf, valueAt } from "./path";
import { useEditor, useEditorState } from "./store";
import { rowAt } from "./tree";

/** A table with more is slow and nobody reads it; the selected field always has its column. */
const MOST_COLUMNS = 40;

/** The first samples, mapped, beside what the target has now. */
export function PreviewTable({ rows }: { rows: PreviewRows | undefined }) {
  const { outlines, store, act } = useEditor();
  const model = useModel();
  const sample = useEditorState((state) => state.sample);
  const selected = useEditorState((state) =>
    state.selection.kind === "target" ? state.selection.path : null,
  );
  // The columns stand in the order of the target's fields.
  const columns = useMemo(() => {
    const order = new Map(outlines.target.all.map((row, index) => [row.path, index]));
    const place = (path: string) => order.get(path) ?? order.size;
    const all = model.mapping.rules.map((rule) => rule.target).sort((a, b) => place(a) - place(b));
    const first = all.slice(0, MOST_COLUMNS);
    return selected !== null && all.includes(selected) && !first.includes(selected)
      ? [selected, ...first]
      : first;
  }, [model.mapping, outlines.target, selected]);

  if (!rows) {
    return <p className="m-0 px-[18px] py-4 text-ink3">Working out what would happen…</p>;
  }
  if (columns.length === 0) {
    return (
      <p className="m-0 px-[18px] py-4 text-ink2">
        Nothing is connected yet. What would arrive stands here as soon as something is.
      </p>
    );
  }
  if (rows.rows.length === 0) {
    return (
      <p className="m-0 px-[18px] py-4 text-ink2">
        {(model.report?.samples ?? 0) === 0 ? (
          "The source has no records to try with."
        ) : (
          <>
            {"There is nothing to preview yet: "}
            <button
              type="button"
              className="map-link text-base"
              onClick={() => store.set({ tab: "problems" })}
            >
              see what is still missing
            </button>
            .
          </>
        )}
      </p>
    );
  }
  return (
    <table className="map-table">
      <thead>
        <tr>
          <th scope="col">Record</th>
          <th scope="col">Change</th>
          {columns.map((path) => (
            <th
              key={path}
              scope="col"
              className={cx(path === selected && "is-selected")}
              title={path}
            >
              <button type="button" onClick={() => act.goTo(path)}>
                {leafOf(path)}
                {rowAt(outlines.target, path)?.field.required && " ✱"}
              </button>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.rows.map((row, index) => (
          <tr
            // biome-ignore lint/suspicious/noArrayIndexKey: the place among the samples is what identifies it.
            key={index}
            className={cx(index === sample && "is-current")}
            aria-current={index === sample || undefined}
            onClick={() => store.set({ sample: index })}
          >
            <td className="map-code">{row.key ?? "–"}</td>
            <td>
              <Action row={row} columns={columns} />
            </td>
            {columns.map((path) => (
              <Cell key={path} row={row} path={path} isSelected={path === selected} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function changedIn(row: PreviewRow, columns: string[]): number {
  return columns.filter((path) => isChange(row, path)).length;
}

function isChange(row: PreviewRow, path: string): boolean {
  if (row.action !== "update" || row.before === undefined || row.before === null) {
    return false;
  }
  const [after, before] = [valueAt(row.mapped, path), valueAt(row.before, path)];
  // A field that the mapping leaves out is not touched.
  return (
    after !== undefined &&
    JSON.stringify(after) !== JSON.stringify(before) &&
    !(isAbsent(after) && isAbsent(before))
  );
}

function Action({ row, columns }: { row: PreviewRow; columns: string[] }) {
  const { text, tone } = planAction(row.action);
  const changes = changedIn(row, columns);
  return (
    <Tag tone={tone}>
      {text}
      {changes > 0 && ` ${changes}`}
    </Tag>
  );
}

function Cell({ row, path, isSelected }: { row: PreviewRow; path: string; isSelected: boolean }) {
  const value = valueAt(row.mapped, path);
  if (row.problem != null && row.problem_field === path) {
    return (
      <td className="map-code map-bad" title={row.problem}>
        {row.problem}
      </td>
    );
  }
  const isText = typeof value === "string" && /[A-Za-z]/.test(value) && !/[@:/+]|^\d/.test(value);
  const isNew = isChange(row, path);
  return (
    <td
      className={cx(!isText && "map-code", isSelected && "is-selected")}
      title={shortValue(value, 400)}
    >
      {isNew ? (
        <>
          <span className="map-was">{shortValue(valueAt(row.before, path), 40)}</span>
          <span className="map-now">{shortValue(value, 60)}</span>
        </>
      ) : (
        shortValue(value, 60)
      )}
    </td>
  );
}
