/**
 * The one local store of the editor: the document with its history, and what only this screen knows (selection,
 * open branches, filters, gestures). What the backend knows is in the query cache.
 */
import { createContext, use, useSyncExternalStore } from "react";
import type { Mapping, Suggestion, SyncDetail, TransformView } from "@/api/bindings";
import type { Actions } from "./actions";
import { current, type History } from "./history";
import type { Outline } from "./tree";

export type SideName = "source" | "target";

export type Selection =
  | { kind: "none" }
  | { kind: "source"; paths: string[] }
  | { kind: "target"; path: string };

export type DrawerTab = "preview" | "record" | "problems";
export type Layer = "none" | "suggestions" | "shortcuts";

export type EditorState = {
  history: History;
  selection: Selection;
  /** Where the keyboard is in each tree. */
  cursor: Record<SideName, string | null>;
  /** Sources that were picked up and wait for their target. */
  picked: string[];
  /** Sources under the pointer, while it drags. */
  dragged: string[];
  closed: Record<SideName, ReadonlySet<string>>;
  query: Record<SideName, string>;
  /** Which sample record, from 0. */
  sample: number;
  /** The target whose value is being typed into its row. */
  editing: string | null;
  /** The step whose picker or form has the word, by position; `add` opens the picker. */
  step: { kind: "none" } | { kind: "add" } | { kind: "edit"; at: number };
  tab: DrawerTab;
  layer: Layer;
  /** For screen readers. */
  announcement: string;
};

export type Store<T> = {
  get: () => T;
  set: (change: Partial<T> | ((state: T) => Partial<T>)) => void;
  subscribe: (listener: () => void) => () => void;
};

export function createStore<T>(initial: T): Store<T> {
  let state = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => state,
    set(change) {
      const next = { ...state, ...(typeof change === "function" ? change(state) : change) };
      state = next;
      for (const listener of listeners) {
        listener();
      }
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Reads a part of a store; `select` must give the same thing for the same state. */
export function useStore<T, U>(store: Store<T>, select: (state: T) => U): U {
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}

export function startState(history: History): EditorState {
  return {
    history,
    selection: { kind: "none" },
    cursor: { source: null, target: null },
    picked: [],
    dragged: [],
    closed: { source: new Set(), target: new Set() },
    query: { source: "", target: "" },
    sample: 0,
    editing: null,
    step: { kind: "none" },
    tab: "preview",
    layer: "none",
    announcement: "",
  };
}

/** Where the trees stand. Written by the trees, read by the cables, many times a second. */
export type Viewport = {
  scroll: Record<SideName, number>;
  width: number;
  height: number;
};

/** What a tree can be asked for from outside. */
export type TreeHandle = {
  focus: () => void;
  scrollTo: (path: string) => void;
  scrollBy: (pixels: number) => void;
};

export type Editor = {
  syncId: string;
  detail: SyncDetail;
  store: Store<EditorState>;
  viewport: Store<Viewport>;
  outlines: Record<SideName, Outline>;
  transforms: ReadonlyMap<string, TransformView>;
  trees: Record<SideName, TreeHandle | null>;
  /** The latest proposals, for those who act on them. */
  suggestions: { current: readonly Suggestion[] };
  act: Actions;
};

export const EditorContext = createContext<Editor | null>(null);

export function useEditor(): Editor {
  const editor = use(EditorContext);
  if (!editor) {
    throw new Error("useEditor needs the mapping editor around it");
  }
  return editor;
}

export function useEditorState<U>(select: (state: EditorState) => U): U {
  return useStore(useEditor().store, select);
}

export function useMapping(): Mapping {
  return useEditorState((state) => current(state.history));
}
