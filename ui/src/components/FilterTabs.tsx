import type { ReactNode } from "react";
import { count } from "@/format/count";

type Option<T> = { value: T; label: string; count?: number };

type Props<T> = {
  label: string;
  options: readonly Option<T>[];
  isOn: (value: T) => boolean;
  onToggle: (value: T) => void;
  children?: ReactNode;
};

/** Filters as a row of buttons with their counts. */
export function FilterTabs<T extends string>({
  label,
  options,
  isOn,
  onToggle,
  children,
}: Props<T>) {
  return (
    <fieldset className="m-0 flex flex-wrap items-center gap-1.5 border-0 p-0">
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={isOn(option.value)}
          onClick={() => onToggle(option.value)}
          className="inline-flex items-center gap-1.5 rounded-full border border-line bg-panel px-2.5 py-0.5 text-sm whitespace-nowrap text-ink2 hover:bg-sunk aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:font-strong aria-pressed:text-accent"
        >
          {option.label}
          {option.count !== undefined && <span>{count(option.count)}</span>}
        </button>
      ))}
      {children}
    </fieldset>
  );
}
