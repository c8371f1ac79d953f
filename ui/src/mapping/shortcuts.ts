/** Every key of the editor, in one table: the sheet shows it and the editor looks keys up in it. */

export type Command =
  | "undo"
  | "redo"
  | "autoMap"
  | "find"
  | "shortcuts"
  | "nextRecord"
  | "previousRecord"
  | "nextProblem"
  | "previousProblem"
  | "nextUnmapped"
  | "addStep"
  | "constant"
  | "expression"
  | "unlink"
  | "view"
  | "cancel";

export type Shortcut = {
  command: Command;
  keys: string[];
  words: string;
  group: "Draw" | "Move" | "Whole mapping";
};

export const SHORTCUTS: Shortcut[] = [
  { command: "addStep", keys: ["."], words: "Add a step to the selected cable", group: "Draw" },
  { command: "constant", keys: ['"'], words: "Type a value", group: "Draw" },
  { command: "expression", keys: ["="], words: "Write an expression", group: "Draw" },
  { command: "unlink", keys: ["Delete", "Backspace"], words: "Disconnect", group: "Draw" },
  { command: "cancel", keys: ["Escape"], words: "Cancel, or select nothing", group: "Draw" },
  {
    command: "nextUnmapped",
    keys: ["u"],
    words: "Next field without a cable, required ones first",
    group: "Move",
  },
  { command: "nextProblem", keys: ["n"], words: "Next problem", group: "Move" },
  { command: "previousProblem", keys: ["p"], words: "Previous problem", group: "Move" },
  { command: "nextRecord", keys: ["]"], words: "Next sample record", group: "Move" },
  { command: "previousRecord", keys: ["["], words: "Previous sample record", group: "Move" },
  { command: "find", keys: ["/", "Ctrl+F"], words: "Find a field", group: "Move" },
  { command: "undo", keys: ["Ctrl+Z"], words: "Undo", group: "Whole mapping" },
  { command: "redo", keys: ["Ctrl+Shift+Z", "Ctrl+Y"], words: "Do again", group: "Whole mapping" },
  { command: "autoMap", keys: ["Ctrl+Shift+M"], words: "Auto-map", group: "Whole mapping" },
  { command: "view", keys: ["Ctrl+Shift+L"], words: "Canvas or table", group: "Whole mapping" },
  { command: "shortcuts", keys: ["?"], words: "This list", group: "Whole mapping" },
];

/** Keys that the trees take themselves; for the sheet. */
export const TREE_KEYS: { keys: string[]; words: string }[] = [
  {
    keys: ["Space", "Enter"],
    words: "On a source: pick it up. On a target: connect it, or type a value",
  },
  { keys: ["Shift+Enter"], words: "On a target: combine with what fills it" },
  { keys: ["Alt+Enter"], words: "On a target: take it where the first is empty" },
  { keys: ["↑", "↓", "Home", "End"], words: "Move; with Shift select several sources" },
  { keys: ["←", "→"], words: "Close and open a branch" },
  { keys: ["a–z"], words: "Jump to a name" },
];

type Press = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

/** Which command a key means. ⌘ is Ctrl on a Mac. */
export function commandFor(press: Press): Command | null {
  const isCtrl = press.ctrlKey || press.metaKey;
  if (press.altKey) {
    return null;
  }
  const found = SHORTCUTS.find(({ keys }) =>
    keys.some((key) => {
      const parts = key === "+" ? ["+"] : key.split("+");
      const last = parts.at(-1) ?? "";
      const wantsCtrl = parts.includes("Ctrl");
      if (wantsCtrl !== isCtrl) {
        return false;
      }
      if (wantsCtrl) {
        return (
          press.key.toLowerCase() === last.toLowerCase() &&
          press.shiftKey === parts.includes("Shift")
        );
      }
      // What is on a key with Shift differs between keyboards: the character counts.
      return press.key === last;
    }),
  );
  return found?.command ?? null;
}

/** Whether a key belongs to what is being typed into. */
export function isTyping(element: Element | null): boolean {
  if (element instanceof HTMLInputElement) {
    return !["checkbox", "radio", "range", "button"].includes(element.type);
  }
  return (
    element instanceof HTMLTextAreaElement ||
    element instanceof HTMLSelectElement ||
    (element instanceof HTMLElement && element.isContentEditable)
  );
}
