/** What a person can do in the editor, each in one place: pointer, keyboard and buttons call the same. */
import { toast } from "sonner";
import type { Mapping, Rule, TransformView } from "@/api/bindings";
import { type Fit, fitOfMany } from "./compat";
import * as document from "./document";
import { current, push, redo, redoName, undo, undoName } from "./history";
import { typeWord } from "./kinds";
import { leafOf } from "./path";
import type { EditorState, Selection, SideName, Store, TreeHandle } from "./store";
import { type Outline, pairByName, type Row, rowAt } from "./tree";

/** One offer to undo at a time: the latest edit is what undo takes back. */
const UNDO_TOAST = "mapping-undo";

export type DropMode = "replace" | "combine" | "coalesce";
export type Actions = ReturnType<typeof makeActions>;

type Setting = {
  store: Store<EditorState>;
  outlines: Record<SideName, Outline>;
  transforms: ReadonlyMap<string, TransformView>;
  trees: Record<SideName, TreeHandle | null>;
};

export function makeActions({ store, outlines, trees }: Setting) {
  const mapping = (): Mapping => current(store.get().history);

  /** One undo step. Edits with the same `merge` in a row are one. */
  function edit(name: string, change: (mapping: Mapping) => Mapping, merge?: string): void {
    toast.dismiss(UNDO_TOAST);
    store.set(({ history }) => ({ history: push(history, name, change(current(history)), merge) }));
  }

  function announce(announcement: string): void {
    store.set({ announcement });
  }

  function undoable(message: string): void {
    toast(message, { id: UNDO_TOAST, action: { label: "Undo", onClick: stepBack } });
  }

  function stepBack(): void {
    const { history } = store.get();
    const name = undoName(history);
    store.set({
      history: undo(history),
      announcement: name ? `Undid: ${name}` : "Nothing to undo",
    });
  }

  function stepForward(): void {
    const { history } = store.get();
    const name = redoName(history);
    store.set({
      history: redo(history),
      announcement: name ? `Did again: ${name}` : "Nothing to do again",
    });
  }

  function select(selection: Selection): void {
    store.set((state) => ({
      selection,
      editing: null,
      step: { kind: "none" },
      cursor: {
        source:
          selection.kind === "source" ? (selection.paths.at(-1) ?? null) : state.cursor.source,
        target: selection.kind === "target" ? selection.path : state.cursor.target,
      },
    }));
  }

  /** Opens what hides a row, lets the filter go if it does not match, and scrolls there. */
  function reveal(side: SideName, path: string): void {
    const outline = outlines[side];
    const closed = new Set(store.get().closed[side]);
    for (
      let row = rowAt(outline, path);
      row;
      row = row.parent === null ? undefined : outline.byPath.get(row.parent)
    ) {
      if (row.path !== path) {
        closed.delete(row.path);
      }
    }
    store.set((state) => ({ closed: { ...state.closed, [side]: closed } }));
    requestAnimationFrame(() => trees[side]?.scrollTo(rowAt(outline, path)?.path ?? path));
  }

  function goTo(target: string): void {
    store.set((state) => ({ query: { ...state.query, target: "" } }));
    select({ kind: "target", path: target });
    reveal("target", target);
  }

  function setOpen(side: SideName, path: string, isOpen: boolean): void {
    store.set((state) => {
      const closed = new Set(state.closed[side]);
      if (isOpen) {
        closed.delete(path);
      } else {
        closed.add(path);
      }
      return { closed: { ...state.closed, [side]: closed } };
    });
  }

  function fitFor(paths: readonly string[], target: Row): Fit {
    const fields = paths.flatMap((path) => rowAt(outlines.source, path)?.field ?? []);
    if (fields.length === 0) {
      return {
        level: "impossible",
        reason: "is not in the source any more",
        steps: [],
        isLossy: true,
      };
    }
    const [first] = fields;
    if (fields.length === 1 && first?.type === "object" && target.field.type === "object") {
      return {
        level: "exact",
        reason: "pairs the fields inside by name",
        steps: [],
        isLossy: false,
      };
    }
    return fitOfMany(fields, target.field);
  }

  /** Draws cables. False when they cannot be drawn: the reason has been said. */
  function connect(paths: string[], targetPath: string, mode: DropMode): boolean {
    const target = rowAt(outlines.target, targetPath);
    store.set({ picked: [], dragged: [] });
    if (!target || paths.length === 0) {
      return false;
    }
    const [only] = paths;
    const source = only === undefined ? undefined : rowAt(outlines.source, only);
    if (paths.length === 1 && source?.field.type === "object" && target.field.type === "object") {
      return connectInside(source, target);
    }
    const before = document.ruleOf(mapping(), targetPath);
    const found = fitFor(paths, target);
    if (found.level === "impossible") {
      refuse(paths, target, found, source);
      return false;
    }
    const names = paths.map(leafOf).join(" + ");
    const verb =
      before && mode === "combine"
        ? "Combine"
        : before && mode === "coalesce"
          ? "Fall back to"
          : "Connect";
    edit(`${verb} ${names} → ${leafOf(targetPath)}`, (now) => {
      switch (before ? mode : "replace") {
        case "combine":
          return document.combine(now, targetPath, paths);
        case "coalesce":
          return document.coalesce(now, targetPath, paths);
        case "replace":
          return document.link(now, targetPath, paths, found.steps);
      }
    });
    select({ kind: "target", path: targetPath });
    const typeOf = source ? `, ${typeWord(source.field.type)}` : "";
    announce(
      `${names}${typeOf}, onto ${targetPath}, ${typeWord(target.field.type)}: ${found.reason === "same type" ? "exact" : found.reason}`,
    );
    if (before && mode === "replace") {
      undoable(`Replaced what filled ${targetPath}`);
    }
    return true;
  }

  function refuse(paths: string[], target: Row, found: Fit, source: Row | undefined): void {
    const message = `${paths.map(leafOf).join(" + ")} cannot fill ${target.path}`;
    announce(`${message}: ${found.reason}`);
    const container =
      source?.field.type === "object"
        ? { side: "source" as const, row: source }
        : target.field.type === "object"
          ? { side: "target" as const, row: target }
          : null;
    toast.error(message, {
      description: found.reason,
      ...(container
        ? {
            action: {
              label: "Show the fields inside",
              onClick: () => {
                setOpen(container.side, container.row.path, true);
                trees[container.side]?.scrollTo(container.row.path);
              },
            },
          }
        : {}),
    });
  }

  /** Object onto object: the fields inside that have the same names. */
  function connectInside(source: Row, target: Row): boolean {
    const { pairs, total } = pairByName(source, target);
    const free = pairs.filter(([, to]) => !document.ruleOf(mapping(), to));
    if (free.length === 0) {
      toast.error(
        `No field inside ${source.path} has the name of a free one inside ${target.path}`,
        { description: "Draw them one by one." },
      );
      return false;
    }
    edit(
      `Connect ${free.length} fields of ${leafOf(source.path)} → ${leafOf(target.path)}`,
      (now) =>
        free.reduce((next, [from, to]) => {
          const [a, b] = [rowAt(outlines.source, from), rowAt(outlines.target, to)];
          const found = a && b ? fitOfMany([a.field], b.field) : null;
          return found && found.level !== "impossible"
            ? document.link(next, to, [from], found.steps)
            : next;
        }, now),
    );
    setOpen("target", target.path, true);
    undoable(`Connected ${free.length} of ${total} fields by name`);
    return true;
  }

  function pickUp(paths: string[]): void {
    if (paths.length === 0) {
      return;
    }
    const [first] = paths;
    const row = first === undefined ? undefined : rowAt(outlines.source, first);
    store.set({
      picked: paths,
      announcement: `Picked up ${paths.join(", ")}${row ? `, ${typeWord(row.field.type)}` : ""}. Choose a target and press Enter, or Escape.`,
    });
  }

  function unlink(targets: string[]): void {
    const removed = targets.filter((target) => document.ruleOf(mapping(), target));
    if (removed.length === 0) {
      return;
    }
    edit(
      removed.length === 1 ? `Disconnect ${removed[0]}` : `Disconnect ${removed.length} fields`,
      (now) => document.unlink(now, removed),
    );
    undoable(
      removed.length === 1 ? `Disconnected ${removed[0]}` : `Disconnected ${removed.length} fields`,
    );
    announce(`Disconnected ${removed.join(", ")}`);
  }

  /** Takes every cable of these sources away. */
  function unlinkSources(paths: string[]): void {
    const cables = document
      .cablesOf(mapping())
      .filter((cable) => cable.kind === "field" && paths.includes(cable.source));
    if (cables.length === 0) {
      return;
    }
    edit(`Disconnect ${paths.join(", ")}`, (now) =>
      cables.reduce((next, cable) => document.unlinkSource(next, cable.target, cable.source), now),
    );
    undoable(`Disconnected ${paths.join(", ")}`);
  }

  function setConstant(target: string, value: unknown): void {
    edit(
      `Set ${leafOf(target)}`,
      (now) => document.setConstant(now, target, value),
      `constant:${target}`,
    );
    store.set({ editing: null });
    announce(`${target} is always ${JSON.stringify(value)}`);
  }

  function applyRules(rules: Rule[]): void {
    const count = rules.length === 1 ? "1 field" : `${rules.length} fields`;
    edit(`Auto-map ${count}`, (now) => document.applySuggestions(now, rules));
    undoable(`Connected ${count}`);
    announce(`Connected ${count}`);
  }

  return {
    mapping,
    edit,
    announce,
    undoable,
    undo: stepBack,
    redo: stepForward,
    select,
    reveal,
    goTo,
    setOpen,
    fit: fitFor,
    connect,
    pickUp,
    unlink,
    unlinkSources,
    setConstant,
    applyRules,
  };
}
