import { useVirtualizer } from "@tanstack/react-virtual";
import { Search } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import { FieldRow, rowId } from "./FieldRow";
import { ROW } from "./layout";
import type { Listing } from "./model";
import { type SideName, useEditor, useEditorState } from "./store";
import { nearestVisible, type Row, rowAt, typeAhead } from "./tree";

type Props = {
  side: SideName;
  listing: Listing;
  label: string;
  placeholder: string;
  heading: ReactNode;
  beginDrag?: (event: React.PointerEvent, row: Row) => void;
};

/** Letters that are commands of the editor: they begin no type-ahead, but may go on with one. */
const COMMAND_LETTERS = new Set(["n", "p", "u"]);
const TYPE_AHEAD_MS = 800;

/** One of the two trees. Only what can be seen is in the page. */
export function FieldTree({ side, listing, label, placeholder, heading, beginDrag }: Props) {
  const editor = useEditor();
  const { store, act, viewport } = editor;
  const query = useEditorState((state) => state.query[side]);
  const cursor = useEditorState((state) => state.cursor[side]);
  const isDragging = useEditorState((state) => state.dragged.length > 0 || state.picked.length > 0);
  const scroller = useRef<HTMLDivElement>(null);
  const tree = useRef<HTMLDivElement>(null);
  const typed = useRef({ text: "", at: 0 });
  const { rows, pinned } = listing;
  const all = pinned.length > 0 ? [...pinned, ...rows] : rows;

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 10,
  });

  useEffect(() => {
    const element = scroller.current;
    if (!element) {
      return;
    }
    // The cables follow the scroll position; they read it from the viewport store.
    const report = () =>
      viewport.set((now) => ({ scroll: { ...now.scroll, [side]: element.scrollTop } }));
    element.addEventListener("scroll", report, { passive: true });
    report();
    return () => element.removeEventListener("scroll", report);
  }, [side, viewport]);

  useEffect(() => {
    editor.trees[side] = {
      focus: () => tree.current?.focus({ preventScroll: true }),
      scrollTo: (path) => {
        const index = listing.indexOf.get(
          nearestVisible(editor.outlines[side], listing.indexOf, path) ?? "",
        );
        if (index !== undefined) {
          virtual.scrollToIndex(index, { align: "auto" });
        }
      },
      scrollBy: (pixels) => scroller.current?.scrollBy(0, pixels),
    };
    return () => {
      editor.trees[side] = null;
    };
  }, [editor, side, listing.indexOf, virtual]);

  function moveTo(index: number, isExtending = false): void {
    const row = all[Math.max(0, Math.min(all.length - 1, index))];
    if (!row) {
      return;
    }
    const { selection, picked } = store.get();
    if (side === "source") {
      const before =
        isExtending && selection.kind === "source"
          ? selection.paths.filter((path) => path !== row.path)
          : [];
      act.select({ kind: "source", paths: [...before, row.path] });
    } else if (picked.length > 0) {
      // A picked-up source stays in hand while the keyboard walks through the targets.
      const fit = act.fit(picked, row);
      store.set((state) => ({
        cursor: { ...state.cursor, target: row.path },
        announcement: `${row.path}: ${fit.reason}`,
      }));
    } else {
      act.select({ kind: "target", path: row.path });
    }
    const at = index - pinned.length;
    if (at >= 0) {
      virtual.scrollToIndex(at, { align: "auto" });
    }
  }

  function onKeyDown(event: KeyboardEvent): void {
    const at = all.findIndex((row) => row.path === cursor);
    const row = all[at];
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? ROW) / ROW) - 1);
    if (event.altKey && event.key !== "Enter") {
      return;
    }
    if (event.ctrlKey || event.metaKey) {
      return;
    }
    switch (event.key) {
      case "ArrowDown":
        moveTo(at + 1, event.shiftKey);
        break;
      case "ArrowUp":
        moveTo(at < 0 ? 0 : at - 1, event.shiftKey);
        break;
      case "PageDown":
        moveTo(at + page);
        break;
      case "PageUp":
        moveTo(at - page);
        break;
      case "Home":
        moveTo(0);
        break;
      case "End":
        moveTo(all.length - 1);
        break;
      case "ArrowRight":
        if (row?.isOpen === false) {
          act.setOpen(side, row.path, true);
        } else if (row?.isOpen) {
          moveTo(at + 1);
        }
        break;
      case "ArrowLeft":
        if (row?.isOpen) {
          act.setOpen(side, row.path, false);
        } else if (row?.parent != null) {
          moveTo(all.findIndex((each) => each.path === row.parent));
        }
        break;
      case " ":
      case "Enter":
        if (
          event.key === " " &&
          typed.current.text !== "" &&
          event.timeStamp - typed.current.at < TYPE_AHEAD_MS
        ) {
          return;
        }
        if (row) {
          press(row, event);
        }
        break;
      default: {
        if (event.key.length !== 1 || !/[\p{L}\p{N}_]/u.test(event.key)) {
          return;
        }
        const isGoingOn = event.timeStamp - typed.current.at < TYPE_AHEAD_MS;
        if (!isGoingOn && COMMAND_LETTERS.has(event.key)) {
          return;
        }
        typed.current = {
          text: (isGoingOn ? typed.current.text : "") + event.key,
          at: event.timeStamp,
        };
        const found = typeAhead(all, at, typed.current.text);
        if (found >= 0) {
          moveTo(found);
        }
      }
    }
    event.preventDefault();
    event.stopPropagation();
  }

  function press(row: Row, event: KeyboardEvent): void {
    const { picked, selection } = store.get();
    if (side === "source") {
      act.pickUp(
        selection.kind === "source" && selection.paths.includes(row.path)
          ? selection.paths
          : [row.path],
      );
      editor.trees.target?.focus();
    } else if (picked.length > 0) {
      act.connect(
        picked,
        row.path,
        event.shiftKey ? "combine" : event.altKey ? "coalesce" : "replace",
      );
    } else if (!row.field.read_only && !row.isGhost) {
      act.select({ kind: "target", path: row.path });
      store.set({ editing: row.path });
    }
  }

  const active =
    cursor !== null && (listing.indexOf.has(cursor) || listing.pinnedIndexOf.has(cursor))
      ? rowId(side, cursor)
      : undefined;
  return (
    <section className={`map-tree map-tree-${side}`} aria-label={label}>
      <header className="map-tree-head">
        {heading}
        <span className="map-find">
          <Search aria-hidden size={12} />
          <input
            type="search"
            data-find={side}
            aria-label={`Find in ${label}`}
            placeholder={placeholder}
            autoComplete="off"
            spellCheck={false}
            value={query}
            onChange={(event) => {
              const text = event.currentTarget.value;
              store.set((state) => ({ query: { ...state.query, [side]: text } }));
            }}
            onKeyDown={(event) => {
              if (event.key === "Escape" && query !== "") {
                event.stopPropagation();
                store.set((state) => ({ query: { ...state.query, [side]: "" } }));
              } else if (event.key === "Enter" || event.key === "ArrowDown") {
                event.preventDefault();
                tree.current?.focus();
                moveTo(0);
              }
            }}
          />
        </span>
      </header>
      <div
        ref={tree}
        role="tree"
        tabIndex={0}
        aria-label={label}
        aria-multiselectable={side === "source"}
        {...(active === undefined ? {} : { "aria-activedescendant": active })}
        data-dragging={isDragging || undefined}
        className="map-rows"
        onKeyDown={onKeyDown}
        onFocus={(event) => {
          if (event.target === event.currentTarget && cursor === null && all[0]) {
            const first = all[0].path;
            store.set((state) => ({ cursor: { ...state.cursor, [side]: first } }));
          }
        }}
      >
        {pinned.length > 0 && (
          <fieldset className="map-pinned" aria-label="Required and not mapped">
            {pinned.map((row) => (
              <FieldRow key={row.path} side={side} row={row} facts={listing.facts} isPinned />
            ))}
          </fieldset>
        )}
        <div ref={scroller} className="map-scroll">
          <div style={{ height: virtual.getTotalSize(), position: "relative" }} role="presentation">
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index];
              return (
                row && (
                  <div
                    key={row.path}
                    className="map-slot"
                    style={{ transform: `translateY(${item.start}px)` }}
                    role="presentation"
                  >
                    <FieldRow
                      side={side}
                      row={row}
                      facts={listing.facts}
                      {...(beginDrag ? { beginDrag } : {})}
                    />
                  </div>
                )
              );
            })}
          </div>
          {rows.length === 0 && pinned.length === 0 && (
            <p className="map-none">
              {query === "" ? "This stream has no fields." : "No field matches."}
            </p>
          )}
        </div>
      </div>
    </section>
  );
}

/** The row of a path in a listing: itself or the ancestor that hides it. */
export function rowShown(
  listing: Listing,
  outline: Parameters<typeof nearestVisible>[0],
  path: string,
): string | null {
  const own = rowAt(outline, path)?.path ?? path;
  return listing.pinnedIndexOf.has(own) ? own : nearestVisible(outline, listing.indexOf, path);
}
