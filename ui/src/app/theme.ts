import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const KEY = "patchbay.theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");
const readers = new Set<() => void>();

function stored(): Theme {
  const value = window.localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

let theme: Theme = stored();

function paint(): void {
  const dark = theme === "dark" || (theme === "system" && system.matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  for (const reader of readers) {
    reader();
  }
}

/** Sets the colours before the first paint and follows the system from then on. */
export function startTheme(): void {
  paint();
  system.addEventListener("change", paint);
}

export function setTheme(next: Theme): void {
  theme = next;
  if (next === "system") {
    window.localStorage.removeItem(KEY);
  } else {
    window.localStorage.setItem(KEY, next);
  }
  paint();
}

function watch(reader: () => void): () => void {
  readers.add(reader);
  return () => readers.delete(reader);
}

export function useTheme(): Theme {
  return useSyncExternalStore(watch, () => theme);
}

/** The colours in force: "system" resolved. */
export function useColors(): "light" | "dark" {
  return useSyncExternalStore(watch, () =>
    document.documentElement.dataset.theme === "dark" ? "dark" : "light",
  );
}
