/**
 * Drawing a cable with the pointer. Positions go straight to the page: React draws again when the drag starts, when
 * it ends, and never for a move.
 */
import {
  type PointerEvent as ReactPointerEvent,
  type RefObject,
  useCallback,
  useEffect,
  useRef,
} from "react";
import { autoScroll, pathOf } from "./layout";
import { leafOf } from "./path";
import { type Editor, useEditor } from "./store";
import type { Row } from "./tree";
import { rowAt } from "./tree";

const THRESHOLD = 4;
const OPEN_AFTER = 500;

export type GhostParts = {
  /** The card at the pointer. */
  card: RefObject<HTMLDivElement | null>;
  /** Its line of reasons. */
  reason: RefObject<HTMLSpanElement | null>;
  cable: RefObject<SVGPathElement | null>;
  gutter: RefObject<HTMLDivElement | null>;
};

/** What is under the way of the pointer; one at a time. */
type Drag = {
  paths: string[];
  startX: number;
  startY: number;
  x: number;
  y: number;
  isOn: boolean;
  jack: HTMLElement;
  over: HTMLElement | null;
  overSince: number;
  frame: number;
};

export function useDrag(ghost: GhostParts): (event: ReactPointerEvent, row: Row) => void {
  const editor = useEditor();
  const stop = useRef<(() => void) | null>(null);
  useEffect(() => () => stop.current?.(), []);

  return useCallback(
    (event, row) => {
      const { selection } = editor.store.get();
      const paths =
        selection.kind === "source" && selection.paths.includes(row.path)
          ? selection.paths
          : [row.path];
      const element = event.currentTarget;
      if (!(element instanceof HTMLElement) || row.isGhost) {
        return;
      }
      stop.current?.();
      stop.current = follow(editor, ghost, {
        paths,
        startX: event.clientX,
        startY: event.clientY,
        x: event.clientX,
        y: event.clientY,
        isOn: false,
        jack: element,
        over: null,
        overSince: 0,
        frame: 0,
      });
    },
    [editor, ghost],
  );
}

function follow(editor: Editor, ghost: GhostParts, drag: Drag): () => void {
  const { store, act, trees } = editor;

  function move(event: PointerEvent): void {
    drag.x = event.clientX;
    drag.y = event.clientY;
    if (!drag.isOn && Math.hypot(drag.x - drag.startX, drag.y - drag.startY) >= THRESHOLD) {
      drag.isOn = true;
      document.body.classList.add("map-dragging");
      store.set({
        dragged: drag.paths,
        picked: [],
        announcement: `Dragging ${drag.paths.join(", ")}`,
      });
      drag.frame = requestAnimationFrame(tick);
    }
    if (drag.isOn) {
      event.preventDefault();
      draw(event);
    }
  }

  /** Scrolls at the edges and opens closed branches, while the pointer may stand still. */
  function tick(now: number): void {
    for (const side of ["source", "target"] as const) {
      const box = document.querySelector(`.map-tree-${side} .map-scroll`)?.getBoundingClientRect();
      if (box && drag.x >= box.left && drag.x <= box.right) {
        const pixels = autoScroll(drag.y, box.top, box.bottom);
        if (pixels !== 0) {
          trees[side]?.scrollBy(pixels);
        }
      }
    }
    const path = drag.over?.dataset.path;
    if (
      path !== undefined &&
      drag.over?.getAttribute("aria-expanded") === "false" &&
      now - drag.overSince > OPEN_AFTER
    ) {
      act.setOpen("target", path, true);
      drag.overSince = now;
    }
    drag.frame = requestAnimationFrame(tick);
  }

  function draw(event: PointerEvent): void {
    const under =
      document
        .elementFromPoint(drag.x, drag.y)
        ?.closest<HTMLElement>(".map-tree-target .map-row") ?? null;
    if (under !== drag.over) {
      drag.over?.removeAttribute("data-over");
      under?.setAttribute("data-over", "");
      drag.over = under;
      drag.overSince = performance.now();
    }
    ghost.card.current?.style.setProperty(
      "transform",
      `translate(${drag.x + 14}px, ${drag.y + 10}px)`,
    );
    const level = under?.dataset.fit ?? "none";
    ghost.card.current?.setAttribute("data-fit", level);
    if (ghost.reason.current) {
      ghost.reason.current.textContent = wordsFor(under, event);
    }
    const gutter = ghost.gutter.current?.getBoundingClientRect();
    if (gutter && ghost.cable.current) {
      const from = drag.jack.getBoundingClientRect();
      const end = under?.getBoundingClientRect();
      const width = Math.max(1, (end ? gutter.right : drag.x) - gutter.left);
      ghost.cable.current.setAttribute(
        "d",
        pathOf(
          width,
          from.top + from.height / 2 - gutter.top,
          (end ? end.top + end.height / 2 : drag.y) - gutter.top,
        ),
      );
    }
  }

  function wordsFor(under: HTMLElement | null, event: PointerEvent): string {
    const row =
      under?.dataset.path === undefined
        ? undefined
        : rowAt(editor.outlines.target, under.dataset.path);
    if (!row) {
      return "Drop on a target field";
    }
    const fit = act.fit(drag.paths, row);
    if (fit.level === "impossible") {
      return fit.reason;
    }
    const isFilled = act.mapping().rules.some((rule) => rule.target === row.path);
    const verb = isFilled
      ? event.shiftKey
        ? "combine with"
        : event.altKey
          ? "use if empty in"
          : "replace"
      : "onto";
    return `${verb} ${leafOf(row.path)} · ${fit.reason}${isFilled && !event.shiftKey && !event.altKey ? " · Shift combines, Alt falls back" : ""}`;
  }

  function drop(event: PointerEvent): void {
    const path = drag.over?.dataset.path;
    const { paths, isOn } = drag;
    end();
    if (isOn) {
      // The click that follows belongs to the drag; not every browser sends one.
      const swallow = (click: Event) => click.stopPropagation();
      window.addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => window.removeEventListener("click", swallow, true), 0);
      if (path !== undefined) {
        act.connect(
          paths,
          path,
          event.shiftKey ? "combine" : event.altKey ? "coalesce" : "replace",
        );
      }
    }
  }

  function key(event: KeyboardEvent): void {
    if (event.key === "Escape" && drag.isOn) {
      event.preventDefault();
      event.stopPropagation();
      act.announce("Cancelled");
      end();
    }
  }

  function end(): void {
    cancelAnimationFrame(drag.frame);
    drag.over?.removeAttribute("data-over");
    document.body.classList.remove("map-dragging");
    window.removeEventListener("pointermove", move);
    window.removeEventListener("pointerup", drop);
    window.removeEventListener("pointercancel", end);
    window.removeEventListener("keydown", key, true);
    if (store.get().dragged.length > 0) {
      store.set({ dragged: [] });
    }
  }

  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", drop);
  window.addEventListener("pointercancel", end);
  window.addEventListener("keydown", key, true);
  return end;
}
