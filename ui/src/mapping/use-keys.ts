import { useEffect } from "react";
import * as mappings from "./document";
import type { Model } from "./model";
import { leafOf } from "./path";
import { type Command, commandFor, isTyping } from "./shortcuts";
import { type Editor, useEditor } from "./store";

type Setting = { model: Model; samples: number; switchView: () => void; openDrawer: () => void };

/** The editor's keys, wherever the focus is; single characters never while something is being typed. */
export function useKeys(setting: Setting): void {
  const editor = useEditor();
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent): void {
      const command = commandFor(event);
      if (command === null || event.defaultPrevented) {
        return;
      }
      const isText = isTyping(document.activeElement);
      if (isText && command !== "autoMap" && command !== "view") {
        return;
      }
      if (document.querySelector("[role=dialog]") !== null) {
        return;
      }
      // Space and Enter on buttons are theirs; so is Backspace anywhere but in the trees.
      if (
        event.key === "Backspace" &&
        !(
          document.activeElement?.getAttribute("role") === "tree" ||
          document.activeElement === document.body
        )
      ) {
        return;
      }
      if (run(editor, setting, command)) {
        event.preventDefault();
      }
    }
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [editor, setting]);
}

/** False when the key means nothing here and may go on to the browser. */
function run(
  editor: Editor,
  { model, samples, switchView, openDrawer }: Setting,
  command: Command,
): boolean {
  const { store, act, outlines } = editor;
  const { selection, cursor, sample } = store.get();
  const target = selection.kind === "target" ? selection.path : null;
  switch (command) {
    case "undo":
      act.undo();
      return true;
    case "redo":
      act.redo();
      return true;
    case "autoMap":
      store.set({ layer: "suggestions" });
      return true;
    case "view":
      switchView();
      return true;
    case "shortcuts":
      store.set({ layer: "shortcuts" });
      return true;
    case "find": {
      const side = document.activeElement?.closest(".map-tree-target") ? "target" : "source";
      const field =
        document.querySelector<HTMLInputElement>(`[data-find=${side}]`) ??
        document.querySelector<HTMLInputElement>("[data-find]");
      field?.focus();
      field?.select();
      return field !== null;
    }
    case "nextRecord":
    case "previousRecord":
      if (samples > 0) {
        const next = (sample + (command === "nextRecord" ? 1 : samples - 1)) % samples;
        store.set({ sample: next, announcement: `Record ${next + 1} of ${samples}` });
      }
      return true;
    case "nextProblem":
    case "previousProblem": {
      const order = outlines.target.all
        .map((row) => row.path)
        .filter((path) => model.problems.has(path) || model.failures.has(path));
      const extra = [...model.problems.keys()].filter(
        (path) => path !== "" && !order.includes(path),
      );
      const all = [...order, ...extra];
      if (all.length === 0) {
        act.announce("No problems");
        return true;
      }
      const at = target === null ? -1 : all.indexOf(target);
      const next =
        all[
          (at + (command === "nextProblem" ? 1 : at < 0 ? all.length : all.length - 1)) % all.length
        ];
      if (next !== undefined) {
        const failure = model.failures.get(next);
        if (failure) {
          store.set({ sample: failure.first_sample });
        }
        act.goTo(next);
        act.announce(
          `${next}: ${model.problems.get(next)?.[0]?.message ?? failure?.message ?? ""}`,
        );
        openDrawer();
      }
      return true;
    }
    case "nextUnmapped": {
      const open = outlines.target.all.filter(
        (row) => row.isOpen === undefined && !row.field.read_only && !model.rules.has(row.path),
      );
      const ordered = [
        ...open.filter((row) => row.field.required),
        ...open.filter((row) => !row.field.required),
      ];
      const at = ordered.findIndex((row) => row.path === (target ?? cursor.target));
      const next = ordered[(at + 1) % Math.max(1, ordered.length)];
      if (next) {
        act.goTo(next.path);
        act.announce(`${next.path}, not mapped`);
      } else {
        act.announce("Every field is mapped");
      }
      return true;
    }
    case "addStep":
      if (target !== null && mappings.ruleOf(model.mapping, target)) {
        store.set({ step: { kind: "add" } });
      }
      return true;
    case "constant":
      if (target !== null && !outlines.target.byPath.get(target)?.field.read_only) {
        store.set({ editing: target });
      }
      return true;
    case "expression":
      if (target !== null) {
        const rule = mappings.ruleOf(model.mapping, target);
        if (rule?.origin.kind !== "expression") {
          act.edit(`Write an expression for ${leafOf(target)}`, (now) =>
            rule?.origin.kind === "fields"
              ? mappings.toExpression(now, target)
              : mappings.setExpression(now, target, "{{ record. }}"),
          );
        }
        requestAnimationFrame(() =>
          document.querySelector<HTMLTextAreaElement>("[data-expression]")?.focus(),
        );
      }
      return true;
    case "unlink":
      if (target !== null) {
        act.unlink([target]);
      } else if (selection.kind === "source") {
        act.unlinkSources(selection.paths);
      }
      return true;
    case "cancel": {
      const { picked, step: open, editing } = store.get();
      if (picked.length > 0) {
        store.set({ picked: [], announcement: "Put down" });
      } else if (open.kind !== "none" || editing !== null) {
        store.set({ step: { kind: "none" }, editing: null });
      } else {
        act.select({ kind: "none" });
      }
      return true;
    }
  }
}
