import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type ReactNode, useEffect, useState } from "react";
import { toast } from "sonner";
import type { ConflictView, Decision } from "@/api/bindings";
import { type ConflictRequest, conflictPage, syncs } from "@/api/queries";
import { usePages } from "@/api/use-pages";
import { ListBody } from "@/components/ListBody";
import { LoadingRows } from "@/components/LoadingRows";
import { VirtualRows } from "@/components/VirtualRows";
import { counted } from "@/format/count";
import {
  ConflictRow,
  ListHead,
  LoadingConflict,
  RecordLine,
} from "@/screens/conflicts/ConflictRow";
import {
  byDecision,
  type Choice,
  decisionOf,
  isSamePair,
  type Key,
  keyMeaning,
  type Matter,
  whyNotAlways,
  whyNotChoose,
} from "@/screens/conflicts/choices";
import { DecideBar } from "@/screens/conflicts/DecideBar";
import { useDecide } from "@/screens/conflicts/use-decide";
import { useSelection } from "@/screens/conflicts/use-selection";

type Props = {
  /** Which ones. */
  request: ConflictRequest;
  /** How many they are, where that is known without reading them. */
  expected: number | undefined;
  /** The two platforms, where all are of one sync. */
  sides: { source: string; target: string } | null;
  /** In place of the list when there are none. */
  empty: ReactNode;
  onFind: () => void;
};

/** What a conflict is high, with the line of its record. */
const ROW = 68;

/** So many rows a page is with the keyboard. */
const PAGE = 10;

/** The conflicts under their records. Everything can be done from the keyboard. */
export function ConflictList({ request, expected, sides, empty, onFind }: Props) {
  // The conflict that keys are about, and its place: it may be gone, or not be read yet.
  const [cursor, setCursor] = useState<{ id: string | null; at: number }>({ id: null, at: 0 });
  const rows = usePages<"list_conflicts", ConflictView>({
    page: (after) => conflictPage(request, after),
    rows: (answer) => answer.conflicts,
    next: (answer) => (answer.has_more ? (answer.conflicts.at(-1)?.id ?? null) : null),
    expected,
    kept: cursor.at,
  });
  const [grabs, setGrabs] = useState(false);
  const [editing, setEditing] = useState<string | null>(null);
  const [always, setAlways] = useState(false);
  const selection = useSelection(rows, request);
  const decide = useDecide();
  const { data: known = [] } = useQuery(syncs());

  const last = rows.count - 1;
  // What was at the cursor may be gone: then it is what has taken its place.
  const found = cursor.id === null ? -1 : rows.find((each) => each.id === cursor.id);
  const at = found >= 0 ? found : Math.min(cursor.at, last);
  const current = rows.at(at);
  const meant: readonly Matter[] =
    selection.selected.size > 0
      ? [...selection.selected.values()]
      : current === undefined
        ? []
        : [current];
  const isTwoWay = (id: string) => known.find((each) => each.id === id)?.is_two_way ?? false;
  const noAlways = meant
    .map((each) => whyNotAlways(each, isTwoWay(each.sync)))
    .find((why) => why !== undefined);
  const isAlways = always && noAlways === undefined;

  // A person who comes here can begin at once.
  useEffect(() => {
    const { activeElement } = document;
    if (activeElement === document.body || activeElement?.id === "content") {
      setGrabs(true);
    }
  }, []);

  const go = (to: number) => {
    const next = Math.max(0, Math.min(last, to));
    setCursor({ id: rows.at(next)?.id ?? null, at: next });
    setGrabs(true);
  };
  const widen = (to: number) => {
    const next = Math.max(0, Math.min(last, to));
    selection.span(at, next);
    go(next);
  };
  const nextOpen = () => {
    for (let row = at + 1; row <= last; row++) {
      const each = rows.at(row);
      if (each === undefined) {
        break;
      }
      if (each.decision == null) {
        return row;
      }
    }
    return at + 1;
  };

  const apply = (wanted: readonly Matter[], decision: Decision | null) => {
    if (wanted.length === 0) {
      return;
    }
    const isRule = isAlways && (decision?.take === "source" || decision?.take === "target");
    decide(wanted, decision, isRule);
    if (wanted.length > 1) {
      toast.success(
        decision === null
          ? `${counted(wanted.length, "choice")} taken back`
          : `${counted(wanted.length, "conflict")} decided`,
        {
          id: "decided",
          action: {
            label: "Undo",
            onClick: () => {
              for (const { ids, decision: before } of byDecision(wanted)) {
                decide(
                  ids.map((id) => ({ id })),
                  before,
                  false,
                );
              }
            },
          },
        },
      );
    } else if (isRule) {
      const [only] = wanted;
      const name = decision?.take === "source" ? only?.source_name : only?.target_name;
      toast.success(`From now on ${name} decides over ${only?.field}`, {
        description: "You can change that under the field in the sync.",
      });
    }
    setAlways(false);
    selection.clear();
    setEditing(null);
    if (wanted.length === 1 && decision !== null) {
      go(nextOpen());
    } else {
      setGrabs(true);
    }
  };
  const choose = (wanted: readonly Matter[], choice: Choice) =>
    apply(
      wanted.filter((each) => whyNotChoose(each, choice) === undefined),
      decisionOf(choice),
    );
  const takeBack = () =>
    apply(
      meant.filter((each) => each.decision != null),
      null,
    );
  const edit = () => {
    if (current !== undefined && whyNotChoose(current, "value") === undefined) {
      setEditing(current.id);
    }
  };

  const run = (key: Key): boolean => {
    if (selection.reading !== null && key !== "clear") {
      // What a choice would count for is not known yet.
      return true;
    }
    switch (key) {
      case "next":
        go(at + 1);
        return true;
      case "previous":
        go(at - 1);
        return true;
      case "page_down":
        go(at + PAGE);
        return true;
      case "page_up":
        go(at - PAGE);
        return true;
      case "first":
        go(0);
        return true;
      case "last":
        go(last);
        return true;
      case "select_next":
        widen(at + 1);
        return true;
      case "select_previous":
        widen(at - 1);
        return true;
      case "select":
        if (current !== undefined) {
          selection.toggle(current);
        }
        return true;
      case "select_all":
        void selection.all();
        return true;
      case "source":
      case "target":
      case "keep_both":
        choose(meant, key);
        return true;
      case "edit":
        edit();
        return true;
      case "take_back":
        takeBack();
        return true;
      case "always":
        setAlways((now) => !now);
        return true;
      case "find":
        onFind();
        return true;
      case "clear": {
        const isSelecting = selection.selected.size > 0 || selection.reading !== null;
        selection.clear();
        setAlways(false);
        return isSelecting;
      }
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { target } = event;
    const meaning = keyMeaning(event);
    const isControl = target instanceof HTMLElement && target.closest("button, input, a") !== null;
    // Space and Enter on a button are the button's.
    if (
      meaning !== null &&
      !(isControl && (event.key === " " || event.key === "Enter")) &&
      run(meaning)
    ) {
      event.preventDefault();
    }
  };

  return (
    <ListBody
      error={rows.error}
      onRetry={rows.retry}
      isPending={rows.isPending}
      isEmpty={rows.count === 0}
      loading={<LoadingRows label="Loading the conflicts">{() => <LoadingConflict />}</LoadingRows>}
      empty={empty}
    >
      {/* biome-ignore lint/a11y/noStaticElementInteractions: its rows and buttons take the keys, the list answers them. */}
      <div className="flex min-h-0 flex-1 flex-col" onKeyDown={onKeyDown}>
        <ListHead
          sides={sides}
          isSelected={
            selection.selected.size === 0 ? false : selection.selected.size >= rows.count || null
          }
          onSelect={(isSelected) => (isSelected ? void selection.all() : selection.clear())}
        />
        <VirtualRows
          count={rows.count}
          rowKey={(row) => rows.at(row)?.id ?? row}
          estimate={ROW}
          label="Conflicts"
          className="min-h-0 flex-1 bg-panel"
          onRange={rows.onRange}
          reveal={at}
        >
          {(row) => {
            const conflict = rows.at(row);
            if (conflict === undefined) {
              return <LoadingConflict />;
            }
            const { id } = conflict;
            return (
              <>
                {!isSamePair(conflict, rows.at(row - 1)) && (
                  <RecordLine conflict={conflict} hasSync={sides === null} />
                )}
                <ConflictRow
                  conflict={conflict}
                  isCursor={id === current?.id}
                  grabs={grabs && id === current?.id}
                  isSelected={selection.selected.has(id)}
                  isEditing={editing === id}
                  onCursor={() => setCursor({ id, at: row })}
                  onSelect={(isRange) => (isRange ? widen(row) : selection.toggle(conflict))}
                  onChoose={(choice) => choose([conflict], choice)}
                  onEdit={(isEditing) => setEditing(isEditing ? id : null)}
                  onValue={(value) => apply([conflict], { take: "value", value })}
                />
              </>
            );
          }}
        </VirtualRows>
        {rows.count > 0 && (
          <DecideBar
            meant={meant}
            what={current?.what ?? ""}
            reading={selection.reading}
            expected={expected}
            isAlways={isAlways}
            whyNotAlways={noAlways}
            onAlways={setAlways}
            onChoose={(choice) => choose(meant, choice)}
            onValue={edit}
            onTakeBack={takeBack}
            onClear={selection.clear}
          />
        )}
      </div>
    </ListBody>
  );
}
