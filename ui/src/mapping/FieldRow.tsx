import { ChevronDown, ChevronRight, Link2Off, Lock } from "lucide-react";
import type { PointerEvent } from "react";
import type { Field, FieldProfile } from "@/api/bindings";
import { cx } from "@/components/cx";
import { TypeBadge, typeColor } from "@/components/TypeBadge";
import { percent } from "@/format/count";
import { shortValue, typeWord } from "./kinds";
import { type Model, severityOf, useModel } from "./model";
import { OriginInput } from "./OriginInput";
import { leafOf, valueAt } from "./path";
import { type SideName, useEditor, useEditorState } from "./store";
import { coverage, type Facts, type Row } from "./tree";

type Props = {
  side: SideName;
  row: Row;
  facts: Facts;
  isPinned?: boolean;
  beginDrag?: (event: PointerEvent, row: Row) => void;
};

export function rowId(side: SideName, path: string): string {
  return `map-${side}-${path}`;
}

/** One field: what it is, what the sample record has there, what becomes of it. */
export function FieldRow({ side, row, facts, isPinned = false, beginDrag }: Props) {
  const { store, act, outlines } = useEditor();
  const model = useModel();
  const isSelected = useEditorState(({ selection }) =>
    selection.kind === "source"
      ? side === "source" && selection.paths.includes(row.path)
      : selection.kind === "target" && side === "target" && selection.path === row.path,
  );
  const isPartner = useIsPartner(side, row, model);
  const hasCursor = useEditorState((state) => state.cursor[side] === row.path);
  const isPicked = useEditorState((state) => side === "source" && state.picked.includes(row.path));
  const isEditing = useEditorState((state) => side === "target" && state.editing === row.path);
  const inHand = useEditorState((state) =>
    state.dragged.length > 0 ? state.dragged : state.picked,
  );
  const { field, path } = row;
  const isMapped = facts.isMapped(path);
  const fit = side === "target" && inHand.length > 0 ? act.fit(inHand, row) : null;
  const severity = side === "target" ? severityOf(model, path) : null;
  const isMissing =
    side === "target" &&
    field.required &&
    !isMapped &&
    !field.read_only &&
    row.isOpen === undefined;
  const name = isPinned && row.depth > 0 ? path : field.name;

  function onClick(event: React.MouseEvent): void {
    const { selection, picked } = store.get();
    if (side === "source") {
      const isAdding = event.shiftKey || event.ctrlKey || event.metaKey;
      const before = isAdding && selection.kind === "source" ? selection.paths : [];
      act.select({
        kind: "source",
        paths: before.includes(path) ? before.filter((each) => each !== path) : [...before, path],
      });
      store.set({ picked: [] });
      return;
    }
    const mode = event.shiftKey ? "combine" : event.altKey ? "coalesce" : "replace";
    if (picked.length > 0) {
      act.connect(picked, path, mode);
    } else if (
      selection.kind === "source" &&
      !isMapped &&
      row.isOpen === undefined &&
      !field.read_only &&
      !row.isGhost
    ) {
      act.connect(selection.paths, path, mode);
    } else {
      act.select({ kind: "target", path });
    }
  }

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it takes the keyboard.
    <div
      id={rowId(side, path)}
      role="treeitem"
      tabIndex={-1}
      aria-level={row.depth + 1}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      aria-selected={isSelected}
      {...(row.isOpen === undefined ? {} : { "aria-expanded": row.isOpen })}
      aria-label={spoken(side, row, model)}
      data-path={path}
      data-fit={fit?.level}
      title={fit?.reason}
      className={cx(
        "map-row",
        (isSelected || isPartner) && "is-selected",
        hasCursor && "has-cursor",
        isPicked && "is-picked",
        (isPinned || isMissing) && "is-missing",
        row.isGhost && "is-ghost",
        row.isContext && "is-context",
        !isMapped && row.isOpen === undefined && !isMissing && "is-idle",
        severity === "error" && "is-wrong",
      )}
      style={{ paddingLeft: 8 + row.depth * 18, ["--c" as string]: typeColor(field.type) }}
      onPointerDown={(event) => side === "source" && event.button === 0 && beginDrag?.(event, row)}
      onClick={onClick}
      onDoubleClick={() => {
        if (side === "target" && !field.read_only && !row.isGhost && row.isOpen === undefined) {
          store.set({ editing: path });
        }
      }}
    >
      <TypeBadge
        type={field.type}
        format={field.key && field.type === "text" ? "id" : field.format}
      />
      <span className="map-name">
        {row.isOpen !== undefined && (
          <button
            type="button"
            tabIndex={-1}
            className="map-twist"
            aria-label={row.isOpen ? `Close ${field.name}` : `Open ${field.name}`}
            onClick={(event) => {
              event.stopPropagation();
              act.setOpen(side, path, !row.isOpen);
            }}
            onPointerDown={(event) => event.stopPropagation()}
          >
            {row.isOpen ? <ChevronDown size={13} /> : <ChevronRight size={13} />}
          </button>
        )}
        <span className="map-name-text" title={tooltip(field, path)}>
          {name}
        </span>
        {side === "target" && field.required && (
          <span className="map-required" role="img" aria-label="required">
            ✱
          </span>
        )}
        <Marks field={field} side={side} />
      </span>
      {isEditing ? (
        <OriginInput row={row} />
      ) : (
        <Value
          side={side}
          row={row}
          model={model}
          isMissing={isMissing}
          counts={row.isOpen === undefined ? null : coverage(outlines[side], path, facts.isMapped)}
        />
      )}
      {side === "source" && (
        <FillRate profile={model.profiles.get(path)} samples={model.samples?.records.length ?? 0} />
      )}
      <Jack side={side} row={row} isFilled={isMapped} isWrong={isMissing || severity === "error"} />
    </div>
  );
}

/** The other end of what is selected is marked too. */
function useIsPartner(side: SideName, row: Row, model: Model): boolean {
  return useEditorState(({ selection }) => {
    if (selection.kind === "target" && side === "source") {
      return model.targetsOf.get(row.path)?.includes(selection.path) ?? false;
    }
    return (
      selection.kind === "source" &&
      side === "target" &&
      selection.paths.some((path) => model.targetsOf.get(path)?.includes(row.path))
    );
  });
}

function Marks({ field, side }: { field: Field; side: SideName }) {
  return (
    <span className="map-marks">
      {field.key && <small>key</small>}
      {!field.key && field.unique && <small>unique</small>}
      {field.options.length > 0 && side === "source" && (
        <small>{field.options.length} values</small>
      )}
      {field.custom && <small>custom</small>}
      {field.read_only && side === "target" && <Lock aria-label="read-only" size={11} />}
    </span>
  );
}

type ValueProps = {
  side: SideName;
  row: Row;
  model: Model;
  isMissing: boolean;
  counts: { mapped: number; total: number } | null;
};

/** Source: what the sample record has. Target: what would arrive, or why it would not. */
function Value({ side, row, model, isMissing, counts }: ValueProps) {
  const { act, store } = useEditor();
  const { path, field } = row;
  if (row.isGhost) {
    return (
      <button
        type="button"
        tabIndex={-1}
        className="map-relink"
        onClick={(event) => {
          event.stopPropagation();
          const target = side === "target" ? path : model.targetsOf.get(path)?.[0];
          if (target !== undefined) {
            act.select({ kind: "target", path: target });
          }
        }}
      >
        <Link2Off aria-hidden size={11} /> gone · re-link
      </button>
    );
  }
  if (side === "source") {
    if (counts) {
      return (
        <span className="map-value map-quiet">
          {counts.mapped > 0
            ? `${counts.mapped} of ${counts.total} mapped`
            : `${counts.total} fields`}
        </span>
      );
    }
    const value = valueAt(model.record, path);
    return (
      <span
        className={cx("map-value", value === undefined && "map-quiet")}
        title={typeof value === "string" ? value : undefined}
      >
        {model.record === undefined ? "" : shortValue(value)}
      </span>
    );
  }
  const result = model.results.get(path);
  const problem =
    result?.result.problem ??
    model.problems.get(path)?.find((each) => each.severity === "error" && model.rules.has(path))
      ?.message;
  if (problem && model.rules.has(path)) {
    return (
      <span className="map-value map-bad" title={problem}>
        {problem}
      </span>
    );
  }
  if (model.rules.has(path)) {
    return (
      <span className="map-value map-result" title={shortValue(result?.result.value, 400)}>
        {result ? shortValue(result.result.value) : ""}
      </span>
    );
  }
  if (counts && counts.total > 0) {
    return <span className="map-value map-quiet">{`${counts.mapped} of ${counts.total}`}</span>;
  }
  const suggestion = model.suggestions.get(path);
  if (suggestion && suggestion.rule.origin.kind === "fields") {
    const from = suggestion.rule.origin.paths.map(leafOf).join(" + ");
    return (
      <button
        type="button"
        tabIndex={-1}
        className={cx("map-suggest", isMissing && "map-bad")}
        title={`${suggestion.reasons.join(", ")}. Click to connect.`}
        onClick={(event) => {
          event.stopPropagation();
          act.applyRules([suggestion.rule]);
          act.select({ kind: "target", path });
        }}
      >
        suggest: {from}?
      </button>
    );
  }
  return field.read_only ? (
    <span className="map-value map-quiet">set by the platform</span>
  ) : (
    <button
      type="button"
      tabIndex={-1}
      className={cx("map-empty", isMissing && "map-bad")}
      title="Type a value or find a field"
      onClick={(event) => {
        if (store.get().picked.length > 0) {
          return;
        }
        event.stopPropagation();
        act.select({ kind: "target", path });
        store.set({ editing: path });
      }}
    >
      {isMissing ? "not mapped" : "–"}
    </button>
  );
}

/** From this share on, in percent, a field is not worth a mark. */
const WELL_FILLED = 90;

function FillRate({ profile, samples }: { profile: FieldProfile | undefined; samples: number }) {
  if (!profile || samples === 0) {
    return null;
  }
  const share = percent(profile.filled, samples);
  return share >= WELL_FILLED ? null : (
    <span
      className="map-fill"
      title={`has a value in ${share} % of the samples`}
      style={{ ["--fill" as string]: `${share}%` }}
    />
  );
}

function Jack({
  side,
  row,
  isFilled,
  isWrong,
}: {
  side: SideName;
  row: Row;
  isFilled: boolean;
  isWrong: boolean;
}) {
  const { act, store } = useEditor();
  return (
    <span
      aria-hidden
      className={cx("map-jack", isFilled && "is-filled", isWrong && "is-wrong")}
      onClick={(event) => {
        if (side === "source") {
          event.stopPropagation();
          act.select({ kind: "source", paths: [row.path] });
          act.pickUp([row.path]);
        } else if (store.get().picked.length === 0) {
          event.stopPropagation();
          act.select({ kind: "target", path: row.path });
        }
      }}
    />
  );
}

function tooltip(field: Field, path: string): string {
  return [
    field.label === null || field.label === field.name ? path : `${field.label} · ${path}`,
    `${typeWord(field.type)}${field.items ? ` of ${typeWord(field.items)}` : ""}${field.max_length === null ? "" : `, at most ${field.max_length} characters`}${field.inferred ? ", guessed from samples" : ""}`,
    field.description,
  ]
    .filter((line) => line !== null)
    .join("\n");
}

function spoken(side: SideName, row: Row, model: Model): string {
  const { field, path } = row;
  const parts = [field.name, typeWord(field.type)];
  if (field.required && side === "target") {
    parts.push("required");
  }
  if (field.key) {
    parts.push("key");
  }
  if (field.read_only) {
    parts.push("read-only");
  }
  if (side === "source") {
    const targets = model.targetsOf.get(path) ?? [];
    parts.push(targets.length > 0 ? `mapped to ${targets.join(", ")}` : "not mapped");
    parts.push(shortValue(valueAt(model.record, path), 60));
  } else {
    const rule = model.rules.get(path);
    const from = rule
      ? rule.origin.kind === "fields"
        ? rule.origin.paths.join(", ")
        : rule.origin.kind
      : null;
    parts.push(from === null ? "not mapped" : `from ${from}`);
    const result = model.results.get(path)?.result;
    if (rule && result) {
      parts.push(result.problem ?? shortValue(result.value, 60));
    }
  }
  return parts.join(", ");
}
