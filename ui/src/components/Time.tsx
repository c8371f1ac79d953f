import { useSyncExternalStore } from "react";
import { exact, moment, relative } from "@/format/time";

const SECOND = 1000;
let now = Date.now();
const readers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | null = null;

function watchClock(reader: () => void): () => void {
  readers.add(reader);
  now = Date.now();
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of readers) {
      each();
    }
  }, SECOND);
  return () => {
    readers.delete(reader);
    if (readers.size === 0 && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  };
}

/** The present, moving on in steps: every ten seconds unless something is watched closely. */
export function useNow(step = 10 * SECOND): number {
  return useSyncExternalStore(watchClock, () => now - (now % step));
}

type Props = { at: number; look?: "relative" | "moment" };

/** A moment in words; the exact time is its tooltip. */
export function Time({ at, look = "relative" }: Props) {
  const present = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={exact(at)} className="whitespace-nowrap">
      {look === "relative" ? relative(at, present) : moment(at, present)}
    </time>
  );
}
