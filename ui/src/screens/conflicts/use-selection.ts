import { useRef, useState } from "react";
import type { ConflictView } from "@/api/bindings";
import type { ConflictRequest } from "@/api/queries";
import type { Pages } from "@/api/use-pages";
import { toastError } from "@/components/Problem";
import { allThatFit } from "@/screens/conflicts/all-that-fit";
import { type Matter, matterOf } from "@/screens/conflicts/choices";

type Selected = ReadonlyMap<string, Matter>;

const NONE: Selected = new Map();

/** Which conflicts a choice counts for, whether they are on the page or not. */
export function useSelection(rows: Pages<ConflictView>, request: ConflictRequest) {
  const [selected, setSelected] = useState(NONE);
  // While all that fit are being read: how many it is so far.
  const [reading, setReading] = useState<number | null>(null);
  const going = useRef<AbortController>(null);

  const add = (conflicts: readonly Matter[]) =>
    setSelected((now) => new Map([...now, ...conflicts.map((each) => [each.id, each] as const)]));
  const stop = () => {
    going.current?.abort();
    setReading(null);
  };
  return {
    selected,
    reading,
    toggle: (conflict: ConflictView) =>
      setSelected((now) => {
        const next = new Map(now);
        if (!next.delete(conflict.id)) {
          next.set(conflict.id, matterOf(conflict));
        }
        return next;
      }),
    /** Those of the rows between two places, both included. */
    span: (one: number, other: number) => {
      const [first, last] = [Math.min(one, other), Math.max(one, other)];
      const kept = Array.from({ length: last - first + 1 }, (_, index) => rows.at(first + index));
      const here = kept.filter((each) => each !== undefined);
      add(here.map(matterOf));
      if (here.length < kept.length) {
        void rows
          .read(first, last)
          .then((all) => add(all.map(matterOf)))
          .catch(toastError);
      }
    },
    all: async () => {
      stop();
      const controller = new AbortController();
      going.current = controller;
      setReading(0);
      try {
        const found = await allThatFit(request, setReading, controller.signal);
        if (!controller.signal.aborted) {
          setSelected(new Map(found.map((each) => [each.id, each])));
          setReading(null);
        }
      } catch (error) {
        setReading(null);
        toastError(error);
      }
    },
    clear: () => {
      stop();
      setSelected(NONE);
    },
  };
}
