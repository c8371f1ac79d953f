import {
  autocompletion,
  type CompletionContext,
  type CompletionResult,
  completionKeymap,
  startCompletion,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, Prec } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useEffectEvent, useRef } from "react";
import { complete } from "@/editor/completion";

export type Mark = {
  is_error: boolean;
  line: number | null;
  column: number | null;
  message: string;
};

type Props = {
  label: string;
  text: string;
  marks: readonly Mark[];
  /** The JSON schema of what is edited. */
  schema: unknown;
  /** Where the caret is put; another object puts it there again. */
  caret: { line: number; column: number } | null;
  onChange: (text: string) => void;
  onSave: () => void;
};

/** A text editor for YAML: completion by a schema, marks where something is wrong. Loaded when it is opened. */
export function YamlEditor({ label, text, marks, schema, caret, onChange, onSave }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const changed = useEffectEvent(onChange);
  const save = useEffectEvent(onSave);
  const suggest = useEffectEvent((context: CompletionContext): CompletionResult | null => {
    const found = complete(schema, context.state.doc.toString(), context.pos);
    if (found === null || (found.from === context.pos && !context.explicit)) {
      return null;
    }
    return {
      from: found.from,
      options: found.suggestions.map((each, index) => ({
        label: each.label,
        apply: each.apply,
        ...(each.detail === null ? {} : { info: each.detail }),
        // In the order of the schema, what is needed first.
        boost: -index / 100,
      })),
    };
  });
  const begin = useEffectEvent((parent: HTMLElement) => {
    return new EditorView({
      parent,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          foldGutter(),
          history(),
          drawSelection(),
          indentOnInput(),
          indentUnit.of("  "),
          bracketMatching(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          search({ top: true }),
          lintGutter(),
          yaml(),
          syntaxHighlighting(colours),
          theme,
          autocompletion({ override: [(context) => suggest(context)] }),
          Prec.high(
            keymap.of([
              {
                key: "Mod-s",
                preventDefault: true,
                run: () => {
                  save();
                  return true;
                },
              },
              { key: "Mod-Space", run: startCompletion },
            ]),
          ),
          keymap.of([
            ...completionKeymap,
            ...lintKeymap,
            ...searchKeymap,
            ...foldKeymap,
            ...historyKeymap,
            ...defaultKeymap,
            // Escape first, then Tab, leaves the editor: CodeMirror's own way out for the keyboard.
            indentWithTab,
          ]),
          // Said outright, so that what checks for the keyboard knows that the scrolled text can be reached.
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) {
              changed(update.state.doc.toString());
            }
          }),
        ],
      }),
    });
  });

  // Synchronises with CodeMirror, which keeps its own document.
  useEffect(() => {
    if (place.current === null) {
      return;
    }
    const editor = begin(place.current);
    view.current = editor;
    return () => {
      view.current = null;
      editor.destroy();
    };
  }, []);

  // Takes over a text that was set from outside.
  useEffect(() => {
    const editor = view.current;
    if (editor !== null && editor.state.doc.toString() !== text) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
    }
  }, [text]);

  useEffect(() => {
    const editor = view.current;
    if (editor !== null) {
      editor.dispatch(
        setDiagnostics(
          editor.state,
          marks.map((mark) => diagnostic(editor, mark)),
        ),
      );
    }
  }, [marks]);

  useEffect(() => {
    const editor = view.current;
    if (editor !== null && caret !== null) {
      const anchor = offset(editor, caret.line, caret.column);
      editor.dispatch({ selection: { anchor }, scrollIntoView: true });
      editor.focus();
    }
  }, [caret]);

  return <div ref={place} className="h-full min-h-0 overflow-hidden" />;
}

function offset(editor: EditorView, line: number, column: number): number {
  const found = editor.state.doc.line(Math.min(Math.max(line, 1), editor.state.doc.lines));
  return Math.min(found.from + Math.max(column - 1, 0), found.to);
}

function diagnostic(editor: EditorView, mark: Mark): Diagnostic {
  const at = offset(editor, mark.line ?? 1, mark.column ?? 1);
  const line = editor.state.doc.lineAt(at);
  const indent = /^\s*/.exec(line.text)?.[0].length ?? 0;
  const from = Math.min(Math.max(at, line.from + indent), line.to);
  return {
    from,
    to: Math.max(from, line.to),
    severity: mark.is_error ? "error" : "warning",
    message: mark.message,
  };
}

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: tags.string, color: "var(--ok)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
  { tag: tags.comment, color: "var(--ink3)", fontStyle: "italic" },
  { tag: [tags.labelName, tags.typeName, tags.meta], color: "var(--t-date)" },
]);

const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--panel)", fontSize: "12px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.55" },
  ".cm-gutters": {
    backgroundColor: "var(--sunk)",
    color: "var(--ink3)",
    borderRight: "1px solid var(--line)",
  },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent) 6%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--ink)" },
  ".cm-lint-marker": { content: "none", width: "9px", height: "9px", margin: "3px 2px 0" },
  ".cm-lint-marker-error": { backgroundColor: "var(--bad)", borderRadius: "50%" },
  ".cm-lint-marker-warning": {
    backgroundColor: "var(--warn)",
    clipPath: "polygon(50% 0, 100% 100%, 0 100%)",
  },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "color-mix(in srgb, var(--accent) 26%, transparent)" },
  ".cm-matchingBracket": { backgroundColor: "var(--accent-soft)" },
  ".cm-tooltip": {
    backgroundColor: "var(--panel)",
    color: "var(--ink)",
    border: "1px solid var(--line2)",
    borderRadius: "6px",
    boxShadow: "var(--lift-high)",
  },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--accent)",
    color: "var(--accent-ink)",
  },
  ".cm-completionInfo": { maxWidth: "280px", padding: "6px 10px", fontFamily: "var(--font-sans)" },
  ".cm-diagnostic": { fontFamily: "var(--font-sans)", padding: "6px 10px" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warn)" },
  ".cm-panels": {
    backgroundColor: "var(--sunk)",
    color: "var(--ink)",
    borderColor: "var(--line)",
    fontFamily: "var(--font-sans)",
  },
  ".cm-panel input, .cm-panel button": {
    backgroundColor: "var(--panel)",
    backgroundImage: "none",
    color: "var(--ink)",
    border: "1px solid var(--line2)",
    borderRadius: "4px",
  },
});
