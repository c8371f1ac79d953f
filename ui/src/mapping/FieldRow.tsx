import { ChevronDown, ChevronRight, Link2Off, Lock } from "lucide-react";
import type { PointerEvent, ReactNode } from "react";
import type { Field, FieldProfile } from "@/api/bindings";
import { cx } from "@/components/cx";
import { TypeBadge, typeColor } from "@/components/TypeBadge";
import { percent } from "@/format/count";
import { WayMark } from "./FieldWay";
import { typeWord } from "./kinds";
import { type Model, severityOf, useModel } from "./model";
import { OriginInput } from "./OriginInput";
import { marksOf, type RowValue, rowValue, spokenRow } from "./row-value";
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

  const counts = row.isOpen === undefined ? null : coverage(outlines[side], path, facts.isMapped);
  const value = rowValue(side, row, model, counts);

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
      aria-label={spokenRow(side, row, name, value, model)}
      aria-disabled={fit?.level === "impossible" || undefined}
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
          <span className="map-required" aria-hidden>
            ✱
          </span>
        )}
        <Marks field={field} side={side} />
        {side === "target" && isMapped && model.rules.get(path)?.origin.kind === "fields" && (
          <span className="map-marks">
            <WayMark path={path} />
          </span>
        )}
      </span>
      {isEditing ? (
        <OriginInput row={row} />
      ) : (
        <Value side={side} row={row} model={model} value={value} isMissing={isMissing} />
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
      {marksOf(field, side).map((mark) => (
        <small key={mark}>{mark}</small>
      ))}
      {field.read_only && side === "target" && <Lock aria-label="read-only" size={11} />}
    </span>
  );
}

type ValueProps = { side: SideName; row: Row; model: Model; value: RowValue; isMissing: boolean };

/** Source: what the sample record has. Target: what would arrive, or why it would not. */
function Value({ side, row, model, value, isMissing }: ValueProps) {
  const { act, store } = useEditor();
  const { path } = row;
  const missing = isMissing && "map-bad";
  switch (value.kind) {
    case "ghost":
      return (
        <Action
          className="map-relink"
          title="Find another field for its cable"
          onPress={() => {
            const target = side === "target" ? path : model.targetsOf.get(path)?.[0];
            if (target !== undefined) {
              act.select({ kind: "target", path: target });
            }
          }}
        >
          <Link2Off aria-hidden size={11} /> {value.text}
        </Action>
      );
    case "suggestion":
      return (
        <Action
          className={cx("map-suggest", missing)}
          title={`${value.suggestion.reasons.join(", ")}. Click to connect.`}
          onPress={() => {
            act.applyRules([value.suggestion.rule]);
            act.select({ kind: "target", path });
          }}
        >
          {value.text}
        </Action>
      );
    case "empty":
      return (
        <Action
          className={cx("map-empty", missing)}
          title="Type a value or find a field"
          onPress={() => {
            act.select({ kind: "target", path });
            store.set({ editing: path });
          }}
        >
          {value.text}
        </Action>
      );
    case "problem":
      return (
        <span className="map-value map-bad" title={value.text}>
          {value.text}
        </span>
      );
    case "result":
      return (
        <span className="map-value map-result" title={value.full}>
          {value.text}
        </span>
      );
    case "sample":
      return (
        <span className="map-value" title={value.full}>
          {value.text}
        </span>
      );
    case "count":
    case "fixed":
      return <span className="map-value map-quiet">{value.text}</span>;
  }
}

type ActionProps = { className: string; title: string; onPress: () => void; children: ReactNode };

/** A button inside a row; the keyboard has its own ways to the same. */
function Action({ className, title, onPress, children }: ActionProps) {
  const { store } = useEditor();
  return (
    <button
      type="button"
      tabIndex={-1}
      className={className}
      title={title}
      onClick={(event) => {
        // With a source in hand the click means the row.
        if (store.get().picked.length === 0) {
          event.stopPropagation();
          onPress();
        }
      }}
    >
      {children}
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
