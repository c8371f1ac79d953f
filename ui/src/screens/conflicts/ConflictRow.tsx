import { Check } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { ConflictView } from "@/api/bindings";
import { cx } from "@/components/cx";
import { Kbd } from "@/components/Kbd";
import { Tag } from "@/components/Pill";
import { Skeleton } from "@/components/Progress";
import { Time } from "@/components/Time";
import {
  type Choice,
  choiceWords,
  editText,
  isWhole,
  kindWord,
  ownValue,
  resultText,
  saidOf,
  undoTimes,
  whyNotChoose,
} from "@/screens/conflicts/choices";

const columns =
  "grid grid-cols-[20px_minmax(130px,0.9fr)_minmax(0,1fr)_minmax(0,1.15fr)_minmax(0,1.15fr)_minmax(0,1.15fr)] items-start gap-2.5 px-6";

type HeadProps = {
  sides: { source: string; target: string } | null;
  /** Whether all that fit are selected; null where only some are. */
  isSelected: boolean | null;
  onSelect: (isSelected: boolean) => void;
};

/** What stands in the columns, and the box that selects all. */
export function ListHead({ sides, isSelected, onSelect }: HeadProps) {
  return (
    <div
      className={`${columns} border-b border-line bg-panel py-[7px] text-xs font-semibold text-ink3`}
    >
      <input
        type="checkbox"
        aria-label="Select all that fit"
        title="Select all that fit (Ctrl A)"
        checked={isSelected === true}
        ref={(box) => {
          if (box !== null) {
            box.indeterminate = isSelected === null;
          }
        }}
        onChange={() => onSelect(isSelected !== true)}
        className="size-3.5 accent-accent"
      />
      <span aria-hidden>Field</span>
      <span aria-hidden>Last agreed</span>
      <span aria-hidden className="truncate">
        {sides?.source ?? "Source"} <Kbd>1</Kbd>
      </span>
      <span aria-hidden className="truncate">
        {sides?.target ?? "Target"} <Kbd>2</Kbd>
      </span>
      <span aria-hidden>Result</span>
    </div>
  );
}

/** The record under which its conflicts stand. */
export function RecordLine({ conflict, hasSync }: { conflict: ConflictView; hasSync: boolean }) {
  return (
    <div className="flex items-baseline gap-3 border-b border-line bg-sunk px-6 pt-2 pb-1">
      <b className="min-w-0 truncate font-mono text-sm font-semibold" title={conflict.title}>
        {conflict.title}
      </b>
      <span className="min-w-0 truncate text-xs text-ink3">
        {conflict.source_key} ⇄ {conflict.target_key}
      </span>
      <span className="ml-auto shrink-0 truncate text-xs text-ink3">
        {hasSync && `${conflict.sync_name} · `}
        <Time at={conflict.created_at} />
      </span>
    </div>
  );
}

/** In place of a conflict that is being read. */
export function LoadingConflict() {
  return (
    <div className={`${columns} border-b border-line pt-[37px] pb-[9px]`}>
      <span />
      <Skeleton className="h-5 w-2/3" />
      <Skeleton className="h-5 w-1/2" />
      <Skeleton className="h-5 w-full" />
      <Skeleton className="h-5 w-full" />
      <Skeleton className="h-5 w-1/3" />
    </div>
  );
}

type RowProps = {
  conflict: ConflictView;
  isCursor: boolean;
  /** The keyboard has come here: the row takes the focus. */
  grabs: boolean;
  isSelected: boolean;
  isEditing: boolean;
  onCursor: () => void;
  onSelect: (isRange: boolean) => void;
  onChoose: (choice: Choice) => void;
  onEdit: (isEditing: boolean) => void;
  onValue: (value: unknown) => void;
};

/** One thing that both sides do not agree on: what they last agreed on, what each says, and what was chosen. */
export function ConflictRow({
  conflict,
  isCursor,
  grabs,
  isSelected,
  isEditing,
  onCursor,
  onSelect,
  onChoose,
  onEdit,
  onValue,
}: RowProps) {
  const row = useRef<HTMLFieldSetElement>(null);
  useEffect(() => {
    if (grabs && !isEditing) {
      row.current?.focus({ preventScroll: true });
      // Rows above may have become higher or lower while they were read.
      void row.current?.scrollIntoView({ block: "nearest" });
    }
  }, [grabs, isEditing]);
  const result = resultText(conflict);
  const said = saidOf(conflict);
  const times = conflict.kind === "undo" ? undoTimes : null;
  return (
    <fieldset
      ref={row}
      tabIndex={isCursor ? 0 : -1}
      data-conflict={conflict.id}
      aria-label={`${isWhole(conflict) ? "The record" : conflict.field} of ${conflict.title}: ${times?.source ?? conflict.source_name} ${spoken(said.source)}, ${times?.target ?? conflict.target_name} ${spoken(said.target)}, ${result === null ? "not decided" : `decided: ${result}`}`}
      aria-current={isCursor || undefined}
      onFocus={onCursor}
      onMouseDown={(event) => {
        if (event.shiftKey) {
          // No text is marked by a click that widens the selection.
          event.preventDefault();
          onSelect(true);
        }
      }}
      className={cx(
        columns,
        "m-0 min-w-0 border-0 border-b border-line py-[7px] -outline-offset-2",
        isSelected ? "bg-accent-soft" : isCursor && "bg-sunk/70",
        isCursor && "shadow-[inset_3px_0_0_var(--accent)]",
      )}
    >
      <input
        type="checkbox"
        tabIndex={-1}
        aria-label={`Select ${conflict.field || "the record"} of ${conflict.title}`}
        checked={isSelected}
        onChange={() => onSelect(false)}
        className="mt-1 size-3.5 accent-accent"
      />
      <span className="flex min-w-0 flex-wrap items-baseline gap-x-2 gap-y-0.5 pt-0.5">
        <span className="min-w-0 font-medium break-words">
          {isWhole(conflict) ? "The whole record" : conflict.field}
        </span>
        <Tag tone="warn">{kindWord(conflict.kind)}</Tag>
      </span>
      <span className="min-w-0 pt-0.5 font-mono text-sm break-words text-ink3">
        {times !== null && <When time={times.base} />}
        {said.base}
      </span>
      <SideCell
        conflict={conflict}
        choice="source"
        time={times?.source}
        text={said.source}
        onChoose={onChoose}
      />
      <SideCell
        conflict={conflict}
        choice="target"
        time={times?.target}
        text={said.target}
        onChoose={onChoose}
      />
      {isEditing ? (
        <OwnValue conflict={conflict} onValue={onValue} onCancel={() => onEdit(false)} />
      ) : (
        <button
          type="button"
          tabIndex={-1}
          disabled={isWhole(conflict)}
          title={isWhole(conflict) ? undefined : "Type a value of your own (E)"}
          onClick={() => onEdit(true)}
          className={cx(
            "min-w-0 rounded-md border border-transparent bg-transparent px-1.5 py-0.5 text-left break-words text-ink enabled:hover:border-line2",
            result === null && "text-ink3",
          )}
        >
          {result === null ? (
            "Not decided"
          ) : (
            <>
              <Check aria-hidden size={12} className="mr-1 inline text-ok" />
              <span
                className={
                  isWhole(conflict) || conflict.decision?.take === "keep_both"
                    ? "text-sm"
                    : "font-mono text-sm"
                }
              >
                {result}
              </span>
            </>
          )}
        </button>
      )}
    </fieldset>
  );
}

function spoken(text: string): string {
  return text === "–" ? "has nothing" : `says ${text}`;
}

type CellProps = {
  conflict: ConflictView;
  choice: "source" | "target";
  time: string | undefined;
  text: string;
  onChoose: (choice: Choice) => void;
};

/** What one side says; a click takes it. */
function SideCell({ conflict, choice, time, text, onChoose }: CellProps) {
  const isTaken = conflict.decision?.take === choice;
  const isLost = conflict.decision != null && !isTaken && conflict.decision.take !== "keep_both";
  const whyNot = whyNotChoose(conflict, choice);
  const isDeleted = isWhole(conflict) && conflict.kind === `deleted_on_${choice}`;
  return (
    <button
      type="button"
      tabIndex={-1}
      aria-pressed={isTaken}
      aria-disabled={whyNot !== undefined || undefined}
      title={whyNot ?? `${choiceWords(conflict, choice)} (${choice === "source" ? 1 : 2})`}
      onClick={() => whyNot === undefined && onChoose(choice)}
      className={cx(
        "min-w-0 rounded-md border px-1.5 py-0.5 text-left font-mono text-sm break-words",
        isTaken
          ? "border-accent bg-accent-soft text-ink"
          : "border-line bg-panel text-ink hover:border-line2 hover:bg-sunk",
        isLost && "text-ink3 line-through",
        isDeleted && "text-bad",
      )}
    >
      {time !== undefined && <When time={time} />}
      {text}
    </button>
  );
}

/** Where it is not the platforms that do not agree. */
function When({ time }: { time: string }) {
  return <span className="block font-sans text-xs text-ink3 no-underline">{time}</span>;
}

type OwnProps = { conflict: ConflictView; onValue: (value: unknown) => void; onCancel: () => void };

function OwnValue({ conflict, onValue, onCancel }: OwnProps) {
  const { decision } = conflict;
  const [text, setText] = useState(() =>
    editText(decision?.take === "value" ? decision.value : (conflict.source ?? conflict.target)),
  );
  const [problem, setProblem] = useState<string | null>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Escape") {
      onCancel();
    } else if (event.key === "Enter") {
      const typed = ownValue(text, conflict);
      if ("problem" in typed) {
        setProblem(typed.problem);
      } else {
        onValue(typed.value);
      }
    }
  };
  return (
    <span className="min-w-0">
      <input
        // biome-ignore lint/a11y/noAutofocus: the person has just asked to type here.
        autoFocus
        aria-label={`Value of ${conflict.field} for both sides`}
        aria-invalid={problem !== null || undefined}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setProblem(null);
        }}
        onKeyDown={onKeyDown}
        onBlur={onCancel}
        className="w-full rounded-md border border-accent bg-panel px-1.5 py-0.5 font-mono text-sm text-ink aria-invalid:border-bad"
      />
      <span
        role={problem === null ? undefined : "alert"}
        className={cx("block text-xs", problem === null ? "text-ink3" : "text-bad")}
      >
        {problem ?? "Enter takes it for both sides, Esc leaves"}
      </span>
    </span>
  );
}
