import {
  ChevronLeft,
  ChevronRight,
  Columns3,
  Keyboard,
  Redo2,
  Sparkles,
  TableProperties,
  Undo2,
} from "lucide-react";
import { type ReactNode, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { Mapping } from "@/api/bindings";
import { Button, IconButton } from "@/components/Button";
import { Monogram } from "@/components/Monogram";
import { Page } from "@/components/Page";
import { TypeBadge } from "@/components/TypeBadge";
import { Cables } from "./Cables";
import { ChangedElsewhere } from "./ChangedElsewhere";
import { Drawer } from "./Drawer";
import { DraftPill, EditorActions, SyncCrumb, SyncName, SyncPills } from "./EditorBar";
import { FieldTree } from "./FieldTree";
import {
  type History,
  keepMine,
  redoName,
  startHistory,
  store as storeHistory,
  takeTheirs,
  undoName,
} from "./history";
import { Inspector } from "./Inspector";
import { shortValue } from "./kinds";
import { MappingTable } from "./MappingTable";
import { ModelContext, useListing, useModel, useModelOf } from "./model";
import { valueAt } from "./path";
import { ShortcutSheet } from "./ShortcutSheet";
import { SuggestSheet } from "./SuggestSheet";
import {
  useAutosave,
  usePreview,
  usePreviewRows,
  useReport,
  useSamples,
  useSuggestions,
} from "./server";
import { useEditor, useEditorState, useMapping } from "./store";
import { rowAt } from "./tree";
import { type GhostParts, useDrag } from "./use-drag";
import { useKeys } from "./use-keys";

type View = "canvas" | "table";

const narrow = window.matchMedia("(max-width: 999px)");

function useIsNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      narrow.addEventListener("change", listener);
      return () => narrow.removeEventListener("change", listener);
    },
    () => narrow.matches,
  );
}

/** The editor with everything that it needs to know. */
export function Workbench() {
  const editor = useEditor();
  const { syncId, store } = editor;
  const mapping = useMapping();
  const sample = useEditorState((state) => state.sample);
  const tab = useEditorState((state) => state.tab);
  const layer = useEditorState((state) => state.layer);
  const history = useEditorState((state) => state.history);
  const announcement = useEditorState((state) => state.announcement);
  const [chosen, setChosen] = useState<View | null>(null);
  const [isOpen, setIsOpen] = useState(true);
  const isNarrow = useIsNarrow();
  const view: View = chosen ?? (isNarrow ? "table" : "canvas");

  const samples = useSamples(syncId);
  const report = useReport(syncId, mapping);
  const preview = usePreview(syncId, mapping, sample);
  const rows = usePreviewRows(syncId, mapping, isOpen && tab === "preview");
  const suggestions = useSuggestions(syncId, mapping);
  const saving = useAutosave(syncId, mapping, editor.detail.mapping);
  const model = useModelOf({
    samples: samples.data,
    report: report.data,
    preview: preview.data,
    suggestions: suggestions.data?.suggestions ?? [],
  });
  const count = samples.data?.records.length ?? preview.data?.samples ?? 0;

  useEffect(() => storeHistory(window.sessionStorage, syncId, history), [syncId, history]);

  const keys = useMemo(
    () => ({
      model,
      samples: count,
      switchView: () => setChosen(view === "canvas" ? "table" : "canvas"),
      openDrawer: () => setIsOpen(true),
    }),
    [model, count, view],
  );
  useKeys(keys);

  function choose(next: History, theirs: Mapping, announcement: string): void {
    saving.accept(theirs);
    store.set({ history: next, announcement });
  }

  function discarded(mappingNow: typeof mapping): void {
    saving.accept(mappingNow);
    store.set({
      history: startHistory(mappingNow),
      selection: { kind: "none" },
      announcement: "The draft was discarded",
    });
  }

  return (
    <ModelContext value={model}>
      <Page
        title={<SyncName />}
        crumb={<SyncCrumb />}
        pills={<SyncPills />}
        actions={
          <EditorActions flush={saving.flush}>
            <DraftPill saving={saving.state} onDiscarded={discarded} />
          </EditorActions>
        }
        fixed
      >
        {saving.state.kind === "elsewhere" && (
          <ChangedElsewhere
            mine={mapping}
            theirs={saving.state.theirs}
            onTheirs={(theirs) =>
              choose(takeTheirs(history, theirs), theirs, "The other changes were taken over")
            }
            onMine={(theirs) => choose(keepMine(history, theirs), theirs, "Your version was kept")}
          />
        )}
        {view === "canvas" ? (
          <Canvas samples={count} onTable={() => setChosen("table")} />
        ) : (
          <TableView samples={count} onCanvas={() => setChosen("canvas")} />
        )}
        <Drawer
          rows={rows.data}
          error={samples.error ?? report.error ?? preview.error ?? rows.error}
          isOpen={isOpen}
          onOpen={setIsOpen}
        />
        <div role="status" aria-live="polite" className="sr-only">
          {announcement}
        </div>
        {layer === "suggestions" && <SuggestSheet />}
        {layer === "shortcuts" && <ShortcutSheet onClose={() => store.set({ layer: "none" })} />}
      </Page>
    </ModelContext>
  );
}

function Canvas({ samples, onTable }: { samples: number; onTable: () => void }) {
  const editor = useEditor();
  const model = useModel();
  const source = useListing("source", model);
  const target = useListing("target", model);
  const card = useRef<HTMLDivElement>(null);
  const reason = useRef<HTMLSpanElement>(null);
  const cable = useRef<SVGPathElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const ghost = useMemo<GhostParts>(() => ({ card, reason, cable, gutter }), []);
  const beginDrag = useDrag(ghost);
  const { summary } = editor.detail;
  return (
    <div className="map-work">
      <FieldTree
        side="source"
        listing={source}
        label={`${summary.source.connection_name} ${summary.source.stream_label}`}
        placeholder={'Find a field, a type: or a "sample"'}
        beginDrag={beginDrag}
        heading={
          <Heading
            monogram={summary.source.monogram}
            color={summary.source.color}
            text={`${summary.source.connection_name} · ${summary.source.stream_label.toLowerCase()}`}
          >
            <RecordStepper samples={samples} />
          </Heading>
        }
      />
      <div className="relative grid min-h-0 min-w-0">
        <Cables source={source} target={target} gutter={gutter} ghost={cable} />
        <Tools view="canvas" onSwitch={onTable} />
      </div>
      <FieldTree
        side="target"
        listing={target}
        label={`${summary.target.connection_name} ${summary.target.stream_label}`}
        placeholder="Find · is:unmapped · is:required"
        heading={
          <Heading
            monogram={summary.target.monogram}
            color={summary.target.color}
            text={`${summary.target.connection_name} · ${summary.target.stream_label.toLowerCase()}`}
          >
            <Counts />
          </Heading>
        }
      />
      <Inspector />
      <Ghost card={card} reason={reason} />
    </div>
  );
}

function TableView({ samples, onCanvas }: { samples: number; onCanvas: () => void }) {
  const { store } = useEditor();
  const model = useModel();
  const target = useListing("target", model);
  const query = useEditorState((state) => state.query.target);
  return (
    <div className="map-work is-table">
      <div className="flex min-h-0 min-w-0 flex-col">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5 border-b border-line bg-panel px-3 py-1.5">
          <Tools view="table" onSwitch={onCanvas} />
          <input
            type="search"
            data-find="target"
            className="map-text max-w-72 min-w-40 flex-1"
            aria-label="Find in the target"
            placeholder="Find · is:unmapped · is:required"
            value={query}
            onChange={(event) => {
              const text = event.currentTarget.value;
              store.set((state) => ({ query: { ...state.query, target: text } }));
            }}
          />
          <span className="flex-1" />
          <RecordStepper samples={samples} />
          <Counts />
        </div>
        <MappingTable listing={target} />
      </div>
      <Inspector />
    </div>
  );
}

function Heading({
  monogram,
  color,
  text,
  children,
}: {
  monogram: string;
  color: string;
  text: string;
  children: ReactNode;
}) {
  return (
    <div className="map-tree-title">
      <Monogram text={monogram} color={color} />
      <span className="map-title-text" title={text}>
        {text}
      </span>
      {children}
    </div>
  );
}

/** ◀ record 12 / 200 ▶ */
function RecordStepper({ samples }: { samples: number }) {
  const { store } = useEditor();
  const sample = useEditorState((state) => state.sample);
  const step = (by: number) => store.set({ sample: (sample + by + samples) % samples });
  if (samples === 0) {
    return <span className="text-sm font-normal text-ink3">no samples</span>;
  }
  return (
    <span className="flex items-center text-sm font-medium text-ink2">
      <button
        type="button"
        className="map-tiny m-0"
        aria-label="Previous record"
        title="Previous record ([)"
        onClick={() => step(-1)}
      >
        <ChevronLeft aria-hidden size={14} />
      </button>
      <span className="whitespace-nowrap">
        record {sample + 1} / {samples}
      </span>
      <button
        type="button"
        className="map-tiny -mr-1.5"
        aria-label="Next record"
        title="Next record (])"
        onClick={() => step(1)}
      >
        <ChevronRight aria-hidden size={14} />
      </button>
    </span>
  );
}

/** "required 2/3 · mapped 9/14" */
function Counts() {
  const { report } = useModel();
  return (
    report && (
      <span className="text-sm font-medium whitespace-nowrap text-ink2">
        <span className={report.required_mapped < report.required ? "text-bad" : undefined}>
          required {report.required_mapped}/{report.required}
        </span>
        {" · "}mapped {report.mapped}/{report.mappable}
      </span>
    )
  );
}

function Tools({ view, onSwitch }: { view: View; onSwitch: () => void }) {
  const { store, act } = useEditor();
  const isEmpty = useMapping().rules.length === 0;
  const undoing = useEditorState((state) => undoName(state.history));
  const redoing = useEditorState((state) => redoName(state.history));
  return (
    <div className={view === "canvas" ? "map-tools" : "flex items-center gap-2"}>
      <Button
        className={view === "canvas" ? "py-[2px]" : undefined}
        icon={<Sparkles aria-hidden size={13} />}
        look={isEmpty ? "primary" : "plain"}
        title="Auto-map (Ctrl+Shift+M)"
        onClick={() => store.set({ layer: "suggestions" })}
      >
        Auto-map
      </Button>
      <div className="flex items-center gap-0.5">
        <IconButton
          label={undoing ? `Undo: ${undoing}` : "Undo"}
          icon={<Undo2 size={14} />}
          disabledReason={undoing === undefined ? "Nothing to undo" : undefined}
          onClick={act.undo}
        />
        <IconButton
          label={redoing ? `Do again: ${redoing}` : "Do again"}
          icon={<Redo2 size={14} />}
          disabledReason={redoing === undefined ? "Nothing to do again" : undefined}
          onClick={act.redo}
        />
        <IconButton
          label={view === "canvas" ? "Show as a table" : "Show as cables"}
          icon={view === "canvas" ? <TableProperties size={14} /> : <Columns3 size={14} />}
          onClick={onSwitch}
        />
        <IconButton
          label="Keys (?)"
          icon={<Keyboard size={14} />}
          onClick={() => store.set({ layer: "shortcuts" })}
        />
      </div>
    </div>
  );
}

/** What hangs at the pointer while it drags. Where it is and what it says is written by the drag itself. */
function Ghost({ card, reason }: Pick<GhostParts, "card" | "reason">) {
  const dragged = useEditorState((state) => state.dragged);
  const { outlines } = useEditor();
  const { record } = useModel();
  const [first] = dragged;
  if (first === undefined) {
    return null;
  }
  const row = rowAt(outlines.source, first);
  return (
    <div ref={card} className="map-ghost" aria-hidden style={{ transform: "translate(-999px, 0)" }}>
      <span className="flex items-center gap-2">
        {row && <TypeBadge type={row.field.type} format={row.field.format} />}
        <b className="font-strong">{dragged.length === 1 ? first : `${dragged.length} fields`}</b>
        {dragged.length === 1 && (
          <span className="map-value">{shortValue(valueAt(record, first), 30)}</span>
        )}
      </span>
      <span ref={reason} className="text-sm text-ink2" />
    </div>
  );
}
