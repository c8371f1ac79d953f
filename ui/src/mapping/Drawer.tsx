import { ChevronDown, ChevronUp, RefreshCw } from "lucide-react";
import { type PointerEvent, useState } from "react";
import type { PreviewRows } from "@/api/bindings";
import type { BackendError } from "@/api/errors";
import { IconButton } from "@/components/Button";
import { Problem, toastError } from "@/components/Problem";
import { useNow } from "@/components/Time";
import { count } from "@/format/count";
import { relative } from "@/format/time";
import { useModel } from "./model";
import { PreviewTable } from "./PreviewTable";
import { ProblemList } from "./ProblemList";
import { RecordPanes } from "./RecordPanes";
import { useReadSamples } from "./server";
import { type DrawerTab, useEditor, useEditorState } from "./store";

const TABS: { id: DrawerTab; label: string }[] = [
  { id: "preview", label: "Preview" },
  { id: "record", label: "Record" },
  { id: "problems", label: "Problems" },
];

const KEY = "patchbay.mapping.drawer";
const LEAST = 120;
const HEAD_ONLY = 39;

function keptHeight(): number {
  const kept = Number(window.localStorage.getItem(KEY));
  return Number.isFinite(kept) && kept >= LEAST ? kept : 236;
}

type Props = {
  rows: PreviewRows | undefined;
  /** Why there are no samples or no answers about the mapping. */
  error: BackendError | null;
  isOpen: boolean;
  onOpen: (isOpen: boolean) => void;
};

/** What would happen: as a table, as one record, as a list of problems. */
export function Drawer({ rows, error, isOpen, onOpen }: Props) {
  const { store, syncId } = useEditor();
  const model = useModel();
  const tab = useEditorState((state) => state.tab);
  const [height, setHeight] = useState(keptHeight);
  const read = useReadSamples(syncId);
  const problems = (model.report?.diagnostics ?? []).filter(
    (problem) => problem.severity !== "hint",
  ).length;
  const errors = (model.report?.diagnostics ?? []).some((problem) => problem.severity === "error");

  function resize(next: number): void {
    const most = window.innerHeight * 0.7;
    const kept = Math.round(Math.max(LEAST, Math.min(most, next)));
    setHeight(kept);
    window.localStorage.setItem(KEY, String(kept));
  }

  function beginResize(event: PointerEvent<HTMLElement>): void {
    const grip = event.currentTarget;
    const [startY, start] = [event.clientY, isOpen ? height : HEAD_ONLY];
    grip.setPointerCapture(event.pointerId);
    const onMove = (move: globalThis.PointerEvent) => {
      const next = start + startY - move.clientY;
      onOpen(next > LEAST / 2);
      resize(next);
    };
    const onUp = () => {
      grip.removeEventListener("pointermove", onMove);
      grip.removeEventListener("pointerup", onUp);
    };
    grip.addEventListener("pointermove", onMove);
    grip.addEventListener("pointerup", onUp);
  }

  return (
    <section
      className="map-drawer"
      style={{ height: isOpen ? height : HEAD_ONLY }}
      aria-label="Preview and problems"
    >
      {/* biome-ignore lint/a11y/useSemanticElements: a rule that can be moved has no element of its own. */}
      <div
        role="separator"
        aria-orientation="horizontal"
        aria-label="Height of the drawer"
        aria-valuenow={height}
        tabIndex={0}
        className="map-drawer-grip"
        onPointerDown={beginResize}
        onKeyDown={(event) => {
          if (event.key === "ArrowUp" || event.key === "ArrowDown") {
            event.preventDefault();
            resize(height + (event.key === "ArrowUp" ? 24 : -24));
          }
        }}
      />
      <div className="map-tabs">
        <div role="tablist" aria-label="Drawer" className="flex gap-[18px]">
          {TABS.map(({ id, label }) => (
            <button
              key={id}
              type="button"
              role="tab"
              id={`map-tab-${id}`}
              aria-selected={tab === id}
              aria-controls="map-drawer-panel"
              className="map-tab"
              onClick={() => {
                store.set({ tab: id });
                onOpen(true);
              }}
            >
              {label}
              {id === "problems" && problems > 0 && (
                <span className={errors ? "map-count" : "map-count is-warn"}>{problems}</span>
              )}
            </button>
          ))}
        </div>
        <span className="flex-1" />
        <Summary rows={rows} />
        <IconButton
          label="Read new samples"
          icon={<RefreshCw size={13} className={read.isPending ? "animate-spin" : undefined} />}
          disabledReason={read.isPending ? "Reading…" : undefined}
          onClick={() => read.mutate(undefined, { onError: toastError })}
        />
        <IconButton
          label={isOpen ? "Close the drawer" : "Open the drawer"}
          icon={isOpen ? <ChevronDown size={15} /> : <ChevronUp size={15} />}
          onClick={() => onOpen(!isOpen)}
        />
      </div>
      {isOpen && (
        <div
          id="map-drawer-panel"
          role="tabpanel"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
          tabIndex={0}
          aria-labelledby={`map-tab-${tab}`}
          className="min-h-0 flex-1 overflow-auto -outline-offset-2"
        >
          {error && <Problem error={error} className="mx-[18px] my-2.5" />}
          {tab === "preview" && !error && <PreviewTable rows={rows} />}
          {tab === "record" && <RecordPanes />}
          {tab === "problems" && <ProblemList />}
        </div>
      )}
    </section>
  );
}

/** "200 samples · 3 min old · would create 12, update 31, leave 155, hold 2" */
function Summary({ rows }: { rows: PreviewRows | undefined }) {
  const { report, samples } = useModel();
  const now = useNow();
  const number = report?.samples ?? samples?.records.length;
  if (number === undefined) {
    return null;
  }
  const at = samples?.read_at ?? report?.samples_at;
  const parts = [
    `${count(number)} ${number === 1 ? "sample" : "samples"}`,
    at ? relative(at, now) : null,
    rows && rows.rows.length > 0
      ? `would create ${count(rows.creates)}, update ${count(rows.updates)}, leave ${count(rows.unchanged)}, hold ${count(rows.holds)}`
      : null,
  ];
  return (
    <span className="truncate text-ink3">{parts.filter((part) => part !== null).join(" · ")}</span>
  );
}
