// biome-ignore-all lint/a11y/useSemanticElements: only the lines that can be seen are in the page, which a table element cannot place.
import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronDown, ChevronRight } from "lucide-react";
import { useRef } from "react";
import { cx } from "@/components/cx";
import { TypeBadge } from "@/components/TypeBadge";
import { chipParts } from "./chips";
import { shortValue } from "./kinds";
import { type Listing, severityOf, useModel } from "./model";
import { OriginInput } from "./OriginInput";
import { useEditor, useEditorState } from "./store";
import type { Row } from "./tree";

const LINE = 38;

/** The same mapping as a list: one line per target. For narrow windows and for screen readers. */
export function MappingTable({ listing }: { listing: Listing }) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = [...listing.pinned, ...listing.rows];
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE,
    overscan: 12,
  });
  return (
    <section
      className="flex min-h-0 min-w-0 flex-1 flex-col bg-panel"
      aria-label="Mapping as a table"
    >
      <div ref={scroller} className="min-h-0 flex-1 overflow-auto">
        <div role="table" aria-rowcount={rows.length + 1} aria-label="Mapping" className="map-list">
          {/* biome-ignore lint/a11y/useFocusableInteractive: a heading is not a control. */}
          <div role="row" className="map-list-head">
            {["Target", "From", "Sample", "Result", "Problems"].map((title) => (
              // biome-ignore lint/a11y/useFocusableInteractive: a heading is not a control.
              <span
                key={title}
                role="columnheader"
                className={title === "Problems" ? "sr-only" : undefined}
              >
                {title}
              </span>
            ))}
          </div>
          <div style={{ height: virtual.getTotalSize(), position: "relative" }} role="presentation">
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index];
              return row && <Line key={row.path} row={row} index={item.index} top={item.start} />;
            })}
          </div>
        </div>
      </div>
    </section>
  );
}

function Line({ row, index, top }: { row: Row; index: number; top: number }) {
  const { act, store } = useEditor();
  const model = useModel();
  const isSelected = useEditorState(
    ({ selection }) => selection.kind === "target" && selection.path === row.path,
  );
  const isEditing = useEditorState((state) => state.editing === row.path);
  const rule = model.rules.get(row.path);
  const result = model.results.get(row.path);
  const problem = result?.result.problem;
  const severity = severityOf(model, row.path);
  const isMissing = row.field.required && !rule && !row.field.read_only && row.isOpen === undefined;
  const suggestion = model.suggestions.get(row.path);
  const isLeaf = row.isOpen === undefined;
  return (
    <div
      role="row"
      tabIndex={0}
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      className={cx("map-list-line", isSelected && "is-selected", isMissing && "is-missing")}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => act.select({ kind: "target", path: row.path })}
      onKeyDown={(event) => {
        if (event.target !== event.currentTarget) {
          return;
        }
        if (event.key === "Enter" && isLeaf && !row.field.read_only) {
          act.select({ kind: "target", path: row.path });
          store.set({ editing: row.path });
        } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
          event.preventDefault();
          const next =
            event.key === "ArrowDown"
              ? event.currentTarget.nextElementSibling
              : event.currentTarget.previousElementSibling;
          if (next instanceof HTMLElement) {
            next.focus();
          }
        }
      }}
      onFocus={(event) =>
        event.target === event.currentTarget && act.select({ kind: "target", path: row.path })
      }
    >
      <span
        role="cell"
        className="flex min-w-0 items-center gap-2"
        style={{ paddingLeft: row.depth * 18 }}
      >
        <TypeBadge type={row.field.type} format={row.field.format} />
        {row.isOpen !== undefined && (
          <button
            type="button"
            className="map-twist m-0"
            aria-expanded={row.isOpen}
            aria-label={`${row.isOpen ? "Close" : "Open"} ${row.field.name}`}
            onClick={() => act.setOpen("target", row.path, !row.isOpen)}
          >
            {row.isOpen ? <ChevronDown size={13} /> : <ChevronRight size={13} />}
          </button>
        )}
        <span className={cx("truncate font-medium", row.isGhost && "line-through")}>
          {row.field.name}
        </span>
        {row.field.required && <span className="text-bad">✱</span>}
      </span>
      <span role="cell" className="flex min-w-0 items-center gap-1.5">
        {isEditing ? (
          <OriginInput row={row} />
        ) : rule ? (
          <>
            {rule.origin.kind === "fields" &&
              rule.origin.paths.map((path) => (
                <span key={path} className="map-source">
                  {path}
                </span>
              ))}
            {chipParts(rule).map((part, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the same step may stand twice.
              <span key={at} className="map-reason is-step">
                {part}
              </span>
            ))}
          </>
        ) : isLeaf && !row.field.read_only ? (
          <>
            {suggestion && (
              <button
                type="button"
                className="map-suggest"
                onClick={() => act.applyRules([suggestion.rule])}
              >
                suggest:{" "}
                {suggestion.rule.origin.kind === "fields"
                  ? suggestion.rule.origin.paths.join(" + ")
                  : "constant"}
                ?
              </button>
            )}
            <button
              type="button"
              className={cx("map-empty", isMissing && "map-bad")}
              onClick={() => store.set({ editing: row.path })}
            >
              {isMissing ? "not mapped" : "choose…"}
            </button>
          </>
        ) : null}
      </span>
      <span role="cell" className="map-value truncate">
        {result && rule?.origin.kind === "fields"
          ? result.inputs.map((value) => shortValue(value, 40)).join(" · ")
          : ""}
      </span>
      <span
        role="cell"
        className={cx("map-value truncate", problem != null ? "map-bad" : "map-result")}
        title={problem ?? undefined}
      >
        {rule ? (problem ?? (result ? shortValue(result.result.value) : "")) : ""}
      </span>
      <span role="cell" className="text-right">
        {severity !== null && (
          <button
            type="button"
            className={cx("map-count", severity === "warning" && "is-warn")}
            aria-label={`Problems of ${row.path}`}
            onClick={() => store.set({ tab: "problems" })}
          >
            !
          </button>
        )}
      </span>
    </div>
  );
}
