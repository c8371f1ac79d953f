import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useMemo, useState } from "react";
import { toast } from "sonner";
import type { ConflictView, Decision } from "@/api/bindings";
import { syncs } from "@/api/queries";
import { Button } from "@/components/Button";
import { VirtualList } from "@/components/VirtualList";
import { counted } from "@/format/count";
import { ConflictRow, columns, RecordLine } from "@/screens/conflicts/ConflictRow";
import {
  type Choice,
  choices,
  choiceWords,
  decisionOf,
  type Key,
  keyMeaning,
  linesOf,
  whyNotAlways,
  whyNotChoose,
} from "@/screens/conflicts/choices";
import { useDecide } from "@/screens/conflicts/use-decide";

type Props = {
  conflicts: readonly ConflictView[];
  onEnd: () => void;
  onFind: () => void;
};

/** The conflicts under their records. Everything can be done from the keyboard. */
export function ConflictList({ conflicts, onEnd, onFind }: Props) {
  const lines = useMemo(() => linesOf(conflicts), [conflicts]);
  const order = useMemo(
    () => lines.flatMap((line) => (line.kind === "conflict" ? [line.conflict] : [])),
    [lines],
  );
  const [cursor, setCursor] = useState({ id: order[0]?.id ?? "", at: 0 });
  const [grabs, setGrabs] = useState(false);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [editing, setEditing] = useState<string | null>(null);
  const [always, setAlways] = useState(false);
  const decide = useDecide();
  const { data: known = [] } = useQuery(syncs());

  // What was at the cursor may be gone: then it is what has taken its place.
  const found = order.findIndex((each) => each.id === cursor.id);
  const at = found >= 0 ? found : Math.min(cursor.at, order.length - 1);
  const current = order[at];
  const chosen = order.filter((each) => selected.has(each.id));
  const meant = chosen.length > 0 ? chosen : current === undefined ? [] : [current];
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
    const next = order[Math.max(0, Math.min(order.length - 1, to))];
    if (next !== undefined) {
      setCursor({ id: next.id, at: order.indexOf(next) });
      setGrabs(true);
    }
    return next;
  };
  const toggle = (conflict: ConflictView) =>
    setSelected((now) => {
      const next = new Set(now);
      if (!next.delete(conflict.id)) {
        next.add(conflict.id);
      }
      return next;
    });
  const widen = (to: number) => {
    const next = order[Math.max(0, Math.min(order.length - 1, to))];
    const [from, until] = at < to ? [at, to] : [to, at];
    setSelected(
      (now) =>
        new Set([...now, ...order.slice(Math.max(0, from), until + 1).map((each) => each.id)]),
    );
    if (next !== undefined) {
      go(order.indexOf(next));
    }
  };
  const nextOpen = () => {
    const rest = order.findIndex((each, index) => index > at && each.decision == null);
    return rest >= 0 ? rest : at + 1;
  };

  const apply = (wanted: readonly ConflictView[], decision: Decision | null) => {
    if (wanted.length === 0) {
      return;
    }
    const isRule = isAlways && (decision?.take === "source" || decision?.take === "target");
    decide.mutate({ ids: wanted.map((each) => each.id), decision, always: isRule });
    if (wanted.length > 1) {
      toast.success(
        decision === null
          ? `${counted(wanted.length, "choice")} taken back`
          : `${counted(wanted.length, "conflict")} decided`,
        { id: "decided", action: { label: "Undo", onClick: () => restore(wanted) } },
      );
    } else if (isRule) {
      const [only] = wanted;
      const name = decision?.take === "source" ? only?.source_name : only?.target_name;
      toast.success(`From now on ${name} decides over ${only?.field}`, {
        description: "You can change that under the field in the sync.",
      });
    }
    setAlways(false);
    setSelected(new Set());
    setEditing(null);
    if (wanted.length === 1 && decision !== null) {
      go(nextOpen());
    } else {
      setGrabs(true);
    }
  };
  /** Puts back what was chosen before, a request for each choice that there was. */
  const restore = (before: readonly ConflictView[]) => {
    const groups = new Map<string, { ids: string[]; decision: Decision | null }>();
    for (const { id, decision = null } of before) {
      const group = groups.get(JSON.stringify(decision)) ?? { ids: [], decision };
      group.ids.push(id);
      groups.set(JSON.stringify(decision), group);
    }
    for (const group of groups.values()) {
      decide.mutate({ ...group, always: false });
    }
  };
  const choose = (wanted: readonly ConflictView[], choice: Choice) =>
    apply(
      wanted.filter((each) => whyNotChoose(each, choice) === undefined),
      decisionOf(choice),
    );

  const run = (key: Key): boolean => {
    switch (key) {
      case "next":
        go(at + 1);
        return true;
      case "previous":
        go(at - 1);
        return true;
      case "select_next":
        widen(at + 1);
        return true;
      case "select_previous":
        widen(at - 1);
        return true;
      case "select":
        if (current !== undefined) {
          toggle(current);
        }
        return true;
      case "select_all":
        setSelected(new Set(order.map((each) => each.id)));
        return true;
      case "source":
      case "target":
      case "keep_both":
        choose(meant, key);
        return true;
      case "edit":
        if (current !== undefined && whyNotChoose(current, "value") === undefined) {
          setEditing(current.id);
        }
        return true;
      case "take_back":
        apply(
          meant.filter((each) => each.decision != null),
          null,
        );
        return true;
      case "always":
        setAlways((now) => !now);
        return true;
      case "find":
        onFind();
        return true;
      case "clear":
        setSelected(new Set());
        setAlways(false);
        return selected.size > 0;
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

  const [first] = order;
  const isOneSync = first !== undefined && order.every((each) => each.sync === first.sync);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: its rows and buttons take the keys, the list answers them.
    <div className="flex min-h-0 flex-1 flex-col" onKeyDown={onKeyDown}>
      <div
        aria-hidden
        className={`${columns} border-b border-line bg-panel py-[7px] text-xs font-semibold text-ink3`}
      >
        <span />
        <span>Field</span>
        <span>Last agreed</span>
        <span className="truncate">
          {isOneSync ? first.source_name : "Source"} <Kbd>1</Kbd>
        </span>
        <span className="truncate">
          {isOneSync ? first.target_name : "Target"} <Kbd>2</Kbd>
        </span>
        <span>Result</span>
      </div>
      <VirtualList
        items={lines}
        itemKey={(line) => `${line.kind} ${line.key}`}
        estimate={46}
        label="Conflicts"
        className="min-h-0 flex-1 bg-panel"
        onEnd={onEnd}
        reveal={lines.findIndex(
          (line) => line.kind === "conflict" && line.conflict.id === current?.id,
        )}
      >
        {(line) =>
          line.kind === "record" ? (
            <RecordLine conflict={line.conflict} count={line.count} />
          ) : (
            <ConflictRow
              conflict={line.conflict}
              isCursor={line.conflict.id === current?.id}
              grabs={grabs && line.conflict.id === current?.id}
              isSelected={selected.has(line.conflict.id)}
              isEditing={editing === line.conflict.id}
              onCursor={() => setCursor({ id: line.conflict.id, at: order.indexOf(line.conflict) })}
              onSelect={(isRange) =>
                isRange ? widen(order.indexOf(line.conflict)) : toggle(line.conflict)
              }
              onChoose={(choice) => choose([line.conflict], choice)}
              onEdit={(isEditing) => setEditing(isEditing ? line.conflict.id : null)}
              onValue={(value) => apply([line.conflict], { take: "value", value })}
            />
          )
        }
      </VirtualList>
      {current !== undefined && (
        <section
          aria-label="Decide"
          className="flex flex-wrap items-center gap-2 border-t border-line bg-panel px-6 py-2.5"
        >
          <p className="m-0 min-w-[240px] flex-1 break-words text-ink2" role="status">
            {chosen.length > 1
              ? `${counted(chosen.length, "conflict")} selected. A choice counts for all of them.`
              : (meant[0] ?? current).what}
          </p>
          {choices.map((choice) => {
            const words = choiceWords(meant[0] ?? current, choice);
            return (
              words !== null && (
                <Button
                  key={choice}
                  disabledReason={
                    meant.length === 1 ? whyNotChoose(meant[0] ?? current, choice) : undefined
                  }
                  onClick={() => choose(meant, choice)}
                >
                  {chosen.length > 1 ? wordsForMany(chosen, choice) : words}{" "}
                  <Kbd>{choices.indexOf(choice) + 1}</Kbd>
                </Button>
              )
            );
          })}
          <Button
            disabledReason={
              meant.length > 1
                ? "An own value is typed for one field at a time"
                : whyNotChoose(meant[0] ?? current, "value")
            }
            onClick={() => setEditing((meant[0] ?? current).id)}
          >
            Own value <Kbd>E</Kbd>
          </Button>
          <Button
            look="quiet"
            disabledReason={
              meant.some((each) => each.decision != null) ? undefined : "Nothing is decided here"
            }
            onClick={() => run("take_back")}
          >
            Take the choice back <Kbd>U</Kbd>
          </Button>
          <label
            title={noAlways ?? "The choice becomes a rule of the sync, from now on"}
            className="flex items-center gap-1.5 text-ink2 has-disabled:opacity-55"
          >
            <input
              type="checkbox"
              checked={isAlways}
              disabled={noAlways !== undefined}
              onChange={(event) => setAlways(event.currentTarget.checked)}
              className="size-3.5 accent-accent"
            />
            Always for this field <Kbd>A</Kbd>
          </label>
        </section>
      )}
    </div>
  );
}

/** The words that fit each of them; where they differ, what all have in common. */
function wordsForMany(conflicts: readonly ConflictView[], choice: Choice): string {
  const words = new Set(conflicts.map((each) => choiceWords(each, choice)));
  const [only] = words;
  return words.size === 1 && typeof only === "string" ? only : generalWords[choice];
}

const generalWords: Record<Choice, string> = {
  source: "Take the source",
  target: "Take the target",
  keep_both: "Keep both",
};

function Kbd({ children }: { children: string | number }) {
  return (
    <kbd aria-hidden className="rounded-[3px] border border-line px-1 font-sans text-2xs text-ink3">
      {children}
    </kbd>
  );
}
